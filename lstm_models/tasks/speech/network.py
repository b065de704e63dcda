"""The network of a recogniser: from sound to the log probabilities of letters.

* The shipped recogniser stands on a pretrained acoustic encoder (``lstm_models.nn.acoustic_encoder``); the LSTM layers
  are given a learned mixture of its layers each 20 ms, and the head gives an output a step, trained by connectionist
  temporal classification (CTC: Graves et al. 2006).
* Without an encoder, a strided convolution makes a step of three log-mel frames, one each 30 ms (low frame rate: Pundak
  and Sainath 2016, "Lower frame rate neural network acoustic models"). Steps of 80 or 90 ms with several outputs each
  cost a third and learn far worse.
* Layers look some steps ahead by a row convolution (Amodei et al. 2016, arXiv:1512.02595, section 3.7), so that layers
  of one direction see a little of what follows. Convolutions over time and frequency beside the strided one (the same
  paper, section 3.5) give a sound the same features in a higher and a lower voice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lstm_models import deadlines
from lstm_models.io.samples import SAMPLE_RATE
from lstm_models.nn.acoustic_encoder import level
from lstm_models.nn.ctc_loss import ctc_batch, ctc_sums
from lstm_models.nn.lstm import LSTMState
from lstm_models.nn.residual_lstm import ResidualLSTM
from lstm_models.nn.spectrogram_encoder import acoustic_encoder
from lstm_models.tasks.speech.config import RecognizerConfig

__all__ = ["RecognizerLayer", "RecognizerNetwork"]

_STEP_FRAMES = 3
_ENCODER_RATE = 0.25  # of the learning rate, for the encoder's blocks that are trained on
_SHORT_PUSH = 6  # steps that are faster taken one by one than by a kernel that lays the weights out anew each time


class RecognizerLayer(ResidualLSTM):
    """x + LSTM(norm(x)), then a weighted sum of the next steps' values added to each (row convolution)."""

    def __init__(self, config: RecognizerConfig, lookahead: int) -> None:
        super().__init__(config.hidden_size, bidirectional=config.bidirectional, dropout=config.dropout)
        self.ahead = nn.Parameter(torch.zeros(lookahead, config.hidden_size)) if lookahead else None

    def advance(self, x: Tensor, state: LSTMState | None) -> tuple[Tensor, LSTMState | None]:
        """The steps ``x`` [batch, steps, size] after those of the state, without what they see ahead."""
        if x.size(1) > _SHORT_PUSH:
            y, state = self.lstm(self.norm(x), state)
            return x + y.to(x.dtype), state
        outputs = []
        for step in self.norm(x).unbind(1):
            y, state = self.lstm.step(step, state)
            outputs.append(y)
        return x + torch.stack(outputs, 1), state

    def look_ahead(self, x: Tensor, after: Tensor | None = None) -> Tensor:
        """``x`` [batch, steps, size] with what each step sees of the next; ``after`` follow the last, zeros if None."""
        if self.ahead is None:
            return x
        steps = x.size(1)
        rest = x.new_zeros(x.size(0), len(self.ahead), x.size(2)) if after is None else after
        whole, seen = torch.cat([x, rest], 1), x
        for number, weight in enumerate(self.ahead, 1):
            seen = torch.addcmul(seen, weight, whole[:, number : number + steps])
        return seen


class _Convolutions(nn.Module):
    """Three convolutions over time and frequency, each halving the frequencies; the first makes the steps of frames.

    The last layer begins at zero: beside a reduction that is trained already it changes nothing at first.
    """

    def __init__(self, config: RecognizerConfig) -> None:
        super().__init__()
        one, two, three = config.convolution
        self.first = nn.Conv2d(1, one, (_STEP_FRAMES, 5), (_STEP_FRAMES, 2), (0, 2))
        self.second = nn.Conv2d(one, two, 3, (1, 2), 1)
        self.third = nn.Conv2d(two, three, 3, (1, 2), 1)
        bands = config.features.bands
        for _ in range(3):
            bands = (bands + 1) // 2
        self.norm = nn.LayerNorm(three * bands)
        self.out = nn.Linear(three * bands, config.hidden_size)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, x: Tensor, real: Tensor | None = None) -> Tensor:
        """Steps [batch, steps, hidden] of frames ``x`` [batch, 3 · steps, bands]; ``real`` [batch, steps] marks those
        that are not padding."""
        x = x[:, None].contiguous(memory_format=torch.channels_last)
        for layer in (self.first, self.second, self.third):
            x = nn.functional.relu(layer(x))
            if real is not None:  # what is not there is 0 to the next one, as beyond the edges
                x = x * real[:, None, :, None]
        return self.out(self.norm(x.transpose(1, 2).flatten(2)))  # type: ignore[no-any-return]


