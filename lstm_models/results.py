"""What a model gives back: small frozen dataclasses, and the file formats that are functions of them.

`Caption` is what the captioner returns: a sentence about a photo, and of each `Word` how sure the model is and where
it looked. `Drawing` is what the handwriting writer returns (see `lstm_models.drawing`)::

    caption = lstm_models.load("captioner").caption("photo.jpg")
    print(caption.text, caption.confidence)
    caption.save("photo.json")
    caption.attention_sheet("photo.jpg").save("looked-at.png")
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from lstm_models.drawing import INK, Box, Drawing

__all__ = ["INK", "UNCERTAIN_CAPTION", "UNCERTAIN_WORD", "Box", "Caption", "Drawing", "Word"]

UNCERTAIN_CAPTION = 0.3
"""A caption is uncertain where the geometric mean of its words' confidences is below this."""
UNCERTAIN_WORD = 0.05
"""A caption is uncertain where the confidence of one of its words is below this."""


@dataclass(frozen=True, eq=False)
class Word:
    """One word of a caption or a transcript.

    Attributes:
        text: the word.
        confidence: the calibrated probability, 0 to 1, that the word is right; None where the model gives none.
        start: seconds from the beginning of the recording; None for a caption.
        end: likewise, where the word ends.
        attention: `[rows, columns]` float32, how much the model looked at each part of the photo; not negative, sums
            to one. Row 0 is the top of the upright photo, column 0 its left side. Copied and made read-only.

    Raises:
        ValueError: the confidence is not between 0 and 1, or the attention is not what it should be.
    """

    text: str
    confidence: float | None = None
    start: float | None = None
    end: float | None = None
    attention: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.confidence is not None and not 0 <= self.confidence <= 1:  # NaN fails as well
            raise ValueError(f"The confidence of “{self.text}” is {self.confidence}; it lies between 0 and 1.")
        if self.attention is not None:
            map_ = np.array(self.attention, dtype=np.float32)
            if map_.ndim != 2 or map_.size == 0:
                raise ValueError(f"The attention of “{self.text}” is [rows, columns], not {list(map_.shape)}.")
            if not (np.isfinite(map_).all() and map_.min() >= 0):
                raise ValueError(f"The attention of “{self.text}” has a number that is negative or not finite.")
            map_.flags.writeable = False
            object.__setattr__(self, "attention", map_)

    def _rest(self) -> tuple[Any, ...]:
        return (self.text, self.confidence, self.start, self.end)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Word):
            return NotImplemented
        if self.attention is None or other.attention is None:
            return self._rest() == other._rest() and self.attention is other.attention
        return self._rest() == other._rest() and np.array_equal(self.attention, other.attention)

    def __hash__(self) -> int:
        return hash(self._rest())


@dataclass(frozen=True)
class Caption:
    """A sentence about a photo.

    Attributes:
        text: the sentence.
        words: its words, in order.
        log_probability: of the sentence and its end, in nats, as the model gives it (not calibrated).
        alternatives: the next best sentences, best first.
        source: the name of the photo; "" where it has none.
    """

    text: str
    words: tuple[Word, ...]
    log_probability: float
    alternatives: tuple[Caption, ...] = ()
    source: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "words", tuple(self.words))
        object.__setattr__(self, "alternatives", tuple(self.alternatives))

    @property
    def confidence(self) -> float | None:
        """The geometric mean of the words' confidences, 0 to 1; None where no word has one."""
        known = [word.confidence for word in self.words if word.confidence is not None]
        if not known:
            return None
        if min(known) == 0:
            return 0.0
        return math.exp(math.fsum(map(math.log, known)) / len(known))

    @property
    def uncertain(self) -> bool:
        """Whether a person should look: `confidence` is below `UNCERTAIN_CAPTION`, or a word's below `UNCERTAIN_WORD`.

        A caption without words, or without confidences, is uncertain too: nothing vouches for it.
        """
        if self.confidence is None or self.confidence < UNCERTAIN_CAPTION:
            return True
        return any(word.confidence is not None and word.confidence < UNCERTAIN_WORD for word in self.words)
