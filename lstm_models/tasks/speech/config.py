"""The sizes of a recogniser, and how it is used."""

from __future__ import annotations

from dataclasses import dataclass, field

from lstm_models.decoding.ctc_search import EVIDENCE
from lstm_models.field_checks import check_at_least, check_fractions
from lstm_models.nn.acoustic_encoder import AcousticEncoderConfig
from lstm_models.tasks.speech.features import SpeechFeatures

__all__ = ["ALPHABET", "RecognizerConfig"]

ALPHABET = " 'abcdefghijklmnopqrstuvwxyz"
"""The characters of English transcripts; label 0 is CTC's blank, label i + 1 the character i of the alphabet."""
_MAX_LOOKAHEAD = 12  # steps that a layer may look ahead


@dataclass(frozen=True)
class RecognizerConfig:
    """Sizes of a recogniser, and how it is used.

    Attributes:
        alphabet: the characters it can write, the space among them.
        hidden_size: features of every layer, of both directions together.
        layers: LSTM layers.
        bidirectional: layers that run in both directions: for recordings only, not for streams.
        lookahead: steps that one-directional layers see ahead, divided among them.
        convolution: channels of the three convolutions over time and frequency, which see two steps to either side;
            none if empty.
        dropout: fraction of a layer's input features dropped while training, the same for all steps (variational).
        encoder_dropout: fraction of what each tuned block of the encoder adds that is dropped while training.
        features: the front end of a model without an encoder.
        encoder: an acoustic encoder under the LSTM layers, in place of log-mel frames; then an output each 24 ms (20
            from a spectrogram), and no ``convolution``.
        windows: of an encoder in a stream, in outputs: how many it reads again before those that are new, how many
            after them, and how many are new in each window.
        calibration: (a, b): a word's confidence is sigmoid(a · logit(its raw confidence) + b).
        evidence_calibration: (a, b, weights …): with a language model it is sigmoid(a · logit(its raw confidence) + b +
            weights · `lstm_models.decoding.ctc_search.Found.evidence`); ``calibration`` serves there too if empty.
        time_shift: seconds added to the times of words: (start, end).
        language_model: name or folder of the n-gram language model it is used with; empty for none.
        beam: hypotheses of the prefix beam search.
        lm_weight: weight of the language model's log probability.
        word_bonus: added for each word, in nats.
        gap: nats behind the best at which the search gives a hypothesis up.
        token_floor: log probability below which the search does not try a letter.
        rescorer: name or folder of a model of whole texts, which chooses among the best of a search with
            ``language_model``; none if empty.
        rescorer_weights: of its log probability, and how much is kept of the language model's (0 to 1).

    Raises:
        ValueError: a size is out of its range.
    """

    alphabet: str = ALPHABET
    hidden_size: int = 256
    layers: int = 4
    bidirectional: bool = False
    lookahead: int = 8
    convolution: tuple[int, ...] = ()
    dropout: float = 0.1
    encoder_dropout: float = 0.0
    features: SpeechFeatures = field(default_factory=SpeechFeatures)
    encoder: AcousticEncoderConfig | None = None
    windows: tuple[int, int, int] = (83, 12, 15)
    calibration: tuple[float, float] = (1.0, 0.0)
    evidence_calibration: tuple[float, ...] = ()
    time_shift: tuple[float, float] = (0.0, 0.0)
    language_model: str = "words"
    beam: int = 32
    lm_weight: float = 0.8
    word_bonus: float = 0.5
    gap: float = 10.0
    token_floor: float = -7.0
    rescorer: str = ""
    rescorer_weights: tuple[float, float] = (0.2, 0.5)

    def __post_init__(self) -> None:
        check_at_least(self, 1, "hidden_size", "layers", "beam")
        if self.bidirectional and self.hidden_size % 2:
            raise ValueError(f"model: hidden_size must be even for two directions, not {self.hidden_size}")
        if not 0 <= self.lookahead <= _MAX_LOOKAHEAD * self.layers:
            most = _MAX_LOOKAHEAD * self.layers
            raise ValueError(f"model: lookahead must lie between 0 and {most}, not {self.lookahead}")
        if len(self.convolution) not in (0, 3) or any(channels < 1 for channels in self.convolution):
            raise ValueError(f"model: convolution must be three numbers of channels or none, not {self.convolution}")
        if self.convolution and self.features.bands < 8:
            raise ValueError(f"model: convolutions need at least 8 bands, not {self.features.bands}")
        if min(self.windows) < 1:
            raise ValueError(f"model: windows must be three numbers of at least 1, not {self.windows}")
        if self.encoder is not None and self.convolution:
            raise ValueError("model: convolution is for log-mel frames, not for an encoder")
        if len(self.evidence_calibration) not in (0, 2 + EVIDENCE):
            raise ValueError(
                f"model: evidence_calibration must be {2 + EVIDENCE} numbers or none, not {self.evidence_calibration}"
            )
        if self.gap <= 0 or self.token_floor > 0:
            raise ValueError(
                f"model: gap must be above 0 and token_floor at most 0, not {self.gap}, {self.token_floor}"
            )
        if self.rescorer_weights[0] < 0 or not 0 <= self.rescorer_weights[1] <= 1:
            raise ValueError(f"model: rescorer_weights must be 0 or more, and from 0 to 1, not {self.rescorer_weights}")
        check_fractions(self, "dropout", "encoder_dropout")
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
        return self.lookahead + self.windows[1] + -(-self.encoder.window // self.encoder.hop) - 1