class RecognizerNetwork(nn.Module):
    """The network of a recogniser; see the module and ``RecognizerConfig``."""

    Config = RecognizerConfig
    step_frames = _STEP_FRAMES
    """Frames of a step of the LSTM layers, which is an output."""

    def __init__(self, config: RecognizerConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = None if config.encoder is None else acoustic_encoder(config.encoder)
        inputs = self.step_frames * config.features.bands
        if self.encoder is not None:
            inputs = self.encoder.config.size
            self.mixture = nn.Parameter(torch.zeros(self.encoder.states))
        self.reduce = nn.Linear(inputs, config.hidden_size)
        self.convolutions = _Convolutions(config) if config.convolution else None
        ahead = 0 if config.bidirectional else config.lookahead
        divided = [(ahead + rest) // config.layers for rest in reversed(range(config.layers))]
        self.layers = nn.ModuleList(RecognizerLayer(config, lookahead) for lookahead in divided)
        self.norm = nn.LayerNorm(config.hidden_size)
        self.labels = len(config.alphabet) + 1
        self.head = nn.Linear(config.hidden_size, self.labels)
        self.label_numbers = {character: number for number, character in enumerate(config.alphabet, 1)}
        self.set_encoder_dropout(config.encoder_dropout)

    def set_encoder_dropout(self, fraction: float) -> None:
        """Drop this much of what each tuned block of the encoder adds, while training."""
        if self.encoder is not None:
            for block in self.encoder.blocks[self.encoder.config.blocks - self.encoder.config.tuned :]:
                block.dropout.p = fraction  # type: ignore[union-attr]

    @property
    def seconds_per_output(self) -> float:
        """From one output to the next."""
        if self.encoder is not None:
            return self.encoder.hop / SAMPLE_RATE
        return self.step_frames * self.config.features.seconds

    def encode(self, text: str) -> Tensor:
        """Labels [characters] of a text. Raises KeyError for a character that is not in the alphabet."""
        return torch.tensor([self.label_numbers[character] for character in text], dtype=torch.long)

    # The network ---------------------------------------------------------------------------------------------------

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Log probabilities of the labels.

        Args:
            x: normalised log-mel frames [batch, frames, bands]; with an encoder its trunk's output
                [batch, frames, size].
            lengths: how many are real [batch]; all if None.

        Returns:
            Log probabilities [batch, outputs, labels], and how many outputs are real [batch].
        """
        lengths = torch.full((x.size(0),), x.size(1)) if lengths is None else lengths.cpu()
        if self.encoder is not None:
            real = torch.arange(x.size(1), device=x.device) < lengths.to(x.device)[:, None]
            return self.outputs(self.run_layers(self.mix(x, lengths), lengths, real[..., None])), lengths
        steps = -(-lengths // self.step_frames)
        # Padding is the mean, in a batch as in a stream
        real = torch.arange(x.size(1), device=x.device) < lengths.to(x.device)[:, None]
        there = torch.arange(-(-x.size(1) // self.step_frames), device=x.device) < steps.to(x.device)[:, None]
        mask = there[..., None]
        hidden = self.reduce_frames(x * real[..., None], there)
        return self.outputs(self.run_layers(hidden, steps, mask)), steps

    def run_layers(self, hidden: Tensor, steps: Tensor, mask: Tensor) -> Tensor:
        hidden = hidden * mask
        # One direction never sees the padding after it, and without lengths it is a third faster
        lengths = steps if self.config.bidirectional else None
        for layer in self.layers:
            hidden = layer.look_ahead(layer(hidden, lengths) * mask)  # type: ignore[operator]
        return hidden

    def mix(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Steps [batch, frames, hidden]: a learned mixture of what the encoder's layers make of its trunk's output.

        Each layer's output is normalised and the weights add up to one (ELMo's and SUPERB's habit: Yang et al. 2021,
        arXiv:2105.01051, section 3.2).
        """
        assert self.encoder is not None
        states = self.encoder.tail(x, lengths)
        weights = self.mixture.softmax(0)
        mixed = torch.stack([nn.functional.layer_norm(one.float(), one.shape[-1:]) for one in states], -1) @ weights
        return self.reduce(mixed)  # type: ignore[no-any-return]

    def reduce_frames(self, x: Tensor, real: Tensor | None = None) -> Tensor:
        """Steps [batch, ⌈frames / 3⌉, hidden] of frames: a convolution as wide as its stride, and those beside it."""
        x = nn.functional.pad(x, (0, 0, 0, -x.size(1) % self.step_frames))
        steps: Tensor = self.reduce(x.reshape(x.size(0), -1, self.reduce.in_features))
        return steps if self.convolutions is None else steps + self.convolutions(x, real)

    def outputs(self, hidden: Tensor) -> Tensor:
        return self.head(self.norm(hidden)).float().log_softmax(-1)  # type: ignore[no-any-return]

    def loss(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """CTC loss in nats, summed over the batch, with what it is a sum over.

        Args:
            batch: ``features`` [batch, frames, bands], ``lengths`` [batch], ``text`` [batch, characters] labels,
                ``text_lengths`` [batch].

        Returns:
            ``loss`` (utterances too short for their text count 0), ``edits`` (while evaluating: characters by which the
            best path differs), and the counts ``points`` (characters) and ``lines``.
        """
        log_probs, lengths = self(batch["features"], batch["lengths"])
        return ctc_sums(log_probs, lengths, batch, edits=not self.training)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Trained parameters, each group with its fraction of the learning rate: a quarter for the encoder."""
        tuned = [] if self.encoder is None else [p for p in self.encoder.parameters() if p.requires_grad]
        known = {id(parameter) for parameter in tuned}
        rest = [p for p in self.parameters() if p.requires_grad and id(p) not in known]
        return [{"params": rest, "scale": 1.0}, *([{"params": tuned, "scale": _ENCODER_RATE}] if tuned else [])]

    # Use -----------------------------------------------------------------------------------------------------------

    @torch.no_grad()
    def front_end(self, samples: np.ndarray) -> Tensor:
        """What ``forward`` takes of a recording ``samples [n]``: [frames, bands], or [frames, size] of an encoder."""
        if self.encoder is None:
            features = self.config.features
            return torch.from_numpy(features.normalize(features.log_mel(samples)))
        sound = torch.from_numpy(level(samples))
        sound = nn.functional.pad(sound, (0, max(0, self.encoder.window - len(sound))))
        return self.encoder.trunk(sound[None].to(self.reduce.weight.device))[0]

    @torch.no_grad()
    def log_probs(self, recordings: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Log probabilities [outputs, labels] float32 of each recording ``[n]`` float32, −1..1 at 16 kHz, in one pass.

        Output k is of the sound from ``k · seconds_per_output`` on. All recordings are run as one batch.
        """
        deadlines.check()
        if self.encoder is not None:
            return self._encoded(recordings)
        features = self.config.features
        frames = [features.normalize(features.log_mel(samples)) for samples in recordings]
        if not any(len(one) for one in frames):
            return [np.zeros((0, self.labels), np.float32) for _ in frames]
        device = self.reduce.weight.device
        batch = nn.utils.rnn.pad_sequence([torch.from_numpy(one) for one in frames], batch_first=True).to(device)
        found, counts = self(batch, torch.tensor([len(one) for one in frames]))
        return [one[:count].cpu().numpy() for one, count in zip(found, counts.tolist(), strict=True)]

    def _encoded(self, recordings: Sequence[np.ndarray]) -> list[np.ndarray]:
        assert self.encoder is not None
        known = [number for number, samples in enumerate(recordings) if len(samples)]
        found = [np.zeros((0, self.labels), np.float32) for _ in recordings]
        if not known:
            return found
        device, window = self.reduce.weight.device, self.encoder.window
        sounds = [torch.from_numpy(level(recordings[number])) for number in known]
        lengths = torch.tensor([max(window, len(one)) for one in sounds])
        batch = nn.functional.pad(nn.utils.rnn.pad_sequence(sounds, batch_first=True), (0, window))
        batch = batch[:, : int(lengths.max())].to(device)
        even = len(known) == 1
        counts = torch.tensor([self.encoder.frames(one) for one in lengths.tolist()])
        outputs, _ = self(self.encoder.trunk(batch, None if even else lengths), counts)
        for number, one, count in zip(known, outputs, counts.tolist(), strict=True):
            found[number] = one[:count].cpu().numpy()
        return found

    @staticmethod
    def collate(items: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
        """What `loss` takes, of utterances with ``features`` [frames, bands] and ``text`` [characters] each."""
        return ctc_batch(items)
