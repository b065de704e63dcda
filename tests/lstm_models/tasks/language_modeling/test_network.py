"""The network beside torch's own LSTM, and its loss by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from lstm_models.tasks.language_modeling.config import LanguageModelConfig
from lstm_models.tasks.language_modeling.network import LanguageNetwork, collate
from lstm_models.text.word_pieces import END

torch.set_num_threads(1)


def network(**options) -> LanguageNetwork:
    torch.manual_seed(0)
    return LanguageNetwork(LanguageModelConfig(embedding_size=6, hidden_size=10, layers=2, **options)).eval()


def torch_logits(ours: LanguageNetwork, tokens: torch.Tensor) -> torch.Tensor:
    theirs = torch.nn.LSTM(6, 10, 2, batch_first=True)
    for layer, cell in enumerate(ours.lstm.cells):
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            value = getattr(cell, name, None)
            target = getattr(theirs, f"{name}_l{layer}")
            target.data.copy_(value if value is not None else torch.zeros_like(target))
        if not hasattr(cell, "bias_ih"):
            theirs.get_parameter(f"bias_ih_l{layer}").data.copy_(cell.bias)
    hidden, _ = theirs(F.embedding(tokens, ours.embedding.weight))
    return hidden @ ours.bridge.weight.T @ ours.embedding.weight.T + ours.bias


def test_log_probabilities_are_those_of_torchs_lstm_and_tied_weights():
    ours, tokens = network(), torch.tensor([[END, 70, 80, 90], [END, 3, 4, 5]])
    with torch.no_grad():
        log_probs, _ = ours(tokens)
        torch.testing.assert_close(log_probs, torch_logits(ours, tokens).log_softmax(-1), atol=1e-5, rtol=1e-5)
    assert log_probs.shape == (2, 4, 259)


def test_steps_are_the_whole():
    ours, tokens = network(), torch.tensor([[END, 70, 80]])
    state = ours.lstm.initial_state(1)
    with torch.no_grad():
        whole, _ = ours(tokens)
        for place in range(3):
            found, state = ours.step(tokens[:, place], state)
            torch.testing.assert_close(found, whole[:, place], atol=1e-5, rtol=1e-5)


def test_loss_is_the_sum_over_targets_and_the_state_goes_on_unless_a_text_begins():
    ours = network()
    line = torch.tensor([[END, 70, 80, 90, 100, 110, 120]])
    with torch.no_grad():
        log_probs, _ = ours(line[:, :-1])
        wanted = -log_probs.gather(-1, line[:, 1:, None])[..., 0]
        first = ours.loss({"tokens": line[:, :4], "first": torch.tensor(True)})
        second = ours.loss({"tokens": line[:, 3:], "first": torch.tensor(False)})
        assert float(first["loss"]) == pytest.approx(float(wanted[0, :3].sum()), abs=1e-4)
        assert float(second["loss"]) == pytest.approx(float(wanted[0, 3:].sum()), abs=1e-4)
        assert float(second["points"]) == 3
        begins = torch.tensor([[END, 70, 80]])
        again = ours.loss({"tokens": begins, "first": torch.tensor(False)})
        fresh = ours.loss({"tokens": begins, "first": torch.tensor(True)})
        assert float(again["loss"]) == pytest.approx(float(fresh["loss"]), abs=1e-5)


def test_penalties_count_while_training_alone():
    batch = {"tokens": torch.tensor([[END, 70, 80, END]]), "first": torch.tensor(True)}
    ours = network(activation_penalty=2.0, slowness_penalty=3.0)
    with torch.no_grad():
        plain = ours.loss(batch)["loss"]
        outputs, _ = ours.outputs(batch["tokens"][:, :-1])
        penalty = 2 * outputs.square().mean() + 3 * (outputs[:, 1:] - outputs[:, :-1]).square().mean()
        ours.train()
        assert float(ours.loss(batch)["loss"]) == pytest.approx(float(plain + 3 * penalty), abs=1e-5)


@pytest.mark.parametrize(
    "kind", ["input_dropout", "hidden_dropout", "output_dropout", "embedding_dropout", "weight_dropout"]
)
def test_every_kind_of_dropout_acts_while_training_alone(kind):
    ours = network(**{kind: 0.5})
    batch = {"tokens": torch.arange(3, 43).view(2, 20), "first": torch.tensor(True)}
    still = {float(ours.loss(batch)["loss"]) for _ in range(3)}
    ours.train()
    drawn = {float(ours.loss(batch)["loss"]) for _ in range(3)}
    assert len(still) == 1
    assert len(drawn) == 3


def test_untrained_it_is_as_good_as_guessing():
    batch = {"tokens": torch.arange(3, 43).view(2, 20), "first": torch.tensor(True)}
    found = network().loss(batch)
    assert float(found["loss"] / found["points"]) == pytest.approx(math.log(259), abs=0.1)


def test_collate_takes_one_item():
    tokens = torch.zeros(2, 3, dtype=torch.long)
    assert collate([{"tokens": tokens, "first": True}])["first"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"layers": 0}, "layers must be at least 1"),
        ({"weight_dropout": 1.0}, "weight_dropout must be from 0 to below 1"),
        ({"activation_penalty": -1.0}, "activation_penalty must be 0 or more"),
        ({"merges": "a b", "words": "<unk>"}, "two vocabularies"),
    ],
)
def test_options_that_cannot_be(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        LanguageModelConfig(**options)
