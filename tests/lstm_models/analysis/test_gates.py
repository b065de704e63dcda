"""What is seen inside an LSTM against torch's own outputs and the equations of the papers."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm

from lstm_models.analysis.gates import GateActivations, gate_activations, window_activations
from lstm_models.nn.cells import CELLS, StandardCell
from lstm_models.nn.dropout import Dropout
from lstm_models.nn.lstm import LSTM, LSTMState
from lstm_models.nn.soft_window import SoftWindowLSTM

LENGTHS = [7, 3, 0, 5]


@pytest.fixture(autouse=True)
def one_thread():
    torch.manual_seed(0)
    torch.set_num_threads(1)


def drawn(lstm: LSTM, spread: float = 1.0) -> LSTM:
    """Weights far from the first ones, so that no gate stands still."""
    with torch.no_grad():
        for parameter in lstm.parameters():
            parameter.uniform_(-spread, spread)
    return lstm.eval()


def before(one: GateActivations, first: Tensor) -> Tensor:
    """The cell state that every step came from."""
    return torch.cat([first[:, None], one.cell[:, :-1]], 1)


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_hidden_state_is_what_torch_gives_out(layers: int, bidirectional: bool) -> None:
    theirs = nn.LSTM(4, 6, layers, batch_first=True, bidirectional=bidirectional)
    x = torch.randn(3, 11, 4)
    wanted, (_, c) = theirs(x)
    found = gate_activations(LSTM.from_torch(theirs), x)
    directions = 2 if bidirectional else 1
    assert len(found) == layers * directions
    torch.testing.assert_close(torch.cat([one.hidden for one in found[-directions:]], -1), wanted)
    for row, one in enumerate(found):
        end = 0 if row % directions else -1
        torch.testing.assert_close(one.cell[:, end], c[row])


def test_gates_are_those_of_one_cell_of_torch_by_hand() -> None:
    theirs = nn.LSTMCell(4, 6)
    lstm = LSTM(4, 6)
    lstm.load_state_dict({f"{name}_l0": value for name, value in theirs.state_dict().items()})
    x, h, c = torch.randn(2, 5, 4), torch.zeros(2, 6), torch.zeros(2, 6)
    (found,) = gate_activations(lstm, x)
    for t in range(5):
        total = x[:, t] @ theirs.weight_ih.t() + theirs.bias_ih + h @ theirs.weight_hh.t() + theirs.bias_hh
        i, f, g, o = total.chunk(4, 1)
        h, c = theirs(x[:, t], (h, c))
        wanted = (i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid(), c, h)
        parts = (found.input, found.forget, found.candidate, found.output, found.cell, found.hidden)
        for part, value in zip(parts, wanted, strict=True):
            torch.testing.assert_close(part[:, t], value, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("cell", sorted(CELLS))
@pytest.mark.parametrize("options", [
    {}, {"bidirectional": True}, {"projection": 3}, {"skip": "highway"}, {"learned_state": True},
    {"dropout": Dropout(input=0.5, hidden=0.5, zoneout_h=0.3, zoneout_c=0.2)},
], ids=lambda options: next(iter(options), "plain"))  # fmt: skip
def test_every_cell_on_unequal_lengths_as_the_stack_runs(cell: str, options: dict) -> None:
    lstm = drawn(LSTM(6, 6, 2, cell=cell, **options)).train()
    x = torch.randn(4, 7, 6)
    found = gate_activations(lstm, x, LENGTHS)
    assert lstm.training
    lstm.eval()
    x[0, 7:], x[1, 3:], x[2] = torch.nan, torch.nan, torch.nan  # padding never matters
    output, state = lstm(x, lengths=torch.tensor(LENGTHS))
    for one, other in zip(found, gate_activations(lstm, x, LENGTHS), strict=True):
        assert torch.equal(one.hidden, other.hidden)
        assert torch.equal(one.forget, other.forget)
    last = found[-lstm.directions :]
    if lstm.skip is None:
        torch.testing.assert_close(torch.cat([one.hidden for one in last], -1), output, rtol=1e-4, atol=1e-5)
    for row, one in enumerate(found):
        for sequence, length in enumerate(LENGTHS):
            if length:
                end = 0 if row % lstm.directions else length - 1
                wanted = state.h[row, sequence], state.c[row, sequence]
                torch.testing.assert_close(one.hidden[sequence, end], wanted[0], rtol=1e-4, atol=1e-5)
                torch.testing.assert_close(one.cell[sequence, end], wanted[1], rtol=1e-4, atol=1e-5)
        for part in (one.input, one.forget, one.candidate, one.output, one.cell, one.hidden):
            assert not part[1, 3:].any()
            assert not part[2].any()


@pytest.mark.parametrize("cell", sorted(CELLS))
def test_the_states_follow_from_the_gates(cell: str) -> None:
    """c' = f c + i g and h' = o tanh(c'), with the normalisation of layer-norm cells."""
    lstm, x = drawn(LSTM(3, 5, cell=cell)), torch.randn(2, 9, 3)
    (one,) = gate_activations(lstm, x)
    old = before(one, torch.zeros(2, 5))
    torch.testing.assert_close(one.cell, one.forget * old + one.input * one.candidate)
    shown = one.cell
    if cell == "layer_norm":
        shown = layer_norm(shown, (5,), lstm.cells[0].gain_c, lstm.cells[0].bias_c)  # type: ignore[arg-type]
    torch.testing.assert_close(one.hidden, one.output * shown.tanh())
    if cell == "coupled":
        torch.testing.assert_close(one.forget, 1 - one.input)
    if cell == "peephole":  # the output gate sees the new c: without what it sees, it would differ
        quiet = drawn(LSTM(3, 5, cell=cell))
        quiet.load_state_dict(lstm.state_dict())
        with torch.no_grad():
            quiet.cells[0].peephole[2] = 0  # type: ignore[index]
        (other,) = gate_activations(quiet, x[:, :1])
        seen = lstm.cells[0].peephole[2] * one.cell[:, 0]  # type: ignore[index]
        torch.testing.assert_close(one.output[:, 0].logit() - other.output[:, 0].logit(), seen, rtol=1e-3, atol=1e-4)


def test_it_goes_on_from_a_state() -> None:
    lstm, x = drawn(LSTM(3, 5, 2)), torch.randn(2, 8, 3)
    whole = gate_activations(lstm, x)
    _, state = lstm(x[:, :5])
    for one, part in zip(whole, gate_activations(lstm, x[:, 5:], state=state), strict=True):
        torch.testing.assert_close(part.cell, one.cell[:, 5:], rtol=1e-4, atol=1e-6)
    empty = gate_activations(lstm, x[:, :0])
    assert [tuple(one.hidden.shape) for one in empty] == [(2, 0, 5)] * 2


@pytest.mark.parametrize("max_step", [None, 0.5])
def test_the_soft_window_as_it_runs(max_step: float | None) -> None:
    layer = SoftWindowLSTM(3, 4, 6, components=2, max_step=max_step)
    x, text = torch.randn(2, 9, 3), torch.randn(2, 5, 4)
    mask = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])
    hidden, window, state = layer(x, text, mask)
    found = window_activations(layer, x, text, mask)
    gates = found.gates
    torch.testing.assert_close(gates.hidden, hidden)
    torch.testing.assert_close(gates.cell[:, -1], state.c)
    torch.testing.assert_close(
        gates.cell, gates.forget * before(gates, torch.zeros(2, 6)) + gates.input * gates.candidate
    )
    torch.testing.assert_close(gates.hidden, gates.output * gates.cell.tanh())
    torch.testing.assert_close(found.weights @ text, window)  # what is seen is the text by its weights
    torch.testing.assert_close(found.seen, window)
    torch.testing.assert_close(found.position[:, -1], state.position)
    assert not found.weights[1, :, 3:].any()
    rest = window_activations(layer, x[:, 4:], text, mask, layer(x[:, :4], text, mask)[2])
    torch.testing.assert_close(rest.weights, found.weights[:, 4:])
    assert window_activations(layer, x[:, :0], text, mask).weights.shape == (2, 0, 5)


class OwnCell(StandardCell):
    pass


def test_wrong_use_gets_a_sentence() -> None:
    lstm = LSTM(3, 4)
    with pytest.raises(ValueError, match=r"\[batch, time, 3\] is needed"):
        gate_activations(lstm, torch.zeros(2, 5, 2))
    with pytest.raises(ValueError, match=r"\[batch, time, 3\] is needed"):
        gate_activations(lstm, torch.zeros(3))
    with pytest.raises(ValueError, match="sequence 1 has length 6, but the input has 5 frames"):
        gate_activations(lstm, torch.zeros(2, 5, 3), [5, 6])
    with pytest.raises(ValueError, match="the state's h"):
        gate_activations(lstm, torch.zeros(2, 5, 3), state=LSTMState(torch.zeros(1, 3, 4), torch.zeros(1, 3, 4)))
    with pytest.raises(ValueError, match="the gates of a OwnCell are not known"):
        gate_activations(LSTM(3, 4, cell=OwnCell), torch.zeros(2, 5, 3))
    with pytest.raises(ValueError, match="text_mask must be"):
        window_activations(SoftWindowLSTM(3, 4, 6), torch.zeros(1, 2, 3), torch.zeros(1, 2, 4), torch.ones(1, 3).bool())
