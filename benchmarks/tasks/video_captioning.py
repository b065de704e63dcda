"""Video captioning: what a film and a sentence cost, beside a captioner of photos and plain PyTorch; on one thread.

    python -m benchmarks.tasks.video_captioning --json out.json
    python -m benchmarks.tasks.video_captioning film --quick

``film``: processor milliseconds for films of several lengths, 320 × 240 at ten frames a second, from encoded bytes to
sentences: decoding alone, this model, and the captioner on one frame a second, which gives sentences that nobody joins.
``search``: processor milliseconds from the features of a scene's frames to its best sentence by a beam of five, without
votes, beside plain PyTorch as tutorials have it, with the same weights: ``torch.nn.LSTM`` over the frames,
``torch.nn.LSTMCell`` in the decoder, and every hypothesis by itself, sorted in Python. Both find the same sentence.
"""

from __future__ import annotations

import argparse
import io
import math
from collections.abc import Callable, Sequence
from functools import partial
from statistics import median
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.common import interleaved, milliseconds, ratio, run_tables, table
from lstm_models.checkpoints import hub
from lstm_models.decoding.beam_search import beam_search
from lstm_models.decoding.options import BeamOptions
from lstm_models.io.films import read_film
from lstm_models.nn.lstm import LSTM
from lstm_models.tasks.video_captioning.model import VideoCaptioner
from lstm_models.text.vocabulary import END

SECONDS = (5, 20, 60)
FRAMES = (1, 6, 16)
SEARCH = BeamOptions(beam=5, max_length=16, length_penalty=0.7, early_stop=True)


def made(seconds: int, rate: int = 10) -> bytes:
    """A film of a square over a ground that changes its colour every five seconds."""
    import av

    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=rate)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for number in range(seconds * rate):
            frame = np.empty((240, 320, 3), np.uint8)
            frame[:] = np.random.default_rng(number // (5 * rate)).integers(0, 255, 3)
            left = 3 * number % 260
            frame[90:150, left : left + 60] = 255
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))
    return file.getvalue()


def film(given: argparse.Namespace) -> dict[str, Any]:
    """Decoding, this model, and the captioner once a second."""
    model = hub.load_as(VideoCaptioner, given.model)
    captioner: Any = model.captioner
    found: dict[str, Any] = {}
    for seconds in SECONDS[:1] if given.quick else SECONDS:
        content = made(seconds)
        runs: dict[str, Callable[[], object]] = {
            "decoding": partial(read_film, content, side=260, every=0.2),
            "lstm-models": partial(model.caption, content),
            "a caption a second": partial(_every_second, captioner, content),
        }
        times = interleaved(runs, 1 if given.quick else 3)
        found[f"{seconds} s"] = {name: median(each) for name, each in times.items()}
    names = list(next(iter(found.values())))
    rows = [[length, *(milliseconds(each[name]) for name in names)] for length, each in found.items()]
    print(table(["film", *(f"{name}, ms" for name in names)], rows))
    return found


def _every_second(captioner: Any, content: bytes) -> Sequence[str]:
    return [one.text for one in captioner.caption(list(read_film(content, side=260, every=1.0).pixels))]


