"""Error rates and cost of recognisers that hear the same recordings in turns."""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import zip_longest
from typing import Any

import numpy as np

from benchmarks.common import ratio, table
from benchmarks.speech_peers import SYSTEMS, Heard, Listener, PeerError
from lstm_apps.evaluation.error_rates import ErrorCounts, count_errors
from lstm_datasets.speech.readers import Recording, read_speech
from lstm_datasets.speech.text_normalizer import normalize

__all__ = ["Score", "chosen", "in_turns", "print_scores", "side_by_side"]

ADULT = 13  # years
RESAMPLED = 1000  # draws for the interval of an error rate


def chosen(data: Sequence[str], lines: int) -> dict[str, list[Recording]]:
    """So many recordings of each development set, children apart, always the same: those with the least hashes."""
    found: dict[str, list[Recording]] = {}
    children = set()
    for recording in read_speech(list(data), split="dev"):
        name = recording.set.removeprefix("dev-")
        if recording.age is not None and recording.age < ADULT:
            children.add(name)
            name += ", children"
        found.setdefault(name, []).append(recording)
    named = {f"{name}, adults" if name in children else name: listed for name, listed in found.items()}
    return {name: sorted(named[name], key=_hash)[:lines] for name in sorted(named)}


def _hash(recording: Recording) -> str:
    return hashlib.sha256(recording.key.encode()).hexdigest()


def in_turns(sets: Mapping[str, Sequence[Recording]]) -> list[tuple[str, int, Recording]]:
    """(set, place in it, recording): the first of every set, then the second of every set, …"""
    rounds = zip_longest(*([(name, *each) for each in enumerate(listed)] for name, listed in sets.items()))
    return [each for turn in rounds for each in turn if each is not None]


@dataclass
class Score:
    """What a recogniser made of the recordings of each set.

    Attributes:
        title: its name.
        errors: of each line of each set.
        heard: likewise, with seconds of sound: [duration, text, processor seconds, clock seconds].
        keys: of the lines, likewise.
        loading: processor seconds, clock seconds, and MiB resident after it.
        peak: MiB resident at most.
        starts: processes it took.
        problem: why it is left out.
    """

    title: str
    errors: dict[str, list[ErrorCounts]] = field(default_factory=dict)
    heard: dict[str, list[tuple[float, str, float, float]]] = field(default_factory=dict)
    keys: dict[str, list[str]] = field(default_factory=dict)
    loading: tuple[float, float, float | None] | None = None
    peak: float | None = None
    starts: int = 0
    problem: str | None = None

    def add(self, name: str, recording: Recording, heard: Heard) -> None:
        self.errors.setdefault(name, []).append(count_errors(normalize(recording.text), normalize(heard.text)))
        self.heard.setdefault(name, []).append((recording.duration, *heard))
        self.keys.setdefault(name, []).append(recording.key)

    def total(self, name: str | None = None) -> ErrorCounts:
        """Of a set, or of all of them."""
        lines = self.errors.get(name, []) if name is not None else [each for of in self.errors.values() for each in of]
        return sum(lines, ErrorCounts())

    def interval(self) -> tuple[float, float]:
        """Where 95 % of the word error rates of all sets lie when lines are drawn anew from each set (bootstrap)."""
        random = np.random.default_rng(0)
        errors, words = np.zeros(RESAMPLED), np.zeros(RESAMPLED)
        for lines in self.errors.values():
            drawn = random.integers(len(lines), size=(RESAMPLED, len(lines)))
            errors += np.array([line.word_errors for line in lines])[drawn].sum(1)
            words += np.array([line.words for line in lines])[drawn].sum(1)
        low, high = np.percentile(100 * errors / words, (2.5, 97.5))
        return float(low), float(high)

    def cost(self) -> dict[str, float]:
        """Processor and clock seconds a second of all the sound, and the recording that took most of the clock."""
        lines = [each for of in self.heard.values() for each in of]
        sound = sum(line[0] for line in lines)
        return {
            "cpu": sum(line[2] for line in lines) / sound,
            "clock": sum(line[3] for line in lines) / sound,
            "slowest": max(line[3] / line[0] for line in lines),
        }

    def figures(self) -> dict[str, Any]:
        facts: dict[str, Any] = asdict(self)
        facts["lines"] = facts.pop("heard")
        for name, of in self.errors.items():
            facts["errors"][name] = {"wer": self.total(name).wer, "cer": self.total(name).cer, "lines": len(of)}
        if self.errors:
            facts["all"] = {"wer": self.total().wer, "cer": self.total().cer, "interval": self.interval()}
            facts["cost"] = self.cost()
        return facts


