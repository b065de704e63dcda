"""The layout of a scene: its loss from log probabilities written out, attention, and padding that never matters."""

from __future__ import annotations

import pytest
import torch

from lstm_models.tasks.image_generation.scene_layout import LayoutItem, SceneLayout, SceneLayoutConfig, collate

CONFIG = SceneLayoutConfig("a b c", kinds=3, grid=5, word_size=4, sentence_size=3, decoder_size=6)
ITEMS = [LayoutItem((1, 2), ((2, 0, 4),)), LayoutItem((3, 1, 2, 2), ((0, 1, 1), (1, 3, 2)))]


@pytest.fixture
def layout():
    torch.manual_seed(0)
    made = SceneLayout(CONFIG).eval()
    torch.nn.init.normal_(made.attention.score)
    return made


def written_out(layout: SceneLayout, item: LayoutItem) -> float:
    """−log p of the digits and the end, step by step."""
    memory, keys, padding, state = layout.read(torch.tensor([item.words]))
    before, total = torch.tensor([[3, 0, 0]]), 0.0
    for kind, *place in (*item.digits, (3,)):
        found, _, state = layout.step(before, (memory, keys, padding), state)
        for odds, wanted in zip(found, (kind, *place), strict=False):
            total -= float(odds[0].log_softmax(0)[wanted])
        before = torch.tensor([[kind, *(place or (0, 0))]])
    return total


@torch.no_grad()
def test_the_loss_is_that_of_each_sentence_by_itself(layout):
    found = layout.loss(collate(ITEMS))
    assert float(found["loss"]) == pytest.approx(sum(written_out(layout, item) for item in ITEMS), rel=1e-5)
    assert (int(found["points"]), float(found["lines"])) == (5, 2.0)


@torch.no_grad()
def test_attention_is_bahdanaus(layout):
    memory, keys, padding, state = layout.read(torch.tensor([[1, 3, 2]]))
    _, weights, _ = layout.step(torch.tensor([[3, 0, 0]]), (memory, keys, padding), state)
    attention = layout.attention
    query = state.h[0, 0] @ attention.query.weight.T
    scores = torch.stack([attention.score @ torch.tanh(attention.key(word) + query) for word in memory[0]])
    torch.testing.assert_close(weights[0], scores.softmax(0))


def test_every_parameter_learns(layout):
    layout.train().loss(collate(ITEMS))["loss"].backward()
    for name, parameter in layout.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_the_digits_of_a_sentence_are_placed_by_the_seed(layout):
    layout.kind.bias.data = torch.tensor([9.0, 0, 0, 0])  # always the first, and never an end
    found = layout.place([1, 2], seed=1)
    assert len(found) == 8
    assert {digit.kind for digit in found} == {0}
    assert found[0].attention.shape == (2,)
    again, other = layout.place([1, 2], seed=1), layout.place([1, 2], seed=2)
    assert [digit[:3] for digit in again] == [digit[:3] for digit in found] != [digit[:3] for digit in other]
    still = [[digit[:3] for digit in layout.place([1, 2], seed=seed, temperature=0)] for seed in (1, 2)]
    assert still[0] == still[1]
    layout.kind.bias.data = torch.tensor([0, 0, 0, 99.0])
    assert layout.place([1, 2], seed=1) == []


@pytest.mark.parametrize("bad", [{"words": "a a"}, {"grid": 0}, {"decoder_size": 0}])
def test_a_config_that_cannot_be(bad):
    with pytest.raises(ValueError, match="layout: "):
        SceneLayoutConfig(**bad)
