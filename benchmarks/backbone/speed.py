"""Speed and memory of the backbone beside torch's own, on one thread.

    python -m benchmarks.backbone.speed                       # everything, about ten minutes
    python -m benchmarks.backbone.speed lengths step          # some of the tables
    python -m benchmarks.backbone.speed --quick --json out.json

Tables: lengths (unequal lengths, both directions), step (one frame), window (Graves' soft window), cells, precision
(bfloat16), growth (over time, units and batch). Each compares with a named peer measured in turn with it in the same
run; times are medians of CPU time, ratios medians of the ratios of neighbours in time. Training is forward and
backward, without the optimiser. Memory is measured in a fresh process for every line (see
``benchmarks.common.peak_memory``).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.common import Run, describe, interleaved, machine, milliseconds, peak_memory, ratio, table, write_json
from lstm_models.nn import prepacked_linear
from lstm_models.nn.lstm import LSTM
from lstm_models.nn.soft_window import SoftWindowLSTM

TEXT, CHARACTER, COMPONENTS = 30, 64, 10  # characters of a text, features of one, Gaussians in the window


@dataclass(frozen=True)
class Sizes:
    """What is run: ``hidden`` is the size of the input too, but for the window (3: a pen move)."""

    time: int = 100
    batch: int = 32
    hidden: int = 512
    layers: int = 2
    shortest: float = 0.5  # unequal lengths are uniform from this share of the time to all of it

    def __str__(self) -> str:
        frames = "1 frame" if self.time == 1 else f"{self.time} frames"
        return f"{self.layers} × {self.hidden} units, {frames}, batch {self.batch}"


SMALL = Sizes(6, 3, 16, 1)


# --- what is measured ------------------------------------------------------------------------------------------------


def build(name: str, sizes: Sizes) -> Run:
    """The run of that name, ready to be called; everything drawn from one seed."""
    torch.manual_seed(0)
    what, _, rest = name.partition("/")
    mode, _, precision = rest.partition("/")
    if what == "window products":
        return _products(sizes)
    if what in ("window", "window loop"):
        return _window(what == "window loop", precision == "bf16", sizes)
    if mode == "step":
        return _step(what, sizes)
    x = torch.randn(sizes.batch, sizes.time, sizes.hidden)
    if mode == "lengths":
        low = max(1, round(sizes.shortest * sizes.time))
        lengths = torch.randint(low, sizes.time + 1, (sizes.batch,))
        lengths[0] = sizes.time
        model, forward = _unequal(what, x, lengths, sizes)
    else:
        model = _stack(what, sizes)

        def forward() -> Tensor:
            return model(x)[0]  # type: ignore[no-any-return]

    if mode == "inference":
        return _infer(forward, precision == "bf16")
    return _train(model, forward, precision == "bf16")


def _stack(what: str, sizes: Sizes, bidirectional: bool = False) -> nn.Module:
    if what == "nn.LSTM":
        return nn.LSTM(sizes.hidden, sizes.hidden, sizes.layers, batch_first=True, bidirectional=bidirectional)
    return LSTM(sizes.hidden, sizes.hidden, sizes.layers, cell=what, bidirectional=bidirectional)


def _train(model: nn.Module, forward: Callable[[], Tensor], bf16: bool = False) -> Run:
    with torch.no_grad():
        grad = torch.randn_like(forward())

    def run() -> None:
        model.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            y = forward()
        y.backward(grad.to(y.dtype))

    return run


def _infer(forward: Callable[[], Tensor], bf16: bool = False) -> Run:
    def run() -> None:
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            forward()

    return run


def _unequal(what: str, x: Tensor, lengths: Tensor, sizes: Sizes) -> tuple[nn.Module, Callable[[], Tensor]]:
    if what == "gather":
        model: nn.Module = GatherLSTM(sizes.hidden, sizes.hidden, sizes.layers)
        return model, lambda: model(x, lengths)
    model = _stack("nn.LSTM" if what in ("packed", "padded") else what, sizes, bidirectional=True)
    if what == "padded":
        return model, lambda: model(x)[0]
    if what != "packed":
        return model, lambda: model(x, lengths=lengths)[0]

    def packed() -> Tensor:
        rows = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        return nn.utils.rnn.pad_packed_sequence(model(rows)[0], batch_first=True)[0]

    return model, packed


class GatherLSTM(nn.Module):
    """What one writes by hand instead of packing: each sequence reversed within its length for the second direction."""

    def __init__(self, input_size: int, hidden_size: int, layers: int) -> None:
        super().__init__()
        sizes = [input_size, *[2 * hidden_size] * (layers - 1)]
        self.ahead = nn.ModuleList(nn.LSTM(size, hidden_size, batch_first=True) for size in sizes)
        self.back = nn.ModuleList(nn.LSTM(size, hidden_size, batch_first=True) for size in sizes)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        frame = torch.arange(x.size(1))
        real = frame < lengths[:, None]
        turned = torch.where(real, lengths[:, None] - 1 - frame, frame)[..., None]
        for ahead, back in zip(self.ahead, self.back, strict=True):
            y = back(x.gather(1, turned.expand_as(x)))[0]
            x = torch.cat([ahead(x)[0], y.gather(1, turned.expand_as(y))], 2) * real[..., None]
        return x


def _step(what: str, sizes: Sizes) -> Run:
    x = torch.randn(sizes.batch, sizes.hidden)
    state = (torch.zeros(1, sizes.batch, sizes.hidden), torch.zeros(1, sizes.batch, sizes.hidden))
    if what == "nn.LSTM":
        plain = nn.LSTM(sizes.hidden, sizes.hidden, batch_first=True)
        return _infer(lambda: plain(x[:, None], state)[0])
    if what == "nn.LSTMCell":
        cell = nn.LSTMCell(sizes.hidden, sizes.hidden)
        return _infer(lambda: cell(x, (state[0][0], state[1][0]))[0])
    ours = LSTM(sizes.hidden, sizes.hidden, cell=what)
    zeros = ours.initial_state(sizes.batch)
    return _infer(lambda: ours.step(x, zeros)[0])


def _window(loop: bool, bf16: bool, sizes: Sizes) -> Run:
    layer = SoftWindowLSTM(3, CHARACTER, sizes.hidden, components=COMPONENTS, max_step=0.5)
    x = torch.randn(sizes.batch, sizes.time, 3)
    text = torch.randn(sizes.batch, TEXT, CHARACTER, requires_grad=True)  # in training, an embedding's output
    mask = torch.ones(sizes.batch, TEXT, dtype=torch.bool)

    def forward() -> Tensor:
        text.grad = None
        if not loop:
            hidden, window, _ = layer(x, text, mask)
            return torch.cat([hidden, window], 2)
        state, outputs = layer.initial_state(text), []
        for frame in x.unbind(1):
            state = layer.step(frame, text, mask, state)
            outputs.append(torch.cat([state.h, state.window], 1))
        return torch.stack(outputs, 1)

    return _train(layer, forward, bf16)


def _products(sizes: Sizes) -> Run:
    """The recurrent matrix products of the window layer in training and nothing else: no way of training is faster."""
    gates, seen = 4 * sizes.hidden, sizes.hidden + CHARACTER
    weight = torch.randn(gates, seen)
    x, d_gates = torch.randn(sizes.time, sizes.batch, seen), torch.randn(sizes.time, sizes.batch, gates)
    ahead, back = torch.empty(sizes.batch, gates), torch.empty(sizes.batch, seen)

    def run() -> None:
        for frame, d_frame in zip(x.unbind(), d_gates.unbind(), strict=True):
            torch.mm(frame, weight.t(), out=ahead)
            torch.mm(d_frame, weight, out=back)
        torch.mm(d_gates.flatten(0, 1).t(), x.flatten(0, 1))

    return run


# --- tables ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Table:
    """A comparison: ``lines`` of (run, what it is called, the peer's name), and targets of some.

    A target is a bound on the peer's time over the line's ("faster", at least) or on the reverse ("slower", at most).
    """

    title: str
    sizes: Sizes
    lines: tuple[tuple[str, str, str], ...]
    targets: tuple[tuple[str, str, float], ...] = ()
    repeats: int = 5


def _modes(mode: str, peer: str, *cells: str) -> tuple[tuple[str, str, str], ...]:
    return (
        (peer, "`torch.nn.LSTM`", peer),
        *((f"{cell}/{mode}", f'`LSTM(cell="{cell}")`', peer) for cell in cells),
    )


CELL_NAMES = ("standard", "peephole", "coupled", "layer_norm")
LENGTH_LINES = (
    ("packed/lengths", "`torch.nn.LSTM`, packed", "packed/lengths"),
    ("gather/lengths", "two `torch.nn.LSTM` a layer, reversal by gather", "packed/lengths"),
    ("padded/lengths", "`torch.nn.LSTM`, padded: wrong results", "packed/lengths"),
    ("standard/lengths", "`LSTM`", "packed/lengths"),
    ("layer_norm/lengths", '`LSTM(cell="layer_norm")`', "packed/lengths"),
)
STEP_LINES = (
    ("nn.LSTM/step", "`torch.nn.LSTM`, one frame", "nn.LSTM/step"),
    ("nn.LSTMCell/step", "`torch.nn.LSTMCell`", "nn.LSTM/step"),
    *((f"{cell}/step", f'`LSTM(cell="{cell}").step`', "nn.LSTM/step") for cell in CELL_NAMES),
)
TABLES: dict[str, tuple[Table, ...]] = {
    "lengths": (
        Table(
            "Training on unequal lengths (uniform from half to all of the frames), both directions",
            Sizes(),
            LENGTH_LINES,
            (("standard/lengths", "faster", 2.5),),
            repeats=3,
        ),
        Table(
            "The same, lengths uniform from a tenth to all of the frames",
            Sizes(shortest=0.1),
            LENGTH_LINES[:1] + LENGTH_LINES[3:4],
            repeats=3,
        ),
    ),
    "step": tuple(
        Table(f"One frame, batch {batch}", Sizes(1, batch, 512, 1), STEP_LINES, targets, repeats=15)
        for batch, targets in ((1, (("standard/step", "faster", 10.0),)), (32, ()))
    ),
    "window": (
        Table(
            f"Training the soft-window layer (text of {TEXT} characters, {COMPONENTS} Gaussians)",
            Sizes(300, 32, 400, 1),
            (
                ("window loop/train", "the same layer, a loop over `step` under autograd", "window loop/train"),
                ("window/train", "`SoftWindowLSTM`", "window loop/train"),
                ("window products/train", "its recurrent matrix products and nothing else", "window loop/train"),
                ("window loop/train/bf16", "the loop, bfloat16 autocast", "window loop/train"),
                ("window/train/bf16", "`SoftWindowLSTM`, bfloat16 autocast", "window loop/train"),
            ),
            (("window/train", "faster", 4.0),),
        ),
    ),
    "cells": (
        Table(
            "Training, every cell",
            Sizes(),
            _modes("train", "nn.LSTM/train", *CELL_NAMES),
            (("layer_norm/train", "slower", 1.3),),
        ),
        Table("Inference, every cell", Sizes(), _modes("inference", "nn.LSTM/inference", *CELL_NAMES)),
    ),
    "precision": tuple(
        Table(
            f"{kind} under bfloat16 autocast",
            Sizes(),
            tuple(
                (f"{cell}/{mode}{suffix}", f"{title}{', bfloat16' if suffix else ''}", f"nn.LSTM/{mode}")
                for cell, title in (
                    ("nn.LSTM", "`torch.nn.LSTM`"),
                    ("standard", "`LSTM`"),
                    ("layer_norm", '`LSTM(cell="layer_norm")`'),
                )
                for suffix in ("", "/bf16")
                # torch's own layer ends in an error on a processor without bfloat16 arithmetic
                if cell != "nn.LSTM" or not suffix or prepacked_linear.has_bf16()
            ),
            repeats=3,
        )
        for mode, kind in (("train", "Training"), ("inference", "Inference"))
    ),
}
GROWTH = Sizes(100, 32, 256, 1)
GROWTH_LINES = (
    ("nn.LSTM/train", "`torch.nn.LSTM`"),
    ("standard/train", "`LSTM`"),
    ("layer_norm/train", '`LSTM(cell="layer_norm")`'),
    ("packed/lengths", "`torch.nn.LSTM`, both directions, packed"),
    ("standard/lengths", "`LSTM`, both directions, unequal lengths"),
    ("window loop/train", "soft window, loop under autograd"),
    ("window/train", "`SoftWindowLSTM`"),
)
AXES: dict[str, Sequence[int]] = {"time": (50, 100, 200, 400), "hidden": (128, 256, 512), "batch": (8, 32, 128)}


def measure(table_: Table, quick: bool) -> dict[str, Any]:
    """The figures of one table."""
    sizes = replace(table_.sizes, time=min(table_.sizes.time, 8), batch=min(table_.sizes.batch, 4), hidden=32)
    sizes, repeats = (sizes, 2) if quick else (table_.sizes, table_.repeats)
    memory = {name: peak_memory(build, (name, SMALL), (name, sizes)) for name, _, _ in table_.lines}
    seconds = interleaved({name: build(name, sizes) for name, _, _ in table_.lines}, repeats)
    targets = {} if quick else {name: (kind, bound) for name, kind, bound in table_.targets}
    lines = []
    for name, title, peer in table_.lines:
        kind, bound = targets.get(name, ("", 0.0))
        faster = ratio(seconds[peer], seconds[name])
        met = None if not kind else faster >= bound if kind == "faster" else 1 / faster <= bound
        lines.append(
            {
                "run": name,
                "title": title,
                "seconds": median(seconds[name]),
                "fastest": min(seconds[name]),
                "slowest": max(seconds[name]),
                "peak_mib": memory[name],
                "times_as_fast": faster,
                "target": {"kind": kind, "bound": bound, "met": met} if kind else None,
            }
        )
    return {"title": table_.title, "sizes": asdict(sizes), "says": str(sizes), "repeats": repeats, "lines": lines}


def show(figures: dict[str, Any]) -> str:
    """One table in Markdown."""
    rows = []
    for line in figures["lines"]:
        target = ""
        if line["target"]:
            kind, bound, met = (line["target"][key] for key in ("kind", "bound", "met"))
            bound = f"speed ≥ {bound:g}" if kind == "faster" else f"time ≤ {bound:g}"
            target = f"{bound}: {'met' if met else 'missed'}"
        rows.append(
            [
                line["title"],
                milliseconds(line["seconds"]),
                f"{milliseconds(line['fastest'])}–{milliseconds(line['slowest'])}",
                f"{line['times_as_fast']:.2f}",
                f"{1 / line['times_as_fast']:.2f}",
                "–" if line["peak_mib"] is None else f"{line['peak_mib']:,.0f}",
                target,
            ]
        )
    head = ["", "CPU-ms", "range", "speed ÷ first line's", "time ÷ first line's", "peak MiB", "target"]
    return f"### {figures['title']}\n\n{figures['says']}; {figures['repeats']} rounds.\n\n{table(head, rows)}\n"


def grow(quick: bool) -> list[dict[str, Any]]:
    """Time and memory along each axis, the others as in ``GROWTH``."""
    base = replace(GROWTH, time=8, batch=4, hidden=32) if quick else GROWTH
    grown = []
    for axis, values in AXES.items():
        values = [getattr(base, axis) * factor for factor in (1, 2)] if quick else list(values)
        for name, title in GROWTH_LINES:
            sizes = [replace(base, **{axis: value}) for value in values]
            memory = [peak_memory(build, (name, SMALL), (name, size)) for size in sizes]
            runs = {str(value): build(name, size) for value, size in zip(values, sizes, strict=True)}
            seconds = [median(times) for times in interleaved(runs, 2 if quick else 3).values()]
            grown.append(
                {
                    "axis": axis,
                    "run": name,
                    "title": title,
                    "values": values,
                    "seconds": seconds,
                    "peak_mib": memory,
                    "base": asdict(base),
                }
            )
    return grown


def show_growth(grown: Sequence[dict[str, Any]]) -> str:
    """One table for each axis in Markdown."""
    parts = []
    for axis in dict.fromkeys(line["axis"] for line in grown):
        lines = [line for line in grown if line["axis"] == axis]
        rows = [
            [
                line["title"],
                *(
                    f"{milliseconds(seconds)} · {'–' if mib is None else f'{mib:,.0f}'}"
                    for seconds, mib in zip(line["seconds"], line["peak_mib"], strict=True)
                ),
            ]
            for line in lines
        ]
        named = {"time": "frames", "hidden": "units", "batch": "batch"}[axis]
        head = ["CPU-ms · peak MiB", *(f"{named} {value}" for value in lines[0]["values"])]
        base = Sizes(**lines[0]["base"])
        parts.append(f"### Training, growing with {named}\n\nOtherwise {base}.\n\n{table(head, rows)}\n")
    return "\n".join(parts)


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Measures the tables that are named, or all, prints them and returns the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = [*TABLES, "growth"]
    parser.add_argument("tables", nargs="*", metavar="table", help=f"{', '.join(names)}; all if none is named")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: does everything run? No figures to quote")
    parser.add_argument("--json", metavar="FILE", help="write the figures to a file too")
    given = parser.parse_args(arguments)
    unknown = [name for name in given.tables if name not in names]
    if unknown:
        parser.error(f"there is no table “{unknown[0]}”; there are {', '.join(names)}")
    torch.set_num_threads(1)
    facts: dict[str, Any] = {"machine": machine(), "quick": given.quick}
    print(f"# Backbone\n\n{describe(facts['machine'])}\n", flush=True)
    for name in given.tables or names:
        if name == "growth":
            facts[name] = grow(given.quick)
            print(show_growth(facts[name]), flush=True)
            continue
        facts[name] = []
        for table_ in TABLES[name]:
            facts[name].append(measure(table_, given.quick))
            print(show(facts[name][-1]), flush=True)
    write_json(given.json, facts)
    return facts


if __name__ == "__main__":
    main()
