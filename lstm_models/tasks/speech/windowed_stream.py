"""A recogniser with an acoustic encoder, for sound that comes bit by bit: the encoder over a sliding window.

The encoder's attention looks both ways over all it is given, so a stream gives it a window at a time: some seconds that
it has heard before, what is new, and a little that comes after. Of what it makes of a window only the new part is used;
the LSTM layers go over that once, their state carried. However the sound is cut into pushes, the outputs are the same.
They differ a little from those of a whole recording, which the encoder sees at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from lstm_models.nn.acoustic_encoder import level
from lstm_models.tasks.speech.network import AcousticStream

if TYPE_CHECKING:
    from lstm_models.tasks.speech.network import Recognizer

__all__ = ["WindowedStream"]


class WindowedStream(AcousticStream):
    """The outputs of a ``Recognizer`` with an encoder for samples that come bit by bit; see the module.

    After n samples those outputs are given whose window is whole: ``n // hop − delay`` rounded to whole cells.
    """

    def __init__(self, recognizer: Recognizer) -> None:
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
        """The log probabilities ``[k, labels]`` still owed; the stream is then as new."""
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

    def _window(self, end: int, heard: int | None) -> Tensor:
        """What the layers take of the outputs up to ``end`` that they have not had, once ``heard`` hops are heard."""
        encoder, recognizer = self._encoder, self._recognizer
        start = max(self._first, self._next - self._back)
        self._samples = self._samples[(start - self._first) * encoder.hop :]
        self._first = start
        wave = self._samples if heard is None else self._samples[: (heard - start) * encoder.hop]
        weight = recognizer.reduce.weight
        sound = torch.from_numpy(level(wave))[None].to(weight.device, weight.dtype)
        hidden = recognizer._mixed(encoder.trunk(sound))[:, self._next - start : end - start]
        self._next = end
        return hidden
