"""What a recogniser makes of recordings with known texts: the texts of each search, their errors, the rates of sets."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from lstm_apps.evaluation.error_rates import ErrorCounts, comparable, count_errors
from lstm_datasets.speech.readers import Recording
from lstm_models.decoding.ctc_search import CTCSearch, Found, greedy
from lstm_models.decoding.options import SearchOptions
from lstm_models.decoding.rescoring import Rescorer
from lstm_models.errors import InputError
from lstm_models.ngram.model import NGram
from lstm_models.tasks.speech.network import RecognizerNetwork

__all__ = ["Heard", "by_set", "hear", "progress", "rates_in_use"]

ADULT = 13  # years: the age at which speechocean762's speakers are split in published figures here
_TOLERATED = 0.1  # fraction of recordings whose sound may turn out to be damaged
_BATCH_SECONDS = 240.0


@dataclasses.dataclass(frozen=True)
class Heard:
    """One recording and what the recogniser made of it.

    Attributes:
        recording: what it heard.
        texts: “greedy”, “beam” and, with a language model, “beam + LM” -> the text.
        errors: likewise, its errors.
        words: those of the best search.
    """

    recording: Recording
    texts: dict[str, str]
    errors: dict[str, ErrorCounts]
    words: tuple[Found, ...]

    @property
    def best(self) -> str:
        """The search that counts: with the language model, where there is one."""
        return list(self.texts)[-1]

    def line(self) -> dict[str, Any]:
        """For the file of figures."""
        recording = self.recording
        return {
            "set": recording.set,
            "key": recording.key,
            "speaker": recording.speaker,
            "reference": recording.text,
            **self.texts,
            "word_errors": self.errors[self.best].word_errors,
            "words": [[word.text, word.first, word.last, round(word.confidence, 4)] for word in self.words],
        }


def hear(
    recognizer: RecognizerNetwork,
    recordings: Sequence[Recording],
    options: SearchOptions,
    language_model: NGram | None,
    notes: list[str],
    keep: bool = False,
    rescorer: Rescorer | None = None,
) -> tuple[list[Heard], dict[int, np.ndarray]]:
    """Every recording in one pass, those of like length together; also the log probabilities by place, if kept.

    Raises:
        InputError: the sound of more than a tenth of the recordings is damaged.
    """
    alphabet = recognizer.config.alphabet
    heard: dict[int, Heard] = {}
    kept: dict[int, np.ndarray] = {}
    failed: list[str] = []
    for batch in progress(_batches(recordings)):
        sounds: dict[int, np.ndarray] = {}
        for number in batch:
            try:
                sounds[number] = recordings[number].samples()
            except InputError as error:
                failed.append(str(error))
        found = recognizer.log_probs(list(sounds.values())) if sounds else []
        for number, log_probs in zip(sounds, found, strict=True):
            words = {"greedy": greedy(log_probs, alphabet), "beam": _searched(log_probs, alphabet, options, None)}
            if language_model is not None:
                words["beam + LM"] = _searched(log_probs, alphabet, options, language_model, rescorer)
            texts = {name: comparable(" ".join(word.text for word in each)) for name, each in words.items()}
            reference = recordings[number].text
            heard[number] = Heard(
                recordings[number],
                texts,
                {name: count_errors(reference, text) for name, text in texts.items()},
                tuple(list(words.values())[-1]),
            )
            if keep:
                kept[number] = log_probs
    if len(failed) > _TOLERATED * len(recordings):
        raise InputError(f"{len(failed)} of {len(recordings)} recordings cannot be heard; the first: {failed[0]}")
    notes += [f"left out: {sentence}" for sentence in failed]
    return [heard[number] for number in sorted(heard)], kept


def _searched(
    log_probs: np.ndarray,
    alphabet: str,
    options: SearchOptions,
    language_model: NGram | None,
    rescorer: Rescorer | None = None,
) -> list[Found]:
    if language_model is None:
        options = dataclasses.replace(options, word_bonus=0.0)  # it makes up for what a language model takes
    search = CTCSearch(alphabet, options, language_model, rescorer)
    search.push(log_probs)
    return search.finish()


def _batches(recordings: Sequence[Recording]) -> list[list[int]]:
    """Places of recordings of like length, up to some minutes together with what fills them up."""
    batches: list[list[int]] = []
    for number in sorted(range(len(recordings)), key=lambda number: recordings[number].duration):
        if not batches or (len(batches[-1]) + 1) * recordings[number].duration > _BATCH_SECONDS:
            batches.append([])
        batches[-1].append(number)
    return batches


def progress(items: Sequence[Any]) -> Iterator[Any]:
    """The items, with a bar on a terminal."""
    from rich.console import Console
    from rich.progress import track

    yield from track(items, "recordings", console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True)


def by_set(heard: Sequence[Heard]) -> list[dict[str, Any]]:
    """Error rates of every set, of its adults and children where ages are known, and of all."""
    groups: dict[str, list[Heard]] = {}
    for each in sorted(heard, key=lambda each: each.recording.set):
        name, age = each.recording.set, each.recording.age
        groups.setdefault(name, []).append(each)
        if age is not None:
            groups.setdefault(f"{name} {'adults' if age >= ADULT else 'children'}", []).append(each)
    known = {each.recording.set for each in heard}
    rows = []
    for name in sorted(groups):
        of = name.rpartition(" ")[0]
        # Where all are adults, there is nothing to split
        if name in known or {f"{of} adults", f"{of} children"} <= set(groups):
            rows.append(_row(name, groups[name]))
    return [*rows, _row("all", heard)] if len(known) > 1 else rows


def _row(name: str, heard: Sequence[Heard]) -> dict[str, Any]:
    counts = {search: sum((each.errors[search] for each in heard), ErrorCounts()) for search in heard[0].errors}
    best = counts[heard[0].best]
    return {
        "set": name,
        "utterances": len(heard),
        "words": best.words,
        "wer": {search: round(count.wer, 2) for search, count in counts.items()},
        "cer": {search: round(count.cer, 2) for search, count in counts.items()},
        "substitutions": best.substitutions,
        "deletions": best.deletions,
        "insertions": best.insertions,
    }


def rates_in_use(hypotheses: Sequence[tuple[str, str, str | None]], heard: Sequence[Heard]) -> dict[str, Any]:
    """Error rates of the timed recordings: in one pass, by ``transcribe``, and in a stream."""
    by_key = {each.recording.key: each for each in heard}
    counts = {"one pass": ErrorCounts(), "transcribe": ErrorCounts(), "stream": ErrorCounts()}
    streams = False
    for key, transcribed, streamed in hypotheses:
        each = by_key[key]
        counts["one pass"] += each.errors[each.best]
        counts["transcribe"] += count_errors(each.recording.text, transcribed)
        if streamed is not None:
            streams = True
            counts["stream"] += count_errors(each.recording.text, streamed)
    return {"wer": {name: round(count.wer, 2) for name, count in counts.items() if streams or name != "stream"}}
