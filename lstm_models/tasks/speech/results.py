"""The words of a recording, and the file formats that are functions of them.

transcript = lstm_models.load("recognizer").transcribe("talk.flac")
print(transcript.text, transcript.words[0].start)
transcript.save("talk.srt")         # or .vtt, .txt, .json, .TextGrid (Praat)
"""

from __future__ import annotations

import functools
import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from lstm_models.errors import InputError
from lstm_models.io.atomic_write import one_line
from lstm_models.io.save_formats import check_suffix, save_by_suffix
from lstm_models.results import TextTranslator, Word, mean_confidence, short_repr, words_html
from lstm_models.tasks.speech.subtitles import Cue, cues, milliseconds, spans

__all__ = ["FORMATS", "Transcript", "WordPunctuator"]

FORMATS: Mapping[str, str] = {
    "txt": ".txt", "srt": ".srt", "vtt": ".vtt", "json": ".json", "textgrid": ".TextGrid", "ctm": ".ctm", "tsv": ".tsv",
}  # fmt: skip
"""Name of a format -> suffix of its files."""
PARAGRAPH = 2.0
"""Seconds without a word after which plain text goes on in a new line."""


class WordPunctuator(Protocol):
    """Gives words their marks and capitals: ``lstm_models.Punctuator`` is one."""

    def punctuate_words(self, words: Sequence[Word], *, complete: bool = True) -> Sequence[object]:
        """One for each word; its ``str`` is the word in its case with the mark after it.

        Args:
            words: bare words, with times.
            complete: whether the text is over, so that the last word ends a sentence.
        """


