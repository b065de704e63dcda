"""The gradient's flow against Jacobians by autograd, and what it is there to show."""

from pathlib import Path

import pytest
import torch
from torch import nn

from lstm_models.analysis.gradient_flow import gradient_flow, main, plot_gradient_flow
from lstm_models.errors import InputError
from lstm_models.nn.cells import CELLS
from lstm_models.nn.lstm import LSTM


@pytest.mark.parametrize("cell", sorted(CELLS))
@pytest.mark.parametrize("bidirectional", [False, True])
def test_input_norms_are_those_of_the_jacobian(cell: str, bidirectional: bool) -> None:
    torch.manual_seed(0)
    lstm = LSTM(4, 5, 2, cell=cell, bidirectional=bidirectional, projection=3, skip="highway").eval()
    x = torch.randn(1, 6, 4)
    jacobian = torch.autograd.functional.jacobian(lambda given: lstm(given)[0][0, -1], x)[:, 0]
    flow = gradient_flow(lstm, x, probes=10)
    torch.testing.assert_close(flow.input, jacobian.norm(dim=(0, 2)), rtol=1e-4, atol=1e-7)
    assert flow.hidden.shape == flow.cell.shape == (2 * lstm.directions, 6)
    assert list(flow.gates) == list(CELLS[cell].gates)
    assert all(gate.shape == flow.hidden.shape for gate in flow.gates.values())


def test_few_probes_estimate_the_same() -> None:
    torch.manual_seed(0)
    lstm, x = LSTM(4, 12), torch.randn(2, 6, 4)
    exact, rough = gradient_flow(lstm, x, probes=12), gradient_flow(lstm, x, probes=11)
    for one, other in ((exact.input, rough.input), (exact.cell, rough.cell), (exact.hidden, rough.hidden)):
        torch.testing.assert_close(one, other, rtol=0.4, atol=0)
        assert not torch.equal(one, other)


def test_state_and_gate_norms_of_one_unit_by_hand() -> None:
    """One unit, two frames: with respect to c after frame 1 the last output changes by o (1 - tanh² c') f."""
    lstm = LSTM(1, 1).double()
    with torch.no_grad():
        for parameter in lstm.parameters():
            parameter.uniform_(-1, 1)
    x, cell = torch.randn(1, 2, 1, dtype=torch.float64), lstm.cells[0]
    torch.nn.init.zeros_(cell.weight_hh)  # so that c has no second way, through h
    zero = torch.zeros(1, 1, dtype=torch.float64)
    h, c = cell.step(x[:, 0], zero, zero)
    i, f, g, o = cell.preactivations(x[:, 1], h, cell.weight_hh)[0].tolist()
    i, f, o, g = *(torch.tensor(v, dtype=torch.float64).sigmoid() for v in (i, f, o)), torch.tensor(g).double().tanh()
    squashed = (f * c + i * g).tanh()
    slope = o * (1 - squashed**2)
    flow = gradient_flow(lstm, x, probes=1)
    assert flow.hidden[0, 1].item() == pytest.approx(1)
    assert flow.cell[0].tolist() == pytest.approx([(slope * f).abs().item(), slope.abs().item()], rel=1e-5)
    wanted = {
        "input": slope * g * i * (1 - i),
        "forget": slope * c * f * (1 - f),
        "cell": slope * i * (1 - g**2),
        "output": squashed * o * (1 - o),
    }
    for name, value in wanted.items():
        assert flow.gates[name][0, 1].item() == pytest.approx(value.abs().item(), rel=1e-5)


