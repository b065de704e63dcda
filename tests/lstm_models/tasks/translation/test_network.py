import math

import pytest
import torch

from lstm_models.tasks.translation.config import TranslatorConfig
from lstm_models.tasks.translation.network import TranslationNetwork, collate
from lstm_models.text.word_pieces import END

ITEMS = [
    {"source": [5, 6, 7, END], "target": [8, 9, END]},
    {"source": [10, END], "target": [11, 12, 13, 14, END]},
    {"source": [7, 7, 7, 7, 9, 20, END], "target": [END]},
]


@pytest.fixture
def network():
    torch.manual_seed(0)
    return TranslationNetwork(TranslatorConfig("", "en", "de", 6, 5, 2, 7, dropout=0.4)).eval()


def test_a_sentence_in_a_batch_is_as_it_is_alone(network):
    batch = collate(ITEMS)
    log_p, looks = network(batch["source"], batch["source_lengths"], batch["target"])
    for row, item in enumerate(ITEMS):
        alone = collate([item])
        one, where = network(alone["source"], alone["source_lengths"], alone["target"])
        torch.testing.assert_close(log_p[row, : one.size(1)], one[0])
        torch.testing.assert_close(looks[row, : where.size(1), : where.size(2)], where[0])
        assert not looks[row, :, where.size(2) :].any()
    torch.testing.assert_close(looks.sum(-1), torch.ones(looks.shape[:2]))


def test_steps_give_what_the_whole_gives(network):
    batch = collate(ITEMS)
    log_p, looks = network(batch["source"], batch["source_lengths"], batch["target"])
    source = network.encode(batch["source"], batch["source_lengths"])
    state = network.initial(source)
    before = torch.full((len(ITEMS),), END)
    for step in range(batch["target"].size(1)):
        found, where, state = network.step(before, state, source)
        torch.testing.assert_close(found, log_p[:, step])
        torch.testing.assert_close(where, looks[:, step])
        before = batch["target"][:, step]


def test_the_equations_by_torch_s_own_layers(network):
    """Wu et al. 2016, section 3: the lower LSTM's output asks, the upper LSTM reads it with what was seen."""
    item = collate(ITEMS[:1])
    size = network.config.embedding_size
    weight = network.pieces.weight.detach()
    read, (h, _) = network.encoder.to_torch()(weight[item["source"]] * math.sqrt(size))
    start = torch.tanh(network.start(torch.cat([h[-2], h[-1]], 1))).chunk(4, 1)
    before = torch.tensor([[END, 8, 9]])
    low, _ = network.lower.to_torch()(weight[before] * math.sqrt(size), (start[0][None], start[1][None]))
    scores = torch.einsum("btd,bsd->bts", low, read @ network.key.weight.t()) / math.sqrt(7)
    weights = scores.softmax(-1)
    seen = torch.einsum("bts,bsd->btd", weights, read)
    high, _ = network.upper.to_torch()(torch.cat([low, seen], -1), (start[2][None], start[3][None]))
    features = torch.tanh(network.output(torch.cat([high, seen], -1)))
    log_p, looks = network(item["source"], item["source_lengths"], item["target"])
    torch.testing.assert_close(log_p, (features @ weight.t() + network.bias).log_softmax(-1))
    torch.testing.assert_close(looks, weights)


def test_loss_counts_pieces_and_sentences_and_is_their_log_probability(network):
    batch = collate(ITEMS)
    log_p, _ = network(batch["source"], batch["source_lengths"], batch["target"])
    wanted = -sum(
        log_p[row, step, piece] for row, item in enumerate(ITEMS) for step, piece in enumerate(item["target"])
    )
    result = network.loss(batch)
    torch.testing.assert_close(result["loss"], wanted)
    assert (int(result["points"]), int(result["lines"])) == (9, 3)
    assert 0 <= int(result["right"]) <= 9


def test_training_reaches_every_weight(network):
    network.train()
    result = network.loss(collate(ITEMS))
    result["loss"].backward()
    assert all(parameter.grad is not None for parameter in network.parameters())
    assert all(bool(parameter.grad.abs().sum() > 0) for parameter in network.parameters())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"decoder_size": 0}, "decoder_size must be at least 1"),
        ({"dropout": 1.0}, "dropout must be from 0 to below 1"),
        ({"temperature": 0.0}, "temperature must be above 0"),
        ({"target": "German"}, "target is a language's code"),
    ],
)
def test_configs_that_cannot_be(change, message):
    with pytest.raises(ValueError, match=message):
        TranslatorConfig(**change)