@dataclass(frozen=True)
class Transcript:
    """The words of a recording.

    Attributes:
        text: all of it, in one line.
        words: its words, in order, with times.
        duration: of the recording, in seconds.
        source: the name of the recording; "" where it has none.
        notes: what was wrong with the recording, such as an end that is missing.

    Raises:
        ValueError: the duration is not a number of seconds.
    """

    text: str
    words: tuple[Word, ...]
    duration: float
    source: str = ""
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "words", tuple(self.words))
        object.__setattr__(self, "notes", tuple(self.notes))
        object.__setattr__(self, "duration", float(self.duration))
        if not (math.isfinite(self.duration) and self.duration >= 0):
            raise ValueError(f"The duration is {self.duration}; it is a number of seconds.")

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return short_repr(self, self.text, duration=self.duration, confidence=self.confidence)

    def _repr_html_(self) -> str:
        """The words for a notebook, the fainter the less sure they are, with their times under the pointer."""
        notes = "".join(f"<p><small>{escape(note)}</small></p>" for note in self.notes)
        return f"<p>{words_html(self.words)}</p>{notes}"

    @property
    def confidence(self) -> float | None:
        """The geometric mean of the words' confidences, 0 to 1; None where no word has one."""
        return mean_confidence(self.words)

    def punctuated(self, punctuator: WordPunctuator) -> Transcript:
        """The same words with marks and capitals, their times and confidences as they were.

        Args:
            punctuator: what writes them, such as ``lstm_models.load("punctuator")``.

        Example:
            >>> transcript.punctuated(lstm_models.load("punctuator")).text     # doctest: +SKIP
            'Hello, how are you?'
        """
        if not self.words:
            return self
        made = punctuator.punctuate_words(self.words)
        words = tuple(replace(word, text=str(one)) for word, one in zip(self.words, made, strict=True))
        return replace(self, text=" ".join(word.text for word in words), words=words)

    def translated(self, translator: TextTranslator) -> Transcript:
        """The words in another language, so that subtitles and the other formats can be written of them.

        A sentence is translated as a whole and spoken in the same time: each of its words has the times at which as
        large a part of the original sentence's letters was said. Confidences are those of the translator.

        Args:
            translator: such as ``lstm_models.load("translator-en-de")``; it needs marks (see `punctuated`).

        Raises:
            InputError: a word has no times.

        Example:
            >>> transcript.translated(lstm_models.load("translator-en-de")).text     # doctest: +SKIP
            'Hallo, wie geht es dir?'
        """
        if not self.words:
            return self
        times = spans(self.words)
        (made,) = translator.translate([self.text])
        words: list[Word] = []
        first = 0
        for sentence in made.sentences:
            last = first + len(sentence.source.split())
            words += _translated(sentence, self.words[first:last], times[first:last])
            first = last
        text = " ".join(word.text for word in words)
        return replace(self, text=text, words=tuple(words), notes=(*self.notes, *made.notes))

    def cues(self) -> list[Cue]:
        """Its words as subtitles; see `lstm_models.tasks.speech.subtitles`.

        Raises:
            InputError: a word has no times.
        """
        return cues(self.words, self.duration)

    # Formats -------------------------------------------------------------------------------------------------------

    def txt(self) -> str:
        """The words, in a new line after `PARAGRAPH` seconds without speech."""
        if not self.words:
            return f"{self.text}\n" if self.text else ""
        text, before = "", None
        for word in self.words:
            if text:
                quiet = None not in (before, word.start) and word.start - before >= PARAGRAPH  # type: ignore[operator]
                text += "\n" if quiet else " "
            text += word.text
            before = word.end
        return text + "\n"

    def srt(self) -> str:
        """SubRip subtitles. Raises InputError where a word has no times."""
        blocks = []
        for number, cue in enumerate(self.cues(), 1):
            times = f"{_clock(cue.start, ',')} --> {_clock(cue.end, ',')}"
            blocks.append("\n".join([str(number), times, *(" ".join(map(_plain, line)) for line in cue.lines)]) + "\n")
        return "\n".join(blocks)

    def vtt(self, *, word_times: bool = False) -> str:
        """WebVTT subtitles; ``word_times`` puts the start of each word into the text (``<00:00:01.500>``).

        Raises:
            InputError: a word has no times.
        """
        blocks = ["WEBVTT\n"]
        for cue in self.cues():
            lines, last = [], cue.start
            for line in cue.lines:
                texts = []
                for word in line:
                    text, start = escape(_plain(word), quote=False), milliseconds(word.start)
                    if word_times and last < start < cue.end:  # tags grow, and lie within the cue
                        text, last = f"<{_clock(start, '.')}>{text}", start
                    texts.append(text)
                lines.append(" ".join(texts))
            times = f"{_clock(cue.start, '.')} --> {_clock(cue.end, '.')}"
            blocks.append("\n".join([times, *lines]) + "\n")
        return "\n".join(blocks)

    def textgrid(self) -> str:
        """Praat's TextGrid (long format) with a tier of words, and empty intervals between them.

        Raises:
            InputError: a word has no times.
        """
        intervals: list[tuple[int, int, str]] = []
        place = 0
        for (start, end), word in zip(spans(self.words), self.words, strict=True):
            if start > place:
                intervals.append((place, start, ""))
            intervals.append((start, end, _plain(word)))
            place = end
        whole = max(milliseconds(self.duration), place, 1)  # an interval has a length
        if place < whole:
            intervals.append((place, whole, ""))
        lines = [
            'File type = "ooTextFile"',
            'Object class = "TextGrid"',
            "",
            "xmin = 0",
            f"xmax = {whole / 1000}",
            "tiers? <exists>",
            "size = 1",
            "item []:",
            "    item [1]:",
            '        class = "IntervalTier"',
            '        name = "words"',
            "        xmin = 0",
            f"        xmax = {whole / 1000}",
            f"        intervals: size = {len(intervals)}",
        ]
        for number, (start, end, text) in enumerate(intervals, 1):
            doubled = text.replace('"', '""')
            lines += [
                f"        intervals [{number}]:",
                f"            xmin = {start / 1000}",
                f"            xmax = {end / 1000}",
                f'            text = "{doubled}"',
            ]
        return "\n".join(lines) + "\n"

    def ctm(self) -> str:
        """NIST's time-marked words (sclite): recording, channel, start and length in seconds, word, confidence.

        Raises:
            InputError: a word has no times.
        """
        name = "_".join(Path(self.source).stem.split()) or "recording"
        lines = []
        for (start, end), word in zip(spans(self.words), self.words, strict=True):
            sure = "" if word.confidence is None else f" {word.confidence:.3f}"
            lines.append(
                f"{name} 1 {start / 1000:.3f} {(end - start) / 1000:.3f} {'_'.join(word.text.split())}{sure}\n"
            )
        return "".join(lines)

    def tsv(self) -> str:
        """A table of words: start and end in milliseconds, the word, its confidence; tabs between.

        Raises:
            InputError: a word has no times.
        """
        lines = ["start\tend\ttext\tconfidence\n"]
        for (start, end), word in zip(spans(self.words), self.words, strict=True):
            sure = "" if word.confidence is None else f"{word.confidence:.3f}"
            lines.append(f"{start}\t{end}\t{_plain(word)}\t{sure}\n")
        return "".join(lines)

    def as_dict(self) -> dict[str, Any]:
        """The transcript as what JSON can hold, numbers rounded: times to milliseconds."""
        made: dict[str, Any] = {"source": self.source} if self.source else {}
        made["text"] = self.text
        if self.confidence is not None:
            made["confidence"] = round(self.confidence, 4)
        made["duration"] = round(self.duration, 3)
        made["words"] = [word.as_dict() for word in self.words]
        if self.notes:
            made["notes"] = list(self.notes)
        return made

    def json(self) -> str:
        """One line of JSON, so that the lines of many transcripts are JSON Lines."""
        return one_line({"format": "lstm-models transcript", "version": 1, **self.as_dict()}) + "\n"

    @classmethod
    def from_json(cls, document: str | bytes) -> Transcript:
        """The transcript that `json` wrote, with the numbers rounded there.

        Raises:
            InputError: the document is not JSON, or not a transcript; the sentence says what is wrong.
        """
        try:
            read = json.loads(document)
        except (ValueError, RecursionError) as error:
            raise InputError(f"This is not a JSON document: {error}.") from error
        if isinstance(read, dict) and read.get("version", 1) != 1:
            raise InputError(
                f"This transcript has format version {read['version']!r}; this lstm-models reads version 1."
            )
        try:
            words = [
                Word(_text(word["text"]), *(word.get(key) for key in ("confidence", "start", "end")))
                for word in read["words"]
            ]
            notes = tuple(map(_text, read.get("notes", [])))
            return cls(_text(read["text"]), tuple(words), read["duration"], _text(read.get("source", "")), notes)
        except (TypeError, KeyError, AttributeError, OverflowError) as error:
            raise InputError(
                'A transcript is a JSON object with "text", "duration" and "words", a list of objects with "text".'
            ) from error
        except ValueError as error:
            raise InputError(f"This transcript cannot be read: {error}") from error

    def render(self, format_: str, *, word_times: bool = False) -> str:
        """The text of one of `FORMATS`, by its name; ``word_times`` is for "vtt".

        Raises:
            InputError: there is no such format (``usage=True``), or it needs times and a word has none.
        """
        made: dict[str, Callable[[], str]] = {
            "txt": self.txt,
            "srt": self.srt,
            "vtt": lambda: self.vtt(word_times=word_times),
            "json": self.json,
            "textgrid": self.textgrid,
            "ctm": self.ctm,
            "tsv": self.tsv,
        }
        if format_ not in made:
            raise InputError(f"“{format_}” is no format of transcripts; {', '.join(made)} are.", usage=True)
        return made[format_]()

    def save(self, path: str | os.PathLike[str], *, word_times: bool = False) -> Path:
        """Write a file in the format of its suffix (see `FORMATS`), whole or not at all, and give back its path.

        Raises:
            InputError: the suffix is another one, the folder is missing, the path is a folder, the disk refuses, or
                the format needs times and a word has none.
        """
        path = check_suffix(path, FORMATS.values(), "a transcript")
        formats = {
            suffix.lower(): functools.partial(self.render, name, word_times=word_times)
            for name, suffix in FORMATS.items()
        }
        return save_by_suffix(path, formats, "a transcript")


