"""Word and character error rates of transcripts, counted by ``jiwer``, and which of their words are right.

Both texts are compared in lower case, letters and apostrophes only, as the figures of other recognisers are.
"""

from __future__ import annotations

import re
from dataclasses import astuple, dataclass

__all__ = ["ErrorCounts", "comparable", "count_errors", "matches"]


@dataclass(frozen=True)
class ErrorCounts:
    """Errors of some transcripts.

    Attributes:
        utterances: how many there are.
        words, characters: in the references.
        substitutions, deletions, insertions: of words.
        character_errors: of all three kinds; spaces count.
    """

    utterances: int = 0
    words: int = 0
    substitutions: int = 0
    deletions: int = 0
    insertions: int = 0
    characters: int = 0
    character_errors: int = 0

    def __add__(self, other: ErrorCounts) -> ErrorCounts:
        return ErrorCounts(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    @property
    def word_errors(self) -> int:
        """Of all three kinds."""
        return self.substitutions + self.deletions + self.insertions

    @property
    def wer(self) -> float:
        """Word error rate in per cent; it can be above 100."""
        return 100 * self.word_errors / self.words if self.words else float("nan")

    @property
    def cer(self) -> float:
        """Character error rate in per cent."""
        return 100 * self.character_errors / self.characters if self.characters else float("nan")


def comparable(text: str) -> str:
    """The text as it is compared: lower case, words of letters and apostrophes, one space between them."""
    return " ".join(re.sub(r"[^a-z' ]+", " ", text.lower()).split())


def count_errors(reference: str, hypothesis: str) -> ErrorCounts:
    """The errors of one transcript.

    Raises:
        ValueError: the reference has no word.
    """
    import jiwer

    reference, hypothesis = comparable(reference), comparable(hypothesis)
    words = jiwer.process_words(reference, hypothesis)
    characters = jiwer.process_characters(reference, hypothesis)
    return ErrorCounts(
        1,
        len(reference.split()),
        words.substitutions,
        words.deletions,
        words.insertions,
        len(reference),
        characters.substitutions + characters.deletions + characters.insertions,
    )


def matches(reference: list[str], hypothesis: list[str]) -> list[tuple[int, int]]:
    """Which words are right: (place in the reference, place in the hypothesis) of each, in order.

    They are the hits of the alignment with the fewest errors, by which the error rate is counted.
    """
    import jiwer

    if not reference or not hypothesis:
        return []
    found = jiwer.process_words(" ".join(reference), " ".join(hypothesis))
    return [
        (chunk.ref_start_idx + place, chunk.hyp_start_idx + place)
        for chunk in found.alignments[0]
        if chunk.type == "equal"
        for place in range(chunk.ref_end_idx - chunk.ref_start_idx)
    ]