@pytest.mark.parametrize("kind", [nn.RNN, nn.GRU, nn.LSTM])
@pytest.mark.parametrize("batch_first", [True, False])
def test_torchs_networks(kind: type, batch_first: bool) -> None:
    torch.manual_seed(0)
    network, x = kind(4, 5, 2, batch_first=batch_first), torch.randn(1, 6, 4)

    def last(given: torch.Tensor) -> torch.Tensor:
        return network(given if batch_first else given.transpose(0, 1))[0].flatten(0, 1)[-1]

    jacobian = torch.autograd.functional.jacobian(last, x)[:, 0]
    flow = gradient_flow(network, x, probes=10)
    torch.testing.assert_close(flow.input, jacobian.norm(dim=(0, 2)), rtol=1e-4, atol=1e-7)
    assert flow.hidden.shape == (2, 6)
    assert (flow.cell is None) == (kind is not nn.LSTM)
    assert flow.hidden[-1, -1].item() == pytest.approx(5**0.5, rel=1e-5)


def test_the_vanishing_gradient_is_visible() -> None:
    torch.manual_seed(0)
    x = torch.randn(4, 100, 8)
    lstm = gradient_flow(LSTM(8, 32, initialization="chrono", longest=100), x)
    plain = gradient_flow(nn.RNN(8, 32, batch_first=True), x)
    assert plain.input[0] < 1e-8 * plain.input[-1]
    assert lstm.input[0] > 1e-3 * lstm.input[-1]
    assert lstm.cell[0, 0] > 1e-2 * lstm.cell[0, -1]


class Tagger(nn.Module):
    def __init__(self, recurrent: nn.Module) -> None:
        super().__init__()
        self.embed, self.recurrent = nn.Linear(3, 4), recurrent

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        output: torch.Tensor = self.recurrent(self.embed(x))[0]
        return output


def test_a_model_is_followed_through_its_network() -> None:
    torch.manual_seed(0)
    model, x = Tagger(LSTM(4, 5, dropout=0.5)), torch.randn(2, 6, 3)
    model.train()
    found, wanted = gradient_flow(model, x), gradient_flow(model.recurrent, model.embed(x))
    assert torch.equal(found.input, wanted.input)
    assert torch.equal(found.hidden, wanted.hidden)
    assert model.recurrent.training
    assert all(parameter.grad is None for parameter in model.parameters())
    time_first = Tagger(nn.RNN(4, 5))
    assert gradient_flow(time_first, x).input.shape == (2,)


def test_wrong_use_gets_a_sentence() -> None:
    with pytest.raises(ValueError, match=r"there is no LSTM and no torch\.nn\.RNN, GRU or LSTM in this Linear"):
        gradient_flow(nn.Linear(2, 2), torch.zeros(1, 2))
    with pytest.raises(ValueError, match="at least one frame is needed"):
        gradient_flow(LSTM(2, 2), torch.zeros(1, 0, 2))
    with pytest.raises(ValueError, match="only those that run in one direction"):
        gradient_flow(nn.GRU(2, 2, bidirectional=True, batch_first=True), torch.zeros(1, 3, 2))


def test_the_plot_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    lstm, x = LSTM(3, 4), torch.randn(2, 12, 3)
    figure = plot_gradient_flow(lstm, x, str(tmp_path / "flow.png"))
    left, right = figure.axes
    assert left.get_yscale() == right.get_yscale() == "log"
    assert [axes.get_title() for axes in figure.axes] == ["LSTM", "plain RNN"]
    assert [line.get_label() for line in left.lines][:3] == ["input", "h", "c"]
    assert left.get_ylim() == right.get_ylim()
    drawn = left.lines[0].get_ydata()
    assert drawn == pytest.approx(gradient_flow(lstm, x).input.numpy())
    for path, sentence in ((tmp_path / "none" / "flow.png", "cannot write"), (tmp_path / "flow.xyz", "cannot write")):
        with pytest.raises(InputError, match=sentence):
            plot_gradient_flow(lstm, x, str(path))
    assert [path.name for path in tmp_path.iterdir()] == ["flow.png"]
    main(str(tmp_path / "flow.svg"))
    assert (tmp_path / "flow.svg").read_text().rstrip().endswith("</svg>")
