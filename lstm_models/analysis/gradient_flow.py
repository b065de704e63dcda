"""The gradient one can see: how much of the last output's gradient reaches each earlier frame, state and gate.

A plain recurrent network loses the gradient exponentially with distance (Bengio et al. 1994); an LSTM carries it along
c. The picture of both side by side, for untrained networks of 64 units on 100 frames of noise::

    python -m lstm_models.analysis.gradient_flow gradient-flow.png
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from lstm_models.errors import InputError
from lstm_models.nn.cells import Cell
from lstm_models.nn.lstm import LSTM

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["GradientFlow", "gradient_flow", "plot_gradient_flow"]


@dataclass(frozen=True)
class GradientFlow:
    """Norms of the last output's gradient, averaged over the batch.

    ``input [time]`` with respect to each frame; ``hidden [cells, time]`` and ``cell [cells, time]`` with respect to h
    and c after each frame, and ``gates[name] [cells, time]`` to each gate before its squashing, a row for every layer
    and direction. A network that has no c or no gates has none here. Each is the Frobenius norm of the Jacobian.
    """

    input: Tensor
    hidden: Tensor
    cell: Tensor | None
    gates: dict[str, Tensor]


class _Trace:
    """What the gradient is taken with respect to: ``nodes[kind][row]`` is a list with one tensor a frame."""

    def __init__(self) -> None:
        self.nodes: dict[str, list[list[Tensor]]] = {}

    def start(self, kind: str) -> list[Tensor]:
        """A new row of this kind."""
        self.nodes.setdefault(kind, []).append([])
        return self.nodes[kind][-1]


def _run_cell(cell: Cell, frames: list[Tensor], h: Tensor, c: Tensor, trace: _Trace) -> list[Tensor]:
    hidden, cells, gates, outputs = trace.start("hidden"), trace.start("cell"), trace.start("gates"), []
    for frame in frames:
        before = cell.preactivations(frame, h, cell.weight_hh)
        h, c = cell.update(before, c)
        if cell.projection:
            h = nn.functional.linear(h, cell.weight_hr)
        gates.append(before)
        hidden.append(h)
        cells.append(c)
        outputs.append(h)
    return outputs


def _run_ours(lstm: LSTM, frames: list[Tensor], trace: _Trace) -> Tensor:
    state = lstm.initial_state(len(frames[0]))
    for layer in range(lstm.layers):
        directions = []
        for direction in range(lstm.directions):
            row = layer * lstm.directions + direction
            turn = slice(None, None, -1 if direction else 1)
            outputs = _run_cell(lstm.cells[row], frames[turn], state.h[row], state.c[row], trace)
            for kind in trace.nodes:
                trace.nodes[kind][row] = trace.nodes[kind][row][turn]
            directions.append(outputs[turn])
        joined = [torch.cat(parts, -1) for parts in zip(*directions, strict=True)]
        frames = [lstm.join(layer, x, y) for x, y in zip(frames, joined, strict=True)]
    return frames[-1]


def _run_torch(network: nn.RNNBase, frames: list[Tensor], trace: _Trace) -> Tensor:
    rows = [trace.start("hidden") for _ in range(network.num_layers)]
    time_axis, state = 1 if network.batch_first else 0, None
    for frame in frames:
        _, state = network(frame.unsqueeze(time_axis), state)
        parts = state.unbind(0)
        state = torch.stack(parts)
        for row, part in zip(rows, parts, strict=True):
            row.append(part)
    last: Tensor = parts[-1]
    return last


def _captured(model: nn.Module, x: Any) -> tuple[nn.Module, Tensor]:
    """The first recurrent network inside a model, and the input it gets when the model is given ``x``."""
    for module in model.modules():
        if isinstance(module, LSTM | nn.RNNBase):
            break
    else:
        raise ValueError(f"there is no LSTM and no torch.nn.RNN, GRU or LSTM in this {type(model).__name__}")
    seen: list[Tensor] = []

    def note(_: nn.Module, given: tuple[Any, ...], named: dict[str, Any]) -> None:
        seen.append(given[0] if given else named["x" if isinstance(module, LSTM) else "input"])

    hook = module.register_forward_pre_hook(note, with_kwargs=True)
    try:
        with torch.no_grad():
            model(x)
    finally:
        hook.remove()
    if not seen or not isinstance(seen[0], Tensor) or seen[0].dim() != 3:
        raise ValueError("the model did not give its recurrent network one padded tensor of sequences")
    return module, seen[0]


def gradient_flow(model: nn.Module, x: Tensor, *, probes: int = 4, seed: int = 0) -> GradientFlow:
    """How the gradient of the last frame's output flows back through time.

    Args:
        model: an :class:`~lstm_models.nn.lstm.LSTM`, a ``torch.nn.RNN``, ``GRU`` or ``LSTM``, or a model with one
            inside (the first one counts, from the input that the model gives it).
        x: ``[batch, time, feature]`` for a recurrent network (as ``batch_first=True``), for a model what it takes.
        probes: random directions of the output over which the Jacobian's norm is estimated (Hutchinson 1990); exact
            from as many as the output has units.
        seed: of those directions.

    Dropout is off. Raises ValueError for a model without a recurrent network, one frame or none, or a bidirectional
    network of torch.
    """
    if not isinstance(model, LSTM | nn.RNNBase):
        model, x = _captured(model, x)
        if isinstance(model, nn.RNNBase) and not model.batch_first:
            x = x.transpose(0, 1)
    if x.dim() != 3 or x.size(1) < 1 or x.size(0) < 1:
        raise ValueError(f"the input is {list(x.shape)}, but [batch, time, feature] with at least one frame is needed")
    names: tuple[str, ...] = ()
    if isinstance(model, nn.LSTM):
        model = LSTM.from_torch(model)
    if isinstance(model, LSTM):
        names = tuple(model.cells[0].gates)
    elif model.bidirectional:
        raise ValueError("of torch's networks only those that run in one direction can be followed")
    trace, training = _Trace(), model.training
    frames = [frame.detach().requires_grad_() for frame in x.unbind(1)]
    run: Any = _run_ours if isinstance(model, LSTM) else _run_torch
    model.eval()
    try:
        with torch.enable_grad(), torch.backends.cudnn.flags(enabled=False):
            output = run(model, frames, trace)
    finally:
        model.train(training)
    trace.nodes["input"] = [frames]
    flat = [node for kind in trace.nodes.values() for row in kind for node in row]
    squares = iter(_squared_norms(output, flat, probes, seed))
    norms = {kind: [[next(squares) for _ in row] for row in nodes] for kind, nodes in trace.nodes.items()}

    def table(kind: str, part: slice = slice(None)) -> Tensor:
        return torch.stack([torch.stack([node[:, part].sum(1).sqrt().mean() for node in row]) for row in norms[kind]])

    hidden = int(model.hidden_size)  # type: ignore[arg-type]
    return GradientFlow(
        input=table("input")[0],
        hidden=table("hidden"),
        cell=table("cell") if names else None,
        gates={name: table("gates", slice(k * hidden, (k + 1) * hidden)) for k, name in enumerate(names)},
    )


def _squared_norms(output: Tensor, nodes: Sequence[Tensor], probes: int, seed: int) -> list[Tensor]:
    """For each node [batch, units] the squared norms of the Jacobian's columns, by random signs (Hutchinson 1990)."""
    generator = torch.Generator().manual_seed(seed)
    total = [torch.zeros(len(output), node.size(-1)) for node in nodes]
    exact = probes >= output.size(1)
    for k in range(output.size(1) if exact else probes):
        if exact:
            direction = torch.zeros_like(output)
            direction[:, k] = 1
        else:
            direction = torch.randint(0, 2, output.shape, generator=generator).mul_(2).sub_(1).to(output)
        grads = torch.autograd.grad(output, nodes, direction, retain_graph=True, allow_unused=True)
        for one, grad in zip(total, grads, strict=True):
            if grad is not None:
                one += grad.float().square().cpu()
    return [each / (1 if exact else probes) for each in total]


