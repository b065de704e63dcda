"""Speech: ``Recognizer`` turns recordings into words with times, from a file or as they are spoken.

The shipped recogniser stands on a pretrained acoustic encoder (``lstm_models.nn.acoustic_encoder``), a learned mixture
of whose layers the LSTM layers are given each 24 ms; the head gives an output a step, trained by connectionist temporal
classification (CTC: Graves et al. 2006).

Without an encoder, a strided convolution makes a step of three log-mel frames, one each 30 ms (low frame rate: Pundak
and Sainath 2016, "Lower frame rate neural network acoustic models"). Steps of 80 or 90 ms with several outputs each
cost a third and learn far worse: what is heard lies anywhere within them. Layers look a few steps ahead by a row
convolution (Amodei et al. 2016, arXiv:1512.02595, section 3.7), so that one-directional layers hear a little of what
follows. Convolutions over time and frequency beside the strided one (the same paper, section 3.5) hear a sound alike in
a higher and a lower voice, which narrows the gap between speakers a network learnt from and others.

    recognizer = lstm_models.load("recognizer")
    print(recognizer.transcribe("talk.flac").text)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from lstm_models import deadlines
from lstm_models.errors import InputError
from lstm_models.nn.acoustic_encoder import AcousticEncoder, AcousticEncoderConfig, level
from lstm_models.nn.ctc_loss import ctc_sums
from lstm_models.nn.dropout import Dropout
from lstm_models.nn.lstm import LSTM, LSTMState
from lstm_models.tasks.speech.features import SpeechFeatures

if TYPE_CHECKING:
    from lstm_models.tasks.speech.results import Transcript
    from lstm_models.tasks.speech.transcription import Stream

__all__ = ["ALPHABET", "AcousticStream", "Recognizer", "RecognizerConfig", "batch_utterances"]

ALPHABET = " 'abcdefghijklmnopqrstuvwxyz"
"""The characters of English transcripts; label 0 is CTC's blank, label i + 1 the character i of the alphabet."""
_FRAMES = 3  # of a step
_RATE = 16_000
_TUNED = 0.25  # of the learning rate, for the encoder's blocks that are trained on
_AHEAD = 12  # steps that a layer may look ahead
_AROUND = 2  # steps on either side that the convolutions see
_FEW = 6  # steps that are faster taken one by one than by a kernel that lays the weights out anew each time


