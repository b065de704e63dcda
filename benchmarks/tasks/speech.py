"""Errors, cost and memory of the recogniser beside other recognisers, and where its time goes; on one thread.

    python -m benchmarks.tasks.speech                                  # cost alone, on made-up sound
    python -m benchmarks.tasks.speech --data SHARDS… --lines 20 --json out.json
    python -m benchmarks.tasks.speech errors --data SHARDS… --systems lm whisper --fewer pocketsphinx=5
    python -m benchmarks.tasks.speech memory --minutes 5 30 180

``errors``: word and character error rates (jiwer) and processor seconds a second of sound on the development sets. All
hear the same recordings in turns, each in a process of its own (``speech_peers``), which counts all of its threads but
not loading. Texts are compared as ``lstm_datasets.speech.text_normalizer.normalize`` writes them, so that digits are
no errors. Peers that are not installed are told and left out; ``speech_peers`` says what to install.
``parts``, ``batch``, ``stream`` and ``memory`` measure the recogniser alone.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch

from benchmarks.common import describe, interleaved, machine, milliseconds, peak_memory, table, write_json
from benchmarks.speech_peers import RATE, SYSTEMS
from benchmarks.speech_peers.scores import chosen, in_turns, print_scores, side_by_side
from lstm_datasets.speech.readers import Recording
from lstm_models.checkpoints import hub
from lstm_models.decoding.ctc_search import CTCSearch, greedy
from lstm_models.errors import InputError
from lstm_models.tasks.speech.decoding import search_options
from lstm_models.tasks.speech.model import Recognizer

TABLES = ("errors", "parts", "batch", "stream", "memory")
LENGTHS = (2.0, 4.0, 8.0, 16.0)  # seconds of a segment
BATCHES = (1, 4, 16, 32)
PUSHES = (0.02, 0.08, 0.16, 0.32, 0.64, 1.28)  # seconds of sound at a time
_COSTS = ("cpu", "clock", "slowest")
PAUSE = 0.4  # seconds between recordings that are strung together


# --- sound -----------------------------------------------------------------------------------------------------------


def made_up(seconds: float, seed: int = 0) -> np.ndarray:
    """Sound [n] with the rhythm of speech and no words: buzzes of 100 to 250 ms with two formants, and pauses."""
    random = np.random.default_rng(seed)
    parts: list[np.ndarray] = []
    size = 0
    while size < seconds * RATE:
        count = int(random.uniform(0.1, 0.25) * RATE)
        at = np.arange(count) / RATE
        tones = np.arange(1, 30) * random.uniform(90, 220)
        formants = random.uniform((300, 900), (800, 2500))
        loudness = sum(np.exp(-(((tones - formant) / 150) ** 2)) for formant in formants) / 8
        sound = (loudness[:, None] * np.sin(2 * np.pi * tones[:, None] * at)).sum(0) * np.hanning(count)
        quiet = np.zeros(int((0.5 if random.random() < 0.15 else 0.03) * RATE))
        parts += [sound, quiet]
        size += len(sound) + len(quiet)
    made = np.concatenate(parts)[: round(seconds * RATE)]
    return (0.5 * made + random.normal(scale=1e-3, size=len(made))).astype(np.float32)


def strung(recordings: Sequence[Recording], seconds: float) -> np.ndarray:
    """So many seconds [n] of these recordings one after another, again and again if need be; made up without any."""
    if not recordings:
        return made_up(seconds)
    parts: list[np.ndarray] = []
    size, turn = 0, 0
    while size < seconds * RATE:
        parts += [recordings[turn % len(recordings)].samples(), np.zeros(round(PAUSE * RATE), np.float32)]
        size += len(parts[-2]) + len(parts[-1])
        turn += 1
    return np.concatenate(parts)[: round(seconds * RATE)]


# --- the recogniser alone --------------------------------------------------------------------------------------------


def parts(recognizer: Recognizer, recordings: Sequence[Recording], repeats: int) -> list[dict[str, Any]]:
    """CPU seconds a second of sound of each part, against the length of the segment."""
    config = recognizer.config
    plain, options = search_options(config, language=False), search_options(config)
    model = hub.load(config.language_model) if config.language_model else None
    lines = []
    for length in LENGTHS:
        samples = strung(recordings, length)
        frames = recognizer.front_end(samples)
        (log_probs,) = recognizer.log_probs([samples])

        def front_end(samples: np.ndarray = samples) -> object:
            return recognizer.front_end(samples)

        @torch.no_grad()
        def network(frames: torch.Tensor = frames) -> object:
            return recognizer(frames[None])

        def search(language_model: Any, log_probs: np.ndarray = log_probs) -> object:
            run = CTCSearch(config.alphabet, plain if language_model is None else options, language_model)
            run.push(log_probs)
            return run.finish()

        runs: dict[str, Callable[[], object]] = {
            "front end": front_end,
            "network": network,
            "best path": partial(greedy, log_probs, config.alphabet),
            "search without language model": partial(search, None),
        }
        if model is not None:
            runs["search with language model"] = partial(search, model)
        runs["`transcribe`, all of it"] = partial(recognizer.transcribe, samples, rate=RATE)
        seconds = interleaved(runs, repeats)
        lines.append({"seconds": length, "cpu": {name: median(each) / length for name, each in seconds.items()}})
    return lines


def batches(recognizer: Recognizer, recordings: Sequence[Recording], repeats: int) -> list[dict[str, Any]]:
    """CPU seconds a second of sound of front end and network, against segments at once and their length."""
    lines = []
    for length in LENGTHS:
        sound = strung(recordings, length * max(BATCHES)).reshape(max(BATCHES), -1)
        runs = {f"{batch}": partial(recognizer.log_probs, list(sound[:batch])) for batch in BATCHES}
        seconds = interleaved(runs, repeats)
        cpu = {batch: median(seconds[f"{batch}"]) / (length * batch) for batch in BATCHES}
        lines.append({"seconds": length, "cpu": cpu})
    return lines


def streaming(
    recognizer: Recognizer, recordings: Sequence[Recording], seconds: float, repeats: int
) -> list[dict[str, Any]]:
    """Cost of a stream and how late words are shown, against the sound that is pushed at a time."""
    sound = strung(recordings, seconds)
    recognizer.stream(rate=RATE).push(sound[:RATE])  # what is loaded late is loaded now
    rounds = [[streamed_line(recognizer, sound, push) for push in PUSHES] for _ in range(repeats)]
    # What was shown and when is the same in every round
    return [
        each[0] | {name: median(one[name] for one in each) for name in _COSTS} for each in zip(*rounds, strict=True)
    ]


def streamed_line(recognizer: Recognizer, sound: np.ndarray, push: float) -> dict[str, Any]:
    size = round(push * RATE)
    stream = recognizer.stream(rate=RATE)
    cpu, clocks, shown, count = 0.0, [], [], 0
    delays = []
    for begin in range(0, len(sound), size):
        before = time.process_time(), time.perf_counter()
        update = stream.push(sound[begin : begin + size])
        cpu += time.process_time() - before[0]
        clocks.append(time.perf_counter() - before[1])
        pushed = min(begin + size, len(sound)) / RATE
        words = [*update.final, *update.partial]
        # The place of a word among all words tells it; those that the search takes back count when they come again
        shown += [pushed] * (count + len(words) - len(shown))
        del shown[count + len(words) :]
        count += len(update.final)
    before_last = time.process_time()
    transcript = stream.finish()
    cpu += time.process_time() - before_last
    for word, at in zip(transcript.words, shown, strict=False):
        delays.append(at - (word.end or 0.0))
    return {
        "push": push,
        "cpu": cpu / (len(sound) / RATE),
        "clock": median(clocks),
        "slowest": max(clocks),
        "delay": median(delays) if delays else None,
        "late": float(np.percentile(delays, 95)) if delays else None,
        "words": len(transcript.words),
    }


def long_file(path: Path, sound: np.ndarray, minutes: float) -> None:
    """A WAV of so many minutes: the sound again and again."""
    import soundfile

    left = round(minutes * 60 * RATE)
    with soundfile.SoundFile(path, "w", RATE, 1, "PCM_16") as file:
        while left > 0:
            file.write(sound[:left])
            left -= len(sound)


def build(model: str | None, path: str) -> Callable[[], object]:
    """For the measurement of memory: loads a recogniser and transcribes a file; without, the libraries alone."""

    def run() -> object:
        if model is None:
            import soundfile
            import torchaudio  # noqa: F401

            from lstm_models.tasks.speech import network as speech  # noqa: F401

            return soundfile.info(path)
        return hub.load(model).transcribe(path)

    return run


def memory(model: str, recordings: Sequence[Recording], minutes: Sequence[float]) -> list[dict[str, Any]]:
    """Peak memory against the length of a file, and how long it took."""
    sound = strung(recordings, 600 if recordings else 60)
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "long.wav"
        for length in minutes:
            long_file(path, sound, length)
            begin = time.perf_counter()
            peak = peak_memory(build, (None, str(path)), (model, str(path)))
            lines.append({"minutes": length, "peak": peak, "clock": time.perf_counter() - begin})
    return lines


# --- command line ----------------------------------------------------------------------------------------------------


def _print_parts(lines: Sequence[Mapping[str, Any]], repeats: int) -> None:
    print(f"### Where the time goes, by length of the segment; {repeats} rounds\n")
    whole = "`transcribe`, all of it"
    rows = [
        [name, *(f"{milliseconds(line['cpu'][name])} ({line['cpu'][name] / line['cpu'][whole]:.0%})" for line in lines)]
        for name in lines[0]["cpu"]
    ]
    print(table(["CPU-ms a second of sound", *(f"{line['seconds']:g} s" for line in lines)], rows) + "\n", flush=True)


def _print_batches(lines: Sequence[Mapping[str, Any]], repeats: int) -> None:
    print(f"### Front end and network, segments at once; {repeats} rounds\n")
    rows = [[f"{line['seconds']:g} s each", *map(milliseconds, line["cpu"].values())] for line in lines]
    print(table(["CPU-ms a second of sound", *(f"{batch}" for batch in lines[0]["cpu"])], rows) + "\n", flush=True)


def _print_streaming(lines: Sequence[Mapping[str, Any]], seconds: float, repeats: int) -> None:
    print(f"### A stream of {seconds:g} s, by sound pushed at a time; {repeats} rounds\n")
    rows = [
        [
            f"{1e3 * line['push']:.0f} ms",
            milliseconds(line["cpu"]),
            milliseconds(line["clock"]),
            milliseconds(line["slowest"]),
            *("–" if line[name] is None else f"{line[name]:.2f}" for name in ("delay", "late")),
        ]
        for line in lines
    ]
    head = ["pushed", "CPU-ms a second of sound", "clock-ms a push", "slowest push", "word shown, s after its end"]
    print(table([*head, "95 % within"], rows) + "\n", flush=True)


def _print_memory(lines: Sequence[Mapping[str, Any]]) -> None:
    print("### Peak memory of a long file, weights and words included\n")
    rows = [
        [
            f"{line['minutes']:g}",
            "–" if line["peak"] is None else f"{line['peak']:,.0f}",
            f"{line['minutes'] * 60 / line['clock']:.0f}",
        ]
        for line in lines
    ]
    print(table(["minutes", "MiB", "times real time, loading included"], rows) + "\n", flush=True)


def _fewer(text: str) -> tuple[str, int]:
    name, _, lines = text.partition("=")
    if name not in SYSTEMS or not lines.isdigit() or lines == "0":
        raise argparse.ArgumentTypeError(f"“{text}” is not NAME=LINES with a name among {', '.join(SYSTEMS)}")
    return name, int(lines)


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Measures, prints the tables and returns the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tables", nargs="*", metavar="TABLE", help=f"{', '.join(TABLES)}; all of them if none is named")
    parser.add_argument("--model", default="recognizer", help="a bundled model or a folder")
    parser.add_argument("--data", nargs="+", default=[], metavar="SHARDS", help="speech with development sets")
    parser.add_argument("--lines", type=int, default=16, help="recordings a set, at most")
    parser.add_argument("--systems", nargs="+", choices=tuple(SYSTEMS), default=tuple(SYSTEMS), help="who takes part")
    parser.add_argument("--fewer", type=_fewer, nargs="+", default=[], metavar="NAME=LINES", help="for slow systems")
    parser.add_argument("--seconds", type=float, help="begin no further line of each set after so long")
    parser.add_argument("--minutes", type=float, nargs="+", default=(5, 30, 180), help="of the long files")
    parser.add_argument("--streamed", type=float, default=30, metavar="SECONDS", help="length of the stream")
    parser.add_argument("--repeats", type=int, default=5, help="rounds of the parts")
    parser.add_argument("--json", metavar="FILE", help="write the figures to a file too")
    given = parser.parse_args(arguments)
    unknown = [name for name in given.tables if name not in TABLES]
    if unknown:
        parser.error(f"there is no table “{unknown[0]}”; there are {', '.join(TABLES)}")
    if min(given.lines, given.repeats) < 1 or min(*given.minutes, given.streamed, 1) <= 0:
        parser.error("lines and repeats must be 1 or more, minutes and seconds above 0")
    wanted = given.tables or TABLES
    torch.set_num_threads(1)
    try:
        recognizer = hub.load(given.model)
        if not isinstance(recognizer, Recognizer):
            raise InputError(f"{given.model} is no recogniser")
        if given.data:
            sets = chosen(given.data, given.lines)
        elif "errors" in given.tables:
            raise InputError("error rates need --data: shards with development sets")
        else:
            sets = {}
    except InputError as error:
        sys.exit(f"speech.py: {error}")
    recordings = [recording for _, _, recording in in_turns(sets)]
    facts: dict[str, Any] = {"machine": machine(), "repeats": given.repeats, "model": asdict(recognizer.config)}
    print(f"# Speech\n\n{describe(facts['machine'])}\n", flush=True)
    if "errors" in wanted and sets:
        fewer = dict(given.fewer)
        scores, rounds = side_by_side(sets, given.systems, given.model, fewer, given.seconds)
        facts["errors"] = {name: score.figures() for name, score in scores.items()}
        print_scores(scores, rounds, fewer)
    if not recordings:
        print("No --data: the sound is made up, without words; there are no error rates, and the search has it easy.\n")
    if "parts" in wanted:
        facts["parts"] = parts(recognizer, recordings, given.repeats)
        _print_parts(facts["parts"], given.repeats)
    if "batch" in wanted:
        facts["batch"] = batches(recognizer, recordings, given.repeats)
        _print_batches(facts["batch"], given.repeats)
    if "stream" in wanted:
        facts["stream"] = streaming(recognizer, recordings, given.streamed, given.repeats)
        _print_streaming(facts["stream"], given.streamed, given.repeats)
    if "memory" in wanted:
        facts["memory"] = memory(given.model, recordings, given.minutes)
        _print_memory(facts["memory"])
    write_json(given.json, facts)
    return facts


if __name__ == "__main__":
    main()
