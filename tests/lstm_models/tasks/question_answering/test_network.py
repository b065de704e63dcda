"""Tests of the network that reads a passage with a question."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch

from lstm_models.tasks.question_answering.config import QuestionAnswererConfig
from lstm_models.tasks.question_answering.features import WordNumbers, match_flags
from lstm_models.tasks.question_answering.network import NOWHERE, Item, QuestionAnsweringNetwork, collate

WORDS = "the cat sat on a mat and who where"
CONFIG = QuestionAnswererConfig(
    WORDS, embedding_size=6, tuned_words=3, ending_size=4, ending_buckets=8, encoder_size=5, attention_size=6,
    modeling_size=5, longest_answer=4,
)  # fmt: skip


@pytest.fixture
def network():
    torch.manual_seed(0)
    made = QuestionAnsweringNetwork(CONFIG).eval()
    torch.nn.init.normal_(made.tuned.weight)
    return made


def item(passage, *questions, spans=None):
    numbers = WordNumbers(WORDS, 8)
    text, asked = numbers.encode(passage.split()), [numbers.encode(question.split()) for question in questions]
    spans = spans or [(NOWHERE, NOWHERE)] * len(asked)
    return Item(text, asked, [match_flags(text, each) for each in asked], spans)


def read(network, batch):
    return [network.read_part(batch, kind) for kind in ("passage", "question")]


@torch.no_grad()
def found(network, *items):
    batch = collate(items)
    passage, question = read(network, batch)
    return network(passage, question, batch["owner"], batch["flags"]), question


@pytest.mark.parametrize("filters", [0, 3])
def test_what_stands_in_padding_does_not_matter(filters):
    torch.manual_seed(0)
    network = QuestionAnsweringNetwork(dataclasses.replace(CONFIG, character_filters=filters)).eval()
    if filters:
        torch.nn.init.normal_(network.characters.output.weight)
    one, two = item("the cat sat", "who sat"), item("the cat sat on a mat and sat", "where", "who sat on the mat")
    together, _ = found(network, one, two)
    for number, (passage, question) in enumerate(
        [("the cat sat", "who sat"), ("the cat sat on a mat and sat", "where"),
         ("the cat sat on a mat and sat", "who sat on the mat")]
    ):  # fmt: skip
        alone, _ = found(network, item(passage, question))
        size = alone.start.size(1)
        torch.testing.assert_close(together.start[number, :size], alone.start[0], atol=1e-5, rtol=1e-4)
        assert (together.start[number, size:] == -math.inf).all()


def test_starts_and_ends_are_probabilities(network):
    pointers, question = found(network, item("the cat sat on", "who sat"))
    assert pointers.start.exp().sum() == pytest.approx(1)
    with torch.no_grad():
        ends = network.ends(pointers, torch.tensor([2]), question)
    assert ends.exp().sum() == pytest.approx(1)
    assert (ends[0, 2:] == -math.inf).all()  # beyond the passage's four tokens
    assert pointers.alignment.shape == (1, 4, 2)
    assert pointers.alignment.sum(-1) == pytest.approx(torch.ones(1, 4))


def test_the_loss_is_the_negative_log_probability(network):
    batch = collate([item("the cat sat on", "who sat", "where", spans=[(1, 2), (NOWHERE, NOWHERE)])])
    pointers, question = found(network, item("the cat sat on", "who sat", "where"))
    ends = network.ends(pointers, torch.tensor([1, 0]), question)
    wanted = -(pointers.start[0, 1 + 1] + ends[0, 1] + pointers.start[1, 0])
    result = network.loss(batch)
    assert float(result["loss"]) == pytest.approx(float(wanted), rel=1e-5)
    assert (float(result["points"]), int(result["lines"])) == (2, 1)
    assert int(result["exact"]) in (0, 1)


def test_an_answer_that_stands_twice_may_be_either(network):
    one = item("the cat sat on the cat", "who sat", "where", spans=[(0, 1), (NOWHERE, NOWHERE)])
    batch = collate([item("a mat", "who", spans=[(0, 0)]), one._replace(repeats=[(0, 4, 5)])])
    assert batch["repeats"].tolist() == [[1, 4, 5]]
    pointers, question = found(network, item("a mat", "who"), one)
    first, again = (network.ends(pointers, torch.tensor([0, place, 0]), question) for place in (0, 4))
    spans = [pointers.start[1, 1 + place] + ends[1, 1] for place, ends in ((0, first), (4, again))]
    wanted = -(pointers.start[0, 1] + first[0, 0] + torch.logaddexp(*spans) + pointers.start[2, 0])
    assert float(network.loss(batch)["loss"]) == pytest.approx(float(wanted), rel=1e-5)


@torch.no_grad()
def test_words_that_are_not_known_differ_by_their_characters(network):
    config = dataclasses.replace(CONFIG, character_filters=3)
    spelling = QuestionAnsweringNetwork(config).eval()
    spelling.load_state_dict(network.state_dict(), strict=False)
    batch = collate([item("1984 2001 1984 the", "who")])
    before, after = (read(each, batch)[0].words[0] for each in (network, spelling))
    torch.testing.assert_close(before, after)  # nothing at first
    torch.nn.init.normal_(spelling.characters.output.weight)
    words = read(spelling, batch)[0].words[0]
    torch.testing.assert_close(words[0], words[2])
    assert (words[0] - words[1]).abs().max() > 0.01
    # The convolution by hand: the highest of its values at each place, none below 0
    layer, places = spelling.characters, [ord(each) - 30 for each in "1984"]
    letters = torch.cat([torch.zeros(2, 16), layer.characters(torch.tensor(places + [0] * 12)), torch.zeros(2, 16)])
    letters[:2] = letters[-2:] = 0
    values = [(layer.convolution.weight * letters[at : at + 5].T).sum((1, 2)) for at in range(16)]
    found_in = (torch.stack(values).amax(0) + layer.convolution.bias).relu()
    torch.testing.assert_close(words[0] - before[0], layer.output.weight @ found_in, atol=1e-5, rtol=1e-4)


@pytest.mark.slow
def test_it_learns_a_toy():
    torch.manual_seed(0)
    config = dataclasses.replace(CONFIG, dropout=0.0, embedding_dropout=0.0)
    network = QuestionAnsweringNetwork(config).train()
    places = [item("a cat sat on the mat", "who", spans=[(1, 1)]), item("the mat and a cat", "who", spans=[(4, 4)])]
    optimizer = torch.optim.Adam([each for each in network.parameters() if each.requires_grad], 0.02)
    for _ in range(120):
        optimizer.zero_grad()
        network.loss(collate(places))["loss"].backward()
        optimizer.step()
    network.eval()
    assert int(network.loss(collate(places))["exact"]) == 2


def test_only_the_first_words_vectors_are_trained(network):
    network.train()
    network.loss(collate([item("the cat sat on", "where", spans=[(0, 0)])]))["loss"].backward()
    assert network.vectors.weight.grad is None
    touched = network.tuned.weight.grad.abs().sum(1) > 0
    assert touched[2]  # "the"
    assert not touched[1]


@pytest.mark.parametrize(
    ("change", "name"),
    [({"encoder_size": 0}, "encoder_size"), ({"dropout": 1.0}, "dropout"), ({"tuned_words": -1}, "tuned_words"),
     ({"character_filters": -1}, "character_filters"), ({"presence_bias": math.inf}, "presence_bias"),
     ({"threshold": 2.0}, "threshold"), ({"temperature": 0.0}, "temperature")],
)  # fmt: skip
def test_sizes_that_cannot_be(change, name):
    with pytest.raises(ValueError, match=name):
        QuestionAnswererConfig(**change)