def plot_gradient_flow(
    lstm: LSTM | nn.LSTM, x: Tensor, path: str | None = None, *, rnn: nn.RNN | None = None
) -> Figure:
    """Draw :func:`gradient_flow` of an LSTM beside that of a plain ``torch.nn.RNN`` on one logarithmic scale.

    Args:
        lstm: the LSTM.
        x: ``[batch, time, feature]``.
        path: where to save the picture, in the format of its ending; None to save nothing.
        rnn: the plain network; None for a fresh one of the same sizes.

    Raises InputError where matplotlib is missing or the picture cannot be written.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise InputError("the plot needs matplotlib: pip install matplotlib", usage=True) from error
    if rnn is None:
        rnn = nn.RNN(lstm.input_size, lstm.hidden_size, batch_first=True).to(x.device, x.dtype)
    ours, plain = gradient_flow(lstm, x), gradient_flow(rnn, x)
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True, sharex=True)
    time = range(1, x.size(1) + 1)
    for axes, flow, title in ((left, ours, "LSTM"), (right, plain, "plain RNN")):
        axes.plot(time, _positive(flow.input), color="black", lw=2, label="input")
        axes.plot(time, _positive(flow.hidden[-1]), color="tab:blue", lw=2, label="h")
        if flow.cell is not None:
            axes.plot(time, _positive(flow.cell[-1]), color="tab:red", lw=2, label="c")
        for name, gate in flow.gates.items():
            axes.plot(time, _positive(gate[-1]), lw=1, alpha=0.7, label=f"{name} gate")
        axes.set(title=title, xlabel="time step", yscale="log")
        axes.legend(fontsize="small", loc="lower right")
        axes.grid(alpha=0.3)
    left.set_ylabel("norm of the last output's gradient")
    largest = max(flow.input.max().item() for flow in (ours, plain))
    left.set_ylim(bottom=max(1e-12, largest * 1e-12))
    if path is not None:
        _save(figure, path)
    return figure


def _positive(norms: Tensor) -> Tensor:
    return norms.where(norms > 0, torch.nan)  # a logarithmic scale has no place for 0


def _save(figure: Figure, path: str) -> None:
    from io import BytesIO
    from pathlib import Path

    target, buffer = Path(path), BytesIO()
    partial = target.with_name(f".{target.name}.partial")
    try:
        figure.savefig(buffer, format=target.suffix[1:] or "png", dpi=120)
        partial.write_bytes(buffer.getvalue())
        partial.replace(target)
    except (OSError, ValueError) as error:
        partial.unlink(missing_ok=True)
        raise InputError(f"cannot write the picture {target}: {error}") from error


def main(path: str) -> None:
    """Write the picture of an untrained LSTM beside a plain RNN, 64 units, 100 frames of noise."""
    torch.manual_seed(0)
    plot_gradient_flow(LSTM(8, 64, initialization="chrono", longest=100), torch.randn(8, 100, 8), path)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m lstm_models.analysis.gradient_flow PICTURE")
    try:
        main(sys.argv[1])
    except InputError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