def _translated(sentence: Any, spoken: Sequence[Word], times: Sequence[tuple[int, int]]) -> list[Word]:
    """The words of a translated sentence, marks with them, with times in which the original ones were spoken."""
    parts = sentence.text.split()
    ends = np.cumsum([len(part) + 1 for part in parts])
    spoken_ends = np.cumsum([len(word.text) + 1 for word in spoken])
    # Blanks count as letters: where there is a pause, it is in theirs
    spoken_begins = spoken_ends - [len(word.text) + 1 for word in spoken]
    places = np.column_stack([spoken_begins, spoken_ends - 1]).ravel() / (spoken_ends[-1] - 1)
    whole = max(ends[-1] - 1, 1)
    made = []
    for part, end in zip(parts, ends, strict=True):
        begin = end - 1 - len(part)
        inside = [word.confidence for word in sentence.words if begin <= word.start < end]
        sure = min((each for each in inside if each is not None), default=None)
        start, stop = np.interp([begin / whole, (end - 1) / whole], places, np.ravel(times)) / 1000
        made.append(Word(part, sure, float(start), float(stop)))
    return made


def _clock(time: int, point: str) -> str:
    seconds, thousandths = divmod(time, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{point}{thousandths:03}"


def _plain(word: Word) -> str:
    return " ".join(word.text.split())


def _text(read: Any) -> str:
    if not isinstance(read, str):
        raise TypeError(f"a text is {read!r}")
    return read
