"""A recogniser's outputs for sound that is pushed in pieces; however it is cut, the outputs are the same.

* ``AcousticStream`` carries the front end, the convolutions and the LSTM layers from push to push: its outputs are
  those of one pass.
* ``WindowedStream`` is for a recogniser with an acoustic encoder, whose attention looks both ways over all it is given.
  It gives the encoder a window at a time: some seconds that it has had before, what is new, and a little that comes
  after. Of what it makes of a window only the new part is used; the LSTM layers go over that once, their state carried.
  Its outputs differ a little from those of a whole recording, which the encoder sees at once (``exact`` is False).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from lstm_models.errors import InputError
from lstm_models.nn.acoustic_encoder import level

if TYPE_CHECKING:
    from lstm_models.nn.lstm import LSTMState
    from lstm_models.tasks.speech.network import RecognizerNetwork

__all__ = ["AcousticStream", "WindowedStream", "acoustic_stream"]

_AROUND = 2  # steps on either side that the convolutions see


def acoustic_stream(recognizer: RecognizerNetwork) -> AcousticStream:
    """The stream of outputs that fits a recogniser.

    Raises:
        InputError: the recogniser is bidirectional.
    """
    return AcousticStream(recognizer) if recognizer.encoder is None else WindowedStream(recognizer)


class AcousticStream:
    """The recogniser's outputs for samples that arrive in pieces; all of them together equal those of one pass.

    An output needs a step of frames and ``lookahead`` steps after it, two more with convolutions: at most
    0.05 + 0.03 · lookahead seconds, or 0.11 + 0.03 · lookahead.
    """

    exact = True
    """Whether the outputs are those of one pass."""

    def __init__(self, recognizer: RecognizerNetwork) -> None:
        if recognizer.config.bidirectional:
            raise InputError("a bidirectional recogniser takes whole recordings only: choose a streaming one")
        self._recognizer = recognizer
        self._start()

    def _start(self) -> None:
        recognizer = self._recognizer
        self._features = recognizer.config.features.stream()
        self._frames = np.zeros((0, recognizer.config.features.bands), np.float32)  # not yet taken
        self._known = 0  # steps at the front of these that were taken, kept for the convolutions
        self._states: list[LSTMState | None] = [None for _ in recognizer.layers]
        self._held: list[Tensor | None] = [None for _ in recognizer.layers]  # steps that await the next

    @torch.no_grad()
    def push(self, samples: np.ndarray) -> np.ndarray:
        """Log probabilities ``[k, labels]`` that ``samples [n]`` (float32, −1..1, 16 kHz) complete; k may be 0."""
        self._frames = np.concatenate([self._frames, self._features.push(samples)])
        return self._run(last=False)

    @torch.no_grad()
    def finish(self) -> np.ndarray:
        """The log probabilities ``[k, labels]`` that are left; the stream is then as new."""
        self._frames = np.concatenate([self._frames, self._features.finish()])
        rest = self._run(last=True)
        self._start()
        return rest

    def _run(self, last: bool) -> np.ndarray:
        recognizer = self._recognizer
        hidden = self._reduce(last)
        for number, layer in enumerate(recognizer.layers):
            if hidden.size(1):
                hidden, self._states[number] = layer.advance(hidden, self._states[number])  # type: ignore[operator]
            if layer.ahead is None:
                continue
            held = self._held[number]
            known = hidden if held is None else torch.cat([held, hidden], 1)
            ready = known.size(1) if last else max(0, known.size(1) - len(layer.ahead))  # type: ignore[arg-type]
            self._held[number] = rest = known[:, ready:]
            hidden = known[:, :ready]
            if ready:
                hidden = layer.look_ahead(hidden, None if last else rest)  # type: ignore[operator]
        if not hidden.size(1):
            return np.zeros((0, recognizer.labels), np.float32)
        return recognizer.outputs(hidden)[0].cpu().numpy()

    def _reduce(self, last: bool) -> Tensor:
        """The steps [1, steps, hidden] that the frames complete; with convolutions, those that have all around them."""
        recognizer, size = self._recognizer, self._recognizer.step_frames
        weight = recognizer.reduce.weight
        around = _AROUND if recognizer.convolutions is not None else 0
        whole = -(-len(self._frames) // size) if last else len(self._frames) // size
        ready = whole if last else whole - around
        if ready <= self._known:
            return weight.new_zeros(1, 0, recognizer.config.hidden_size)
        frames = torch.from_numpy(self._frames[: whole * size])[None].to(weight.device, weight.dtype)
        steps = recognizer.reduce_frames(frames)[:, self._known : ready]
        kept = min(around, ready)
        self._frames, self._known = self._frames[(ready - kept) * size :], kept
        return steps


class WindowedStream(AcousticStream):
    """The outputs of a ``Recognizer`` with an encoder for samples that arrive in pieces; see the module.

    After n samples those outputs are given whose window is whole: ``n // hop − delay`` rounded to whole cells.
    """

    exact = False

    def __init__(self, recognizer: RecognizerNetwork) -> None:
        assert recognizer.encoder is not None
        self._encoder = recognizer.encoder
        self._back, self._ahead, self._new = recognizer.config.windows
        super().__init__(recognizer)

    def _start(self) -> None:
        super()._start()
        self._samples = np.zeros(0, np.float32)
        self._first = 0  # the output that the samples begin with
        self._next = 0  # the first output that the layers have not had

    @torch.no_grad()
    def push(self, samples: np.ndarray) -> np.ndarray:
        """Log probabilities ``[k, labels]`` that ``samples [n]`` (float32, −1..1, 16 kHz) complete; k may be 0."""
        self._samples = np.concatenate([self._samples, np.asarray(samples, np.float32)])
        made = []
        cell = self._new * self._encoder.hop
        behind = self._recognizer.config.delay - self._recognizer.config.lookahead
        while True:
            whole = (self._first * self._encoder.hop + len(self._samples)) // cell * self._new  # outputs' worth
            end = self._next + self._new - (self._next + behind) % self._new
            if end + behind > whole:
                break
            made.append(self._window(end, end + behind))
        return self._given(made, last=False)

    @torch.no_grad()
    def finish(self) -> np.ndarray:
        """The log probabilities ``[k, labels]`` that are left; the stream is then as new."""
        made = []
        if self._first or len(self._samples):
            lacking = self._encoder.window - len(self._samples) - self._first * self._encoder.hop
            self._samples = np.pad(self._samples, (0, max(0, lacking)))
            end = self._first + self._encoder.frames(len(self._samples))
            if end > self._next:
                made.append(self._window(end, None))
        rest = self._given(made, last=True)
        self._start()
        return rest

    def _given(self, made: list[Tensor], last: bool) -> np.ndarray:
        recognizer = self._recognizer
        size = recognizer.config.hidden_size
        self._hidden = torch.cat(made, 1) if made else recognizer.reduce.weight.new_zeros(1, 0, size)
        return self._run(last)

    def _reduce(self, last: bool) -> Tensor:
        return self._hidden

    def _window(self, end: int, hops: int | None) -> Tensor:
        """What the layers take of the outputs up to ``end`` that they have not had, of a window that ends at ``hops``
        (of the encoder, since the first sample; all samples if None)."""
        encoder, recognizer = self._encoder, self._recognizer
        start = max(self._first, self._next - self._back)
        self._samples = self._samples[(start - self._first) * encoder.hop :]
        self._first = start
        wave = self._samples if hops is None else self._samples[: (hops - start) * encoder.hop]
        weight = recognizer.reduce.weight
        sound = torch.from_numpy(level(wave))[None].to(weight.device, weight.dtype)
        hidden = recognizer.mix(encoder.trunk(sound))[:, self._next - start : end - start]
        self._next = end
        return hidden