@dataclass(frozen=True)
class RecognizerConfig:
    """Sizes of a recogniser, and how it is used.

    Attributes:
        alphabet: the characters it can write, the space among them.
        hidden_size: features of every layer, of both directions together.
        layers: LSTM layers.
        bidirectional: layers that run in both directions: for recordings only, not for streams.
        lookahead: steps of 30 ms that one-directional layers see ahead, shared out among them.
        convolution: channels of the three convolutions over time and frequency, which see two steps to either side;
            none where empty.
        dropout: share of a layer's input features dropped while training, the same for all steps (variational).
        features: the front end where there is no encoder.
        encoder: an acoustic encoder under the LSTM layers, in place of log-mel frames; then an output each 24 ms, and
            no ``convolution``.
        windows: of an encoder in a stream, in outputs: how many it hears again before those that are new, how many
            after them, and how many are new in each window.
        calibration: (a, b): a word's confidence is sigmoid(a · logit(its raw confidence) + b).
        time_shift: seconds added to the times of words: (start, end).
        language_model: name or folder of the n-gram language model it is used with; empty for none.
        beam: hypotheses of the prefix beam search.
        lm_weight: weight of the language model's log probability.
        word_bonus: added for each word, in nats.
    """

    alphabet: str = ALPHABET
    hidden_size: int = 256
    layers: int = 4
    bidirectional: bool = False
    lookahead: int = 8
    convolution: tuple[int, ...] = ()
    dropout: float = 0.1
    features: SpeechFeatures = field(default_factory=SpeechFeatures)
    encoder: AcousticEncoderConfig | None = None
    windows: tuple[int, int, int] = (125, 12, 10)
    calibration: tuple[float, float] = (1.0, 0.0)
    time_shift: tuple[float, float] = (0.0, 0.0)
    language_model: str = "words"
    beam: int = 32
    lm_weight: float = 0.8
    word_bonus: float = 0.5

    def __post_init__(self) -> None:
        for name in ("hidden_size", "layers", "beam"):
            if getattr(self, name) < 1:
                raise ValueError(f"model: {name} must be at least 1, not {getattr(self, name)}")
        if self.bidirectional and self.hidden_size % 2:
            raise ValueError(f"model: hidden_size must be even for two directions, not {self.hidden_size}")
        if not 0 <= self.lookahead <= _AHEAD * self.layers:
            most = _AHEAD * self.layers
            raise ValueError(f"model: lookahead must lie between 0 and {most}, not {self.lookahead}")
        if len(self.convolution) not in (0, 3) or any(channels < 1 for channels in self.convolution):
            raise ValueError(f"model: convolution must be three numbers of channels or none, not {self.convolution}")
        if self.convolution and self.features.bands < 8:
            raise ValueError(f"model: convolutions need at least 8 bands, not {self.features.bands}")
        if min(self.windows) < 1:
            raise ValueError(f"model: windows must be three numbers of at least 1, not {self.windows}")
        if self.encoder is not None and self.convolution:
            raise ValueError("model: convolution is for log-mel frames, not for an encoder")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"model: dropout must be from 0 to below 1, not {self.dropout}")
        if " " not in self.alphabet or len(set(self.alphabet)) < len(self.alphabet):
            raise ValueError("model: alphabet must have a space and nothing twice")

    @property
    def cell(self) -> int:
        """Outputs that a stream gives at a time: recordings are cut on a grid of these."""
        return 2 if self.encoder is None else self.windows[2]

    @property
    def delay(self) -> int:
        """Outputs that a stream is behind the sound, once it has a whole cell."""
        if self.encoder is None:
            return self.lookahead + 1
        # An output is made of more than two hops of sound
        return self.lookahead + self.windows[1] + -(-AcousticEncoder.window // AcousticEncoder.hop) - 1


class _Layer(nn.Module):
    """x + LSTM(norm(x)), then shares of the next steps' values added to each (row convolution)."""

    def __init__(self, config: RecognizerConfig, ahead: int) -> None:
        super().__init__()
        size = config.hidden_size
        self.norm = nn.LayerNorm(size)
        self.lstm = LSTM(
            size,
            size // 2 if config.bidirectional else size,
            bidirectional=config.bidirectional,
            dropout=Dropout(input=config.dropout),
        )
        self.ahead = nn.Parameter(torch.zeros(ahead, size)) if ahead else None

    def forward(
        self, x: Tensor, lengths: Tensor | None = None, state: LSTMState | None = None
    ) -> tuple[Tensor, LSTMState]:
        y, state = self.lstm(self.norm(x), state, lengths if self.lstm.bidirectional else None)
        return x + y.to(x.dtype), state

    def steps(self, x: Tensor, state: LSTMState | None) -> tuple[Tensor, LSTMState | None]:
        """As ``forward`` in one direction, faster for the few steps that a push of a stream brings."""
        if x.size(1) > _FEW:
            return self(x, None, state)  # type: ignore[no-any-return]
        made = []
        for frame in self.norm(x).unbind(1):
            y, state = self.lstm.step(frame, state)
            made.append(y)
        return x + torch.stack(made, 1), state

    def look(self, x: Tensor, after: Tensor | None = None) -> Tensor:
        """``x [batch, time, size]`` with what each step sees of the next; zeros or ``after`` follow the last."""
        if self.ahead is None:
            return x
        steps = x.size(1)
        rest = x.new_zeros(x.size(0), len(self.ahead), x.size(2)) if after is None else after
        whole, seen = torch.cat([x, rest], 1), x
        for number, share in enumerate(self.ahead, 1):
            seen = torch.addcmul(seen, share, whole[:, number : number + steps])
        return seen


class _Convolutions(nn.Module):
    """Three convolutions over time and frequency, each halving the frequencies; the first makes the steps of frames.

    Begins at zero: beside a reduction that is trained already it changes nothing at first.
    """

    def __init__(self, config: RecognizerConfig) -> None:
        super().__init__()
        one, two, three = config.convolution
        self.first = nn.Conv2d(1, one, (_FRAMES, 5), (_FRAMES, 2), (0, 2))
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
        """Steps ``[batch, steps, hidden]`` of frames ``x [batch, 3 · steps, bands]``; ``real [batch, steps]`` tells
        which are not padding."""
        x = x[:, None].contiguous(memory_format=torch.channels_last)
        for layer in (self.first, self.second, self.third):
            x = nn.functional.relu(layer(x))
            if real is not None:  # what is not there is 0 to the next one, as beyond the edges
                x = x * real[:, None, :, None]
        return self.out(self.norm(x.transpose(1, 2).flatten(2)))  # type: ignore[no-any-return]


class Recognizer(nn.Module):
    """Writes what is said; see the module and ``RecognizerConfig``."""

    Config = RecognizerConfig
    step_frames = _FRAMES
    """Frames of a step of the LSTM layers, which is an output."""

    def __init__(self, config: RecognizerConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = None if config.encoder is None else AcousticEncoder(config.encoder)
        inputs = self.step_frames * config.features.bands
        if self.encoder is not None:
            inputs = self.encoder.config.size
            self.mixture = nn.Parameter(torch.zeros(self.encoder.states))
        self.reduce = nn.Linear(inputs, config.hidden_size)
        self.convolutions = _Convolutions(config) if config.convolution else None
        ahead = 0 if config.bidirectional else config.lookahead
        shares = [(ahead + rest) // config.layers for rest in reversed(range(config.layers))]
        self.layers = nn.ModuleList(_Layer(config, share) for share in shares)
        self.norm = nn.LayerNorm(config.hidden_size)
        self.labels = len(config.alphabet) + 1
        self.head = nn.Linear(config.hidden_size, self.labels)
        self._number = {character: number for number, character in enumerate(config.alphabet, 1)}

    @property
    def seconds_per_output(self) -> float:
        """From one output to the next."""
        if self.encoder is not None:
            return self.encoder.hop / _RATE
        return self.step_frames * self.config.features.seconds

    def encode(self, text: str) -> Tensor:
        """Labels [characters] of a text. Raises KeyError for a character that is not in the alphabet."""
        return torch.tensor([self._number[character] for character in text], dtype=torch.long)

    # The network ---------------------------------------------------------------------------------------------------

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Log probabilities of the labels.

        Args:
            x: normalised log-mel frames [batch, frames, bands]; with an encoder its trunk's output
                [batch, frames, size].
            lengths: how many are real [batch]; all where missing.

        Returns:
            Log probabilities [batch, outputs, labels], and how many outputs are real [batch].
        """
        lengths = torch.full((x.size(0),), x.size(1)) if lengths is None else lengths.cpu()
        if self.encoder is not None:
            real = torch.arange(x.size(1), device=x.device) < lengths.to(x.device)[:, None]
            return self._outputs(self._stack(self._mixed(x, lengths), lengths, real[..., None])), lengths
        steps = -(-lengths // self.step_frames)
        # What is not there sounds like the mean, in a batch as in a stream
        real = torch.arange(x.size(1), device=x.device) < lengths.to(x.device)[:, None]
        there = torch.arange(-(-x.size(1) // self.step_frames), device=x.device) < steps.to(x.device)[:, None]
        mask = there[..., None]
        hidden = self._reduce(x * real[..., None], there)
        return self._outputs(self._stack(hidden, steps, mask)), steps

    def _stack(self, hidden: Tensor, steps: Tensor, mask: Tensor) -> Tensor:
        hidden = hidden * mask
        for layer in self.layers:
            # One direction never sees the padding after it, so it need not be told the lengths: a third faster
            hidden = layer.look(layer(hidden, steps)[0] * mask)  # type: ignore[operator]
        return hidden

    def _mixed(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Steps [batch, frames, hidden]: a learned mixture of what the encoder's layers make of its trunk's output.

        Each layer's output is normalised and the weights add up to one (ELMo's and SUPERB's habit: Yang et al. 2021,
        arXiv:2105.01051, section 3.2).
        """
        assert self.encoder is not None
        states = self.encoder.tail(x, lengths)
        weights = self.mixture.softmax(0)
        mixed = torch.stack([nn.functional.layer_norm(one.float(), one.shape[-1:]) for one in states], -1) @ weights
        return self.reduce(mixed)  # type: ignore[no-any-return]

    def _reduce(self, x: Tensor, real: Tensor | None = None) -> Tensor:
        """Steps [batch, ⌈frames / 3⌉, hidden] of frames: a convolution as wide as its stride, and those beside it."""
        x = nn.functional.pad(x, (0, 0, 0, -x.size(1) % self.step_frames))
        steps = self.reduce(x.reshape(x.size(0), -1, self.reduce.in_features))
        return steps if self.convolutions is None else steps + self.convolutions(x, real)

    def _outputs(self, hidden: Tensor) -> Tensor:
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
        """Trained parameters by the share of the learning rate they take: the encoder, trained already, a quarter."""
        tuned = [] if self.encoder is None else [p for p in self.encoder.parameters() if p.requires_grad]
        known = {id(parameter) for parameter in tuned}
        rest = [p for p in self.parameters() if p.requires_grad and id(p) not in known]
        return [{"params": rest, "scale": 1.0}, *([{"params": tuned, "scale": _TUNED}] if tuned else [])]

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

        Output k is of what was said from ``k · seconds_per_output`` on. All recordings are run as one batch.
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

    def acoustics(self) -> AcousticStream:
        """Log probabilities of a recording that comes bit by bit.

        Raises:
            InputError: the recogniser is bidirectional.
        """
        if self.encoder is not None:
            from lstm_models.tasks.speech.windowed_stream import WindowedStream

            return WindowedStream(self)
        return AcousticStream(self)

    def transcribe(self, source: Any, **options: Any) -> Transcript:
        """Words of a recording, with times and confidences; see :func:`.transcription.transcribe`."""
        from lstm_models.tasks.speech import transcription

        return transcription.transcribe(self, source, **options)

    def stream(self, **options: Any) -> Stream:
        """Words as they are spoken; see :func:`lstm_models.tasks.speech.transcription.stream`."""
        from lstm_models.tasks.speech import transcription

        return transcription.stream(self, **options)

    def align(self, source: Any, text: str, **options: Any) -> Transcript:
        """When each word of a known text is spoken; see :func:`lstm_models.tasks.speech.transcription.align`."""
        from lstm_models.tasks.speech import transcription

        return transcription.align(self, source, text, **options)


class AcousticStream:
    """The recogniser's outputs for samples that come bit by bit; all of them together equal those of one pass.

    An output needs a step of frames and ``lookahead`` steps after it, two more with convolutions: at most
    0.05 + 0.03 · lookahead seconds, or 0.11 + 0.03 · lookahead.
    """

    def __init__(self, recognizer: Recognizer) -> None:
        if recognizer.config.bidirectional:
            raise InputError("a bidirectional recogniser hears whole recordings only: choose a streaming one")
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
        """The log probabilities ``[k, labels]`` still owed; the stream is then as new."""
        self._frames = np.concatenate([self._frames, self._features.finish()])
        rest = self._run(last=True)
        self._start()
        return rest

    def _run(self, last: bool) -> np.ndarray:
        recognizer = self._recognizer
        hidden = self._reduce(last)
        for number, layer in enumerate(recognizer.layers):
            if hidden.size(1):
                hidden, self._states[number] = layer.steps(hidden, self._states[number])  # type: ignore[operator]
            if layer.ahead is None:
                continue
            held = self._held[number]
            known = hidden if held is None else torch.cat([held, hidden], 1)
            ready = known.size(1) if last else max(0, known.size(1) - len(layer.ahead))  # type: ignore[arg-type]
            self._held[number] = rest = known[:, ready:]
            hidden = known[:, :ready]
            if ready:
                hidden = layer.look(hidden, None if last else rest)  # type: ignore[operator]
        if not hidden.size(1):
            return np.zeros((0, recognizer.labels), np.float32)
        return recognizer._outputs(hidden)[0].cpu().numpy()

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
        steps = recognizer._reduce(frames)[:, self._known : ready]
        kept = min(around, ready)
        self._frames, self._known = self._frames[(ready - kept) * size :], kept
        return steps


def batch_utterances(items: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """What ``loss`` takes, of utterances with ``features`` [frames, bands] and ``text`` [characters] each."""
    pad = nn.utils.rnn.pad_sequence
    batch = {
        "features": pad([item["features"] for item in items], batch_first=True),
        "lengths": torch.tensor([len(item["features"]) for item in items]),
        "text": pad([item["text"] for item in items], batch_first=True),
        "text_lengths": torch.tensor([len(item["text"]) for item in items]),
    }
    return batch
