"""Video prediction: the ConvLSTM beside a plain loop in PyTorch, and what a forecast costs; on one thread.

    python -m benchmarks.tasks.video_prediction --json out.json
    python -m benchmarks.tasks.video_prediction forecast --quick

``layer``: processor milliseconds a film, forward and backward, of a ConvLSTM layer and of the loop that public PyTorch
code has: at every frame one convolution of input and state side by side. Same sizes, same weights, same results.
``forecast``: processor milliseconds of `predict`, against the frames given and the steps forecast, in 32 bits.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.common import interleaved, milliseconds, run_tables, table
from lstm_models.checkpoints import hub
from lstm_models.nn.conv_lstm import ConvLSTM
from lstm_models.tasks.video_prediction.model import VideoPredictor

SIZES = ((8, 96, 48), (16, 64, 64), (32, 32, 32))  # side of the maps, channels in and of the state
FRAMES = (2, 5, 10)
STEPS = (1, 10, 40, 160)


class PlainLoop(nn.Module):
    """A ConvLSTM layer without peepholes as it is usually written: frame by frame, input and state side by side."""

    def __init__(self, lstm: ConvLSTM) -> None:
        super().__init__()
        cell: Any = lstm.cells[0]
        self.hidden = lstm.hidden_channels
        weight = torch.cat([cell.from_input.weight, cell.from_state.weight], 1).detach()
        self.convolution = nn.Conv2d(weight.size(1), weight.size(0), weight.size(2), padding="same")
        with torch.no_grad():
            self.convolution.weight.copy_(weight)
            assert self.convolution.bias is not None
            self.convolution.bias.copy_(cell.from_input.bias)

    def forward(self, x: Tensor) -> Tensor:
        h = c = x.new_zeros(len(x), self.hidden, *x.shape[-2:])
        outputs = []
        for frame in x.unbind(1):
            enter, forget, candidate, output = self.convolution(torch.cat([frame, h], 1)).chunk(4, 1)
            c = forget.sigmoid() * c + enter.sigmoid() * candidate.tanh()
            h = output.sigmoid() * c.tanh()
            outputs.append(h)
        return torch.stack(outputs, 1)


def layer(given: argparse.Namespace) -> dict[str, Any]:
    """Both on ten frames of four films."""
    found: dict[str, Any] = {}
    for side, channels, hidden in SIZES[:1] if given.quick else SIZES:
        torch.manual_seed(0)
        ours = ConvLSTM(channels, hidden, peepholes=False)
        plain = PlainLoop(ours)
        x = torch.randn(4, 10, channels, side, side, requires_grad=True)
        with torch.no_grad():
            torch.testing.assert_close(ours(x)[0], plain(x), atol=1e-4, rtol=1e-4)
        runs = {"lstm-models": partial(_both_ways, lambda x: ours(x)[0], x), "loop": partial(_both_ways, plain, x)}  # noqa: B023
        times = interleaved(runs, 1 if given.quick else 5)
        found[f"{side} × {side}, {channels} to {hidden}"] = {
            name: median(seconds) / len(x) for name, seconds in times.items()
        }
    rows = [
        [size, *map(milliseconds, each.values()), f"{each['loop'] / each['lstm-models']:.2f}"]
        for size, each in found.items()
    ]
    print(table(["maps, channels", "lstm-models, ms a film", "plain loop, ms", "times as fast"], rows))
    return found


def _both_ways(run: Callable[[Tensor], Tensor], x: Tensor) -> None:
    run(x).sum().backward()


def forecast(given: argparse.Namespace) -> dict[str, Any]:
    """A model on films of two shapes."""
    predictor = hub.load_as(VideoPredictor, given.model)
    film = torch.zeros(max(FRAMES), 64, 64)
    for time, frame in enumerate(film):
        frame[4 + 2 * time : 24 + 2 * time, 8 + time : 16 + time] = 0.9
        frame[40 - time : 48 - time, 30 - time : 50 - time] = 0.8
    sizes = [(count, 10) for count in FRAMES] + [(FRAMES[-1], steps) for steps in STEPS]
    runs = {
        f"{count} given, {steps} forecast": partial(predictor.predict, film[:count], steps)
        for count, steps in (sizes[:1] if given.quick else sizes)
    }
    times = interleaved(runs, 1 if given.quick else 5)
    found = {name: median(seconds) for name, seconds in times.items()}
    print(table(["frames", "ms a film"], [[name, milliseconds(value)] for name, value in found.items()]))
    return found


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Prints the tables that are named, all of them if none is; see the module."""
    options = {"model": {"default": "video-predictor", "help": "a bundled model or a folder"}}
    return run_tables(__doc__ or "", {"layer": layer, "forecast": forecast}, arguments, options)


if __name__ == "__main__":
    main()