class PlainCaptioner:
    """The LSTM over the frames and the decoder in plain PyTorch, with the weights of a model's style "film"."""

    def __init__(self, model: VideoCaptioner) -> None:
        self.model, self.spoken = model, model.sentences("film")
        self.strength = model.strength("film")
        decoder = self.spoken.decoder
        self.frames = nn.LSTM(
            model.frames.input_size, model.frames.hidden_size, batch_first=True, bidirectional=True
        ).requires_grad_(False)
        for number, end in enumerate(("l0", "l0_reverse")):
            _copy(self.frames, f"_{end}", model.frames, number)
        self.lower, self.upper = (nn.LSTMCell(each.input_size, each.hidden_size).requires_grad_(False)
                                  for each in (decoder.lower, decoder.upper))  # fmt: skip
        _copy(self.lower, "", decoder.lower, 0)
        _copy(self.upper, "", decoder.upper, 0)

    def sentence(self, grids: Tensor) -> tuple[list[int], float]:
        """The best sentence for grids [frames, places, feature], as word numbers, and its log probability."""
        around, _ = self.frames(grids.mean(1)[None])
        grids = grids + self.strength * self.model.to_places(around[0])[:, None]
        places, mean = grids.flatten(0, 1), grids.mean((0, 1))
        keys = self.spoken.decoder.attention.key(places)
        size = self.lower.hidden_size
        live: list[tuple[float, list[int], Any]] = [(0.0, [], [torch.zeros(1, size)] * 4)]
        ended: list[tuple[float, float, list[int]]] = []
        for length in range(SEARCH.max_length + 1):
            grown: list[tuple[float, list[int], Any]] = []
            for total, tokens, state in live:
                log_p, after = self._step(tokens[-1] if tokens else END, state, places, keys, mean)
                likely = log_p.topk(SEARCH.beam).indices.tolist() if length < SEARCH.max_length else []
                for number in {END, *likely}:
                    value = float(log_p[number])
                    if number == END:
                        ended.append(
                            ((total + value) / (len(tokens) + 1) ** SEARCH.length_penalty, total + value, tokens)
                        )
                    else:
                        grown.append((total + value, [*tokens, number], after))
            live = sorted(grown, key=lambda one: -one[0])[: SEARCH.beam]
            best = max((score for score, *_ in ended), default=-math.inf)
            if not live or best >= live[0][0] / (len(live[0][1]) + 1) ** SEARCH.length_penalty:
                break
        _, total, tokens = max(ended)
        return tokens, total

    def _step(
        self, token: int, state: list[Tensor], places: Tensor, keys: Tensor, mean: Tensor
    ) -> tuple[Tensor, list[Tensor]]:
        h1, c1, h2, c2 = state
        spoken, attention = self.spoken, self.spoken.decoder.attention
        word = spoken.words[token] * spoken.word_size**0.5
        h1, c1 = self.lower(torch.cat([h2[0], mean, word])[None], (h1, c1))
        scores = torch.tanh(keys + attention.query.weight @ h1[0]) @ attention.score
        gate = nn.functional.linear(h1, spoken.decoder.gate.weight, spoken.decoder.gate.bias).sigmoid()
        context = (scores.softmax(0) @ places) * gate
        h2, c2 = self.upper(torch.cat([context, h1], 1), (h2, c2))
        output = nn.functional.linear(h2, spoken.output.weight, spoken.output.bias)
        return nn.functional.linear(output, spoken.words, spoken.bias)[0].log_softmax(-1), [h1, c1, h2, c2]


def _copy(plain: nn.Module, end: str, lstm: LSTM, number: int) -> None:
    cell = lstm.cells[number]
    for name in ("weight_ih", "weight_hh"):
        getattr(plain, name + end).copy_(getattr(cell, name))
    getattr(plain, f"bias_ih{end}").copy_(cell.bias)
    getattr(plain, f"bias_hh{end}").zero_()


def ours(model: VideoCaptioner, grids: Tensor) -> tuple[list[int], float]:
    """The same by this package."""
    spoken = model.sentences("film")
    memory = spoken.memory(*model.see(grids[None], None, model.strength("film")))

    def step(tokens: Tensor, state: Any) -> tuple[Tensor, Any]:
        y, _, state = spoken.decoder.step(spoken.word(tokens), state, memory)
        return spoken.log_probabilities(y), state

    state = spoken.decoder.initial_state(memory, 1)
    (found,) = beam_search(step, state, 1, start=END, end=END, options=SEARCH)[0]
    return list(found.tokens), found.log_probability


@torch.inference_mode()
def search(given: argparse.Namespace) -> dict[str, Any]:
    """From the features of frames to a sentence."""
    model = hub.load_as(VideoCaptioner, given.model)
    plain = PlainCaptioner(model)
    found: dict[str, Any] = {}
    for count in FRAMES[:1] if given.quick else FRAMES:
        pictures = list(read_film(made(count), side=260, every=1.0).pixels[:count])
        grids = model.captioner.frame_features(pictures)[0].float()
        (tokens, total), (expected, of) = ours(model, grids), plain.sentence(grids)
        assert tokens == expected
        assert math.isclose(total, of, abs_tol=1e-3)
        times = interleaved(
            {"lstm-models": partial(ours, model, grids), "plain PyTorch": partial(plain.sentence, grids)},
            1 if given.quick else 7,
        )
        found[str(count)] = {name: median(each) for name, each in times.items()}
        found[str(count)]["times as fast"] = ratio(times["plain PyTorch"], times["lstm-models"])
    rows = [
        [
            count,
            *(milliseconds(each[name]) for name in ("lstm-models", "plain PyTorch")),
            f"{each['times as fast']:.1f}",
        ]
        for count, each in found.items()
    ]
    print(table(["frames", "lstm-models, ms a sentence", "plain PyTorch, ms", "times as fast"], rows))
    return found


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Prints the tables that are named, all of them if none is; see the module."""
    options = {"model": {"default": "video-captioner", "help": "a bundled model or a folder"}}
    return run_tables(__doc__ or "", {"film": film, "search": search}, arguments, options)


if __name__ == "__main__":
    main()
