"""Dropout kinds: how much is dropped, that a mask lasts a sequence, and that nothing is left of it outside training."""

import pytest
import torch
from torch import Tensor

from lstm_models.nn.cells import CELLS
from lstm_models.nn.dropout import CellMasks, Dropout, DropoutMasks, draw_mask, drop_features
from lstm_models.nn.lstm import LSTM, LSTMState

EVERY = Dropout(input=0.2, hidden=0.3, recurrent=0.25, weight=0.4)


def without(lstm: LSTM) -> LSTM:
    """The same weights without dropout."""
    kind = type(lstm.cells[0])
    plain = LSTM(lstm.input_size, lstm.hidden_size, lstm.layers, cell=kind, bidirectional=lstm.bidirectional)
    plain.load_state_dict(lstm.state_dict())
    return plain


@pytest.mark.parametrize("fraction", [-0.1, 1.0, 2.0, float("nan")])
@pytest.mark.parametrize("kind", ["input", "hidden", "recurrent", "weight", "zoneout_h", "zoneout_c"])
def test_impossible_fractions_are_named(kind: str, fraction: float) -> None:
    with pytest.raises(ValueError, match=f"{kind} dropout is {fraction}, but a fraction from 0 to below 1 is needed"):
        Dropout(**{kind: fraction})


def test_a_number_is_dropout_between_layers() -> None:
    assert LSTM(2, 3, 2, dropout=0.3).dropout == Dropout(hidden=0.3)


def test_masks_keep_the_mean() -> None:
    torch.manual_seed(0)
    mask = draw_mask(0.3, 200, 500, like=torch.zeros(1, dtype=torch.float64))
    assert mask.dtype == torch.float64
    assert sorted(mask.unique().tolist()) == pytest.approx([0, 1 / 0.7])
    assert mask.mean().item() == pytest.approx(1, abs=0.01)
    assert draw_mask(0.0, 2, 2, like=mask) is None


@pytest.mark.parametrize("cell", sorted(CELLS))
def test_outside_training_dropout_does_nothing(cell: str) -> None:
    lstm = LSTM(4, 5, 3, cell=cell, dropout=EVERY, bidirectional=True).eval()
    x = torch.randn(3, 7, 4)
    for lengths in (None, [7, 2, 5]):
        first, second = lstm(x, lengths=lengths)[0], lstm(x, lengths=lengths)[0]
        assert torch.equal(first, second)
        assert torch.equal(first, without(lstm)(x, lengths=lengths)[0])


@pytest.mark.parametrize(
    "dropout", [Dropout(**{kind: 0.5}) for kind in ("input", "hidden", "recurrent", "weight", "zoneout_h", "zoneout_c")]
)
def test_training_draws_anew(dropout: Dropout) -> None:
    lstm, x = LSTM(4, 8, 2, dropout=dropout), torch.randn(3, 7, 4)
    assert not torch.equal(lstm(x)[0], lstm(x)[0])
    torch.manual_seed(3)
    first = lstm(x)[0]
    torch.manual_seed(3)
    assert torch.equal(lstm(x)[0], first)


def masked_by_hand(lstm: LSTM, x: Tensor, noise: DropoutMasks) -> Tensor:
    """Every frame of a sequence times the same mask, written out step by step."""
    x, cells = x * noise.input[:, None], without(lstm).cells
    for layer, cell in enumerate(cells):
        one, outputs = noise.cells[layer], []
        h, c = x.new_zeros(len(x), lstm.hidden_size), x.new_zeros(len(x), lstm.hidden_size)
        with torch.no_grad():
            cell.weight_hh.mul_(one.weight)
        for frame in x.unbind(1):
            h, c = cell.step(frame, h * one.recurrent, c)
            outputs.append(h)
        x = torch.stack(outputs, 1)
        if layer < len(cells) - 1:
            x = x * noise.hidden[layer][:, None]
    return x


@pytest.mark.parametrize("cell", sorted(CELLS))
@pytest.mark.parametrize("dropout", [EVERY, Dropout(input=0.2, hidden=0.3, weight=0.4, recurrent=0.01)])
def test_one_mask_a_sequence(cell: str, dropout: Dropout) -> None:
    torch.manual_seed(0)
    lstm, x = LSTM(4, 6, 3, cell=cell, dropout=dropout), torch.randn(5, 8, 4)
    noise = lstm.draw_noise(5)
    wanted = masked_by_hand(lstm, x, noise)
    torch.testing.assert_close(lstm(x, noise=noise)[0], wanted, rtol=0, atol=3e-6)
    # unequal lengths: every sequence keeps its own masks whatever the order of work
    lengths = [3, 8, 0, 5, 8]
    output, _ = lstm(x, lengths=lengths, noise=noise)
    for row, length in enumerate(lengths):
        torch.testing.assert_close(output[row, :length], wanted[row, :length], rtol=0, atol=3e-6)
    # chunks and single steps with the same masks are the whole
    first, state = lstm(x[:, :3], noise=noise)
    second, _ = lstm(x[:, 3:], state, noise=noise)
    torch.testing.assert_close(torch.cat([first, second], 1), wanted, rtol=0, atol=3e-6)
    state = lstm.initial_state(5)
    for t, frame in enumerate(x.unbind(1)):
        output, state = lstm.step(frame, state, noise)
        torch.testing.assert_close(output, wanted[:, t], rtol=0, atol=3e-6)


