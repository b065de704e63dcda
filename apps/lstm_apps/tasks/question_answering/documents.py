"""The texts that a question is put to: files and folders of texts, subtitles, transcripts and recordings."""

from __future__ import annotations

import bisect
import json
import os
from collections.abc import Sequence
from typing import NamedTuple

from lstm_apps.cli.batch_files import about, note, warn, warn_of
from lstm_apps.cli.text_files import find_texts, read_text
from lstm_models.errors import InputError
from lstm_models.io.atomic_write import shown
from lstm_models.text.subtitles import TimedText, read_subtitles

__all__ = ["SUFFIXES", "Document", "joined", "read_documents"]

SUBTITLES = (".srt", ".vtt")
SUFFIXES = frozenset({".txt", ".md", ".json", *SUBTITLES})
"""Endings of the files that a folder is searched for."""


class Document(NamedTuple):
    """A text, the name of its file ("" where it has none), and, of something spoken, when each part of it is said.

    ``times``: the first character of a part, and its start and end in seconds, in order.
    """

    name: str
    text: str
    times: tuple[tuple[int, float, float], ...] = ()

    def time_of(self, start: int, end: int) -> tuple[float, float] | None:
        """From when to when ``text[start:end]`` is said; None where that is not known."""
        if not self.times:
            return None
        firsts = [first for first, _, _ in self.times]
        begin, last = (max(0, bisect.bisect_right(firsts, place) - 1) for place in (start, end - 1))
        return self.times[begin][1], self.times[last][2]


def joined(name: str, parts: Sequence[TimedText]) -> Document:
    """Parts with their times as one text."""
    texts, times, at = [], [], 0
    for part in parts:
        times.append((at, part.start, part.end))
        texts.append(part.text)
        at += len(part.text) + 1
    return Document(name, " ".join(texts), tuple(times))


def read_documents(paths: Sequence[str], *, recursive: bool = False) -> tuple[list[Document], int]:
    """The documents that paths lead to, and how many of them could not be read; those are reported.

    Args:
        paths: files, folders, - for standard input, or a text itself; recordings are written down first.
        recursive: look into the folders of a folder, too.

    Raises:
        InputError: none can be read; of one path, what is wrong with it.
    """
    found = find_texts(paths, SUFFIXES, recursive)
    failures = dict(found.failures)
    for sentence in failures.values():
        warn(sentence)
    documents = []
    for source in found.sources:
        try:
            documents.append(_read(source))
        except InputError as error:
            if len(found.sources) == 1 and not failures:
                raise about(source, error) from None
            failures[source] = str(error)
            warn_of(source, error)
    if not documents:
        raise InputError("none of the texts could be read")
    return documents, len(failures)


def _read(source: str) -> Document:
    from lstm_models.io.audio import AUDIO_SUFFIXES

    ending = os.path.splitext(source)[1].lower()
    if ending in AUDIO_SUFFIXES and os.path.lexists(source):
        return _recording(source)
    text, name = read_text(source, SUFFIXES)
    if ending in SUBTITLES and name:
        return joined(name, read_subtitles(text))
    if ending == ".json" and name:
        return _transcript(name, text)
    return Document("standard input" if source == "-" else name, text)


def _transcript(name: str, text: str) -> Document:
    """A transcript that ``lstm-models transcribe --format json`` wrote; one a line where there are several."""
    from lstm_models.tasks.speech.results import Transcript

    try:
        json.loads(text)
        lines = [text]
    except ValueError:
        lines = [line for line in text.splitlines() if line.strip()]
    words = [word for line in lines for word in Transcript.from_json(line).words]
    if not words:
        raise InputError("the transcript has no words")
    if any(word.start is None or word.end is None for word in words):
        return Document(name, " ".join(word.text for word in words))
    return joined(name, [TimedText(word.text, word.start or 0.0, word.end or 0.0) for word in words])


def _recording(source: str) -> Document:
    """What is said in a recording, by the bundled recogniser, with marks and capitals."""
    import lstm_models

    note(f"{shown(source)}: writing down what is said …")
    transcript = lstm_models.load("recognizer").transcribe(source, punctuate=lstm_models.load("punctuator"))
    words = [word for word in transcript.words if word.start is not None and word.end is not None]
    if not words:
        raise InputError("no words are heard in the recording")
    for each in transcript.notes:
        note(f"{shown(source)}: {each}")
    return joined(source, [TimedText(word.text, word.start or 0.0, word.end or 0.0) for word in words])