def side_by_side(
    sets: Mapping[str, Sequence[Recording]],
    systems: Sequence[str],
    model: str,
    fewer: Mapping[str, int],
    seconds: float | None = None,
) -> tuple[dict[str, Score], int]:
    """Let the recognisers hear the recordings in turns.

    Args:
        sets: recordings of each set.
        systems: names among ``SYSTEMS``.
        model: weights of ours.
        fewer: only so many lines a set for some of them.
        seconds: of the clock after which no further round over the sets begins.

    Returns:
        A score each, and how many rounds there were.
    """
    scores = {name: Score(SYSTEMS[name].title) for name in systems}
    listeners: dict[str, Listener] = {}
    turns = in_turns(sets)
    begin, rounds = time.perf_counter(), 0

    def leave_out(name: str, problem: str) -> None:
        scores[name] = Score(SYSTEMS[name].title, problem=problem)
        if name in listeners:
            listeners.pop(name).close()

    warm = turns[0][2].samples()
    try:
        for name in systems:
            missing = SYSTEMS[name].missing
            if missing:
                leave_out(name, f"not installed ({', '.join(missing)})")
                continue
            try:
                listeners[name] = Listener(SYSTEMS[name], model, warm)
            except PeerError as error:
                leave_out(name, str(error))
        for set_name, place, recording in turns:
            if place == rounds:
                if rounds and seconds is not None and time.perf_counter() - begin > seconds:
                    break
                rounds += 1
                _progress(f"round {rounds} of {max(map(len, sets.values()))}")
            samples = recording.samples()
            for name in list(listeners):
                if place >= fewer.get(name, len(turns)):
                    continue
                try:
                    heard = listeners[name].hear(samples)
                except PeerError as error:
                    leave_out(name, f"{error} ({recording.key})")
                    continue
                scores[name].add(set_name, recording, heard)
        for name, listener in listeners.items():
            score = scores[name]
            score.loading, score.peak, score.starts = listener.loading, listener.peak, listener.starts
    finally:
        for listener in listeners.values():
            listener.close()
        _progress("")
    return scores, rounds


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def print_scores(scores: Mapping[str, Score], rounds: int, fewer: Mapping[str, int]) -> None:
    """The tables of error rates and cost."""
    full = [score for score in scores.values() if score.errors]
    names = sorted({name for score in full for name in score.errors})
    for score in scores.values():
        if score.problem is not None:
            print(f"{score.title} is left out: {score.problem}.\n")
    if not full:
        return

    def title(key: str, score: Score) -> str:
        return f"{score.title} ({fewer[key]} lines a set)" if fewer.get(key, rounds) < rounds else score.title

    counts = max(full, key=lambda score: score.total().utterances).total()
    print(f"### Error rates on the same recordings, {rounds} lines a set at most; {counts.words:,} words\n")
    for kind in ("wer", "cer"):
        rows = []
        for key, score in scores.items():
            if not score.errors:
                continue
            rates = [f"{getattr(score.total(name), kind):.1f}" if name in score.errors else "–" for name in names]
            whole = f"{getattr(score.total(), kind):.1f}"
            if kind == "wer":
                whole += " ({:.1f}–{:.1f})".format(*score.interval())
            rows.append([title(key, score), *rates, whole])
        print(table([f"{kind.upper()}, %", *(name.replace("_", " ") for name in names), "all"], rows) + "\n")
    print("### What it costs, in the same run\n")
    rows = []
    for key, score in scores.items():
        if not score.errors:
            continue
        cost, loading = score.cost(), score.loading or (float("nan"), float("nan"), None)
        mine, ours = _cpu(score), _cpu(scores["lm"]) if "lm" in scores else {}
        shared = [one for one in mine if one in ours]
        times = f"{ratio([mine[one] for one in shared], [ours[one] for one in shared]):.2f}" if shared else "–"
        memory = [f"{value:,.0f}" if value is not None else "–" for value in (loading[2], score.peak)]
        rows.append(
            [
                title(key, score),
                f"{cost['cpu']:.4f}",
                times,
                f"{cost['clock']:.4f}",
                f"{1 / cost['clock']:.3g}",
                f"{loading[0]:.1f}",
                *memory,
            ]
        )
    head = ["", "CPU-s a second of sound", "CPU ÷ `transcribe`'s", "clock-s a second", "times real time"]
    print(table([*head, "loading, CPU-s", "MiB loaded", "MiB at most"], rows) + "\n", flush=True)


def _cpu(score: Score) -> dict[tuple[str, str], float]:
    return {
        (name, key): line[2]
        for name in score.heard
        for key, line in zip(score.keys[name], score.heard[name], strict=True)
    }