def test_weight_drop_reaches_torchs_kernel_and_its_gradient() -> None:
    lstm, x = LSTM(4, 6, dropout=Dropout(weight=0.5)), torch.randn(3, 9, 4)
    noise = lstm.draw_noise(3)
    lstm(x, noise=noise)[0].sum().backward()
    dropped = noise.cells[0].weight.eq(0)
    assert 0.3 < dropped.float().mean() < 0.7
    assert lstm.cells[0].weight_hh.grad[dropped].eq(0).all()
    assert lstm.cells[0].weight_hh.grad[~dropped].ne(0).all()


@pytest.mark.parametrize("cell", sorted(CELLS))
@pytest.mark.parametrize("name", ["zoneout_h", "zoneout_c"])
def test_zoneout_keeps_its_share_of_units(cell: str, name: str) -> None:
    torch.manual_seed(0)
    lstm = LSTM(4, 100, cell=cell, dropout=Dropout(**{name: 0.3}))
    x, noise = torch.randn(20, 11, 4), None
    kept, state = [], lstm.initial_state(20)
    for t in range(11):
        before = state
        noise = lstm.draw_noise(20)
        _, state = lstm.step(x[:, t], state, noise)
        old, new = (before.h, state.h) if name == "zoneout_h" else (before.c, state.c)
        kept.append(old.eq(new).float().mean())
    assert torch.stack(kept)[1:].mean().item() == pytest.approx(0.3, abs=0.02)
    if name == "zoneout_h":
        output = lstm(x)[0]
        same = output[:, 1:].eq(output[:, :-1]).float()
        assert same.mean().item() == pytest.approx(0.3, abs=0.02)
        # drawn anew for every unit, step and sequence
        assert same.mean((0, 1)).std() < 0.08
        assert same.mean((0, 2)).std() < 0.03


@pytest.mark.parametrize("cell", sorted(CELLS))
def test_zoneout_outside_training_is_its_expectation(cell: str) -> None:
    """h' = 0.2 h + 0.8 ĥ and c' = 0.4 c + 0.6 ĉ, with ĥ and ĉ what the cell makes of h and c (Krueger et al. 2017)."""
    torch.manual_seed(0)
    lstm = LSTM(4, 6, cell=cell, dropout=Dropout(zoneout_h=0.2, zoneout_c=0.4)).eval()
    plain, x = without(lstm), torch.randn(3, 9, 4)
    state = lstm.initial_state(3)
    outputs = []
    for frame in x.unbind(1):
        _, new = plain.step(frame, state)
        state = LSTMState(0.2 * state.h + 0.8 * new.h, 0.4 * state.c + 0.6 * new.c)
        outputs.append(state.h[0])
    output, last = lstm(x)
    torch.testing.assert_close(output, torch.stack(outputs, 1), rtol=0, atol=1e-6)
    torch.testing.assert_close(last.c, state.c, rtol=0, atol=1e-6)
    assert torch.equal(lstm(x)[0], output)


def test_zoneout_averages_to_its_expectation() -> None:
    """Over many draws the first step's mean is what evaluation computes."""
    torch.manual_seed(0)
    lstm = LSTM(3, 5, dropout=Dropout(zoneout_h=0.5, zoneout_c=0.5))
    x = torch.randn(1, 3).expand(20000, 3)
    start = LSTMState(*(torch.randn(1, 1, 5).expand(1, 20000, 5) for _ in range(2)))
    with torch.no_grad():
        _, drawn = lstm.step(x, start, lstm.draw_noise(20000))
        _, expected = lstm.step(x, start)
    assert (drawn.h.mean(1) - expected.h[:, 0]).abs().max() < 0.02
    assert (drawn.c.mean(1) - expected.c[:, 0]).abs().max() < 0.02


def test_cell_noise_gives_shares_when_it_does_not_sample() -> None:
    like = torch.zeros(4, 5)
    assert CellMasks(zoneout_h=0.3).keep(0.3, like) == 0.3
    assert set(CellMasks(sample=True).keep(0.5, like).unique().tolist()) <= {0.0, 1.0}


def test_a_feature_that_is_dropped_is_dropped_in_all_steps():
    torch.manual_seed(0)
    x = torch.rand(3, 7, 50) + 1
    found = drop_features(x, 0.4, training=True)
    kept = found != 0
    assert torch.equal(kept, kept[:, :1].expand_as(kept))
    assert 0.4 < kept[:, 0].float().mean() < 0.8
    torch.testing.assert_close(found[kept], (x / 0.6)[kept])
    assert drop_features(x, 0.4, training=False) is x
    assert drop_features(x, 0.0, training=True) is x
