"""Speech from text: training shards made with the text-to-speech engines that are installed.

lstm-models synthesize books.jsonl.xz --out shards --hours 2 --voices hibari:2 --voices ttspico --exclude dev-shards
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import sys
from collections import Counter
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from lstm_models.errors import InputError
from lstm_models.io.atomic_write import check_writable, shown, write_whole

# numpy and all that needs it is imported where it is used: the help comes without
from lstm_models.io.samples import SAMPLE_RATE

__all__ = ["synthesize"]

LABEL = "synthetic"
SHORTEST, LONGEST = 1.0, 15.0  # seconds
MOST_LETTERS = 30  # a second; more is a text that the engine broke off
MOST_FAILURES = 200  # lines in a row that an engine may fail before the run is given up


def synthesize(
    texts: list[str],
    out: str,
    hours: float = 1.0,
    voices: list[str] | None = None,
    exclude: list[str] | None = None,
    prompts: float = 0.25,
    name: str = "synthetic",
    lines: int = 1000,
    format: Literal["flac", "opus"] = "flac",
    seed: int = 0,
) -> None:
    """Makes training speech from texts, as WebDataset shards.

    Texts are cut into utterances of 1 to 15 seconds; those with rare words come first. Every line is spoken by another
    voice, with a speed, pitch and vocal tract of its own, so that few voices become many speakers. Shards appear under
    their names only when whole, and the same command goes on where it was stopped.

    Args:
        texts: .txt files, and .jsonl or .jsonl.xz files with a "text" a line.
        out: a folder for the shards, train-NAME-000.tar and so on.
        hours: how much speech there is to be, that of earlier runs included.
        voices: an engine, with its part of the time: hibari:3; the option several times for several. All that are
            installed if left out, in equal parts. Engines: hibari, ttspico, flite, espeak, and kokoro, which is slow
            and speaks only where it is named.
        exclude: what a model will be judged on: shards, a folder of shards, or a file of texts. No sentence in it is
            spoken, nor one that has six words in a row in common with one; the option several times for several.
        prompts: fraction of everyday phrases in between: greetings, commands, numbers, dates, spelling, orders.
        name: of the shards, and the beginning of the keys in them.
        lines: utterances a shard.
        format: flac is exact, opus a sixth of the size.
        seed: another one gives other sentences, speakers and voices.
    """
    if not texts:
        raise InputError("TEXTS is missing: name .txt or .jsonl files", usage=True)
    if not 0 < hours < 100_000:
        raise InputError(f"hours must be above 0, not {hours}", usage=True)
    if not 0 <= prompts <= 1:
        raise InputError(f"prompts must be a fraction from 0 to 1, not {prompts}", usage=True)
    if not 1 <= lines <= 100_000:
        raise InputError(f"lines must be from 1 to 100000, not {lines}", usage=True)
    if seed < 0:
        raise InputError(f"seed must be 0 or more, not {seed}", usage=True)
    if not re.fullmatch(r"[A-Za-z0-9_]+", name):
        raise InputError(f"name is “{shown(name)}”; letters, digits and _ would be right", usage=True)
    for option, value in (("--out", out), *(("TEXTS", path) for path in texts)):
        if not value or "\0" in value:
            raise InputError(f"{option} is empty" if not value else f"{option} has a zero byte", usage=True)
    parts, spoken_by = _engines(voices)
    folder = _folder(out)
    plan = _plan(texts, parts, exclude or [], prompts, name, lines, seed)
    _same_options(folder, plan)
    _run(plan, _Booth(plan, spoken_by), folder, hours, format)


# --- the request -----------------------------------------------------------------------------------------------------


def _engines(named: Sequence[str] | None) -> tuple[dict[str, float], dict[str, Any]]:
    """Engine -> its part of the speech, and engine -> its voices."""
    from lstm_apps.tasks.speech.synthesis.engines import ENGINES, installed, load_voices

    if named is None:
        voices = installed()
        if not voices:
            ways = "; ".join(f"{engine.install} brings {engine.name}" for engine in ENGINES.values())
            raise InputError(f"no engine is installed: {ways}.")
        return dict.fromkeys(voices, 1.0), voices
    parts: dict[str, float] = {}
    for text in named:
        engine, colon, fraction = text.partition(":")
        try:
            parts[engine] = float(fraction) if colon else 1.0
        except ValueError:
            parts[engine] = 0.0
        if not 0 < parts[engine] < float("inf"):
            raise InputError(f"--voices {text}: the part is to be above 0, such as {engine}:3", usage=True)
    return parts, {engine: load_voices(engine) for engine in parts}


def _folder(out: str) -> Path:
    folder = Path(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise InputError(f"--out {shown(out)} cannot be made: {reason}.") from None
    check_writable(folder / "a.tar")
    return folder


@dataclass
class _Plan:
    """What every line of every shard will be; the n-th line does not depend on those before it."""

    sentences: list[str]
    parts: dict[str, float]
    excluded: Container[str]
    prompts: float
    name: str
    lines: int
    seed: int
    skipped: Counter[str] = field(default_factory=Counter)

    def digest(self) -> str:
        """Of all that the lines depend on."""
        options = [self.parts, self.prompts, self.lines, self.seed, len(self.sentences)]
        digest = hashlib.sha256(json.dumps(options).encode())
        for sentence in self.sentences:
            digest.update(sentence.encode())
        return digest.hexdigest()[:16]


def _plan(
    texts: list[str],
    parts: dict[str, float],
    exclude: list[str],
    prompts: float,
    name: str,
    lines: int,
    seed: int,
) -> _Plan:
    import numpy as np

    from lstm_apps.tasks.speech.synthesis.sentences import Excluded, order_by_rarity, read_texts, split_sentences

    excluded = Excluded.read(exclude)
    random = np.random.default_rng(seed)
    sentences = list(dict.fromkeys(part for text in read_texts(texts) for part in split_sentences(text, random)))
    if not sentences:
        raise InputError(f"no sentence of {', '.join(map(shown, texts))} can be spoken as it is spelt.")
    return _Plan(order_by_rarity(sentences, random), parts, excluded, prompts, name, lines, seed)


def _same_options(folder: Path, plan: _Plan) -> None:
    """A run goes on only with the options that it began with: other ones would repeat sentences."""
    path = folder / f"{plan.name}.plan"
    digest = plan.digest()
    with contextlib.suppress(FileNotFoundError):
        try:
            before = path.read_text(errors="replace").strip()
        except OSError as error:
            if isinstance(error, FileNotFoundError):
                raise
            raise InputError(f"{shown(path)} cannot be read: {(error.strerror or str(error)).lower()}.") from None
        if before != digest:
            raise InputError(
                f"{shown(folder)} has shards “{plan.name}” of other texts, voices or options; give another --name or "
                "--out, or the options of that run.",
                usage=True,
            )
        return
    write_whole(path, f"{digest}\n")


# --- what is done ----------------------------------------------------------------------------------------------------


def _run(plan: _Plan, booth: _Booth, folder: Path, hours: float, format: Literal["flac", "opus"]) -> None:
    """Shard after shard until there is enough; those that are whole already count."""
    from lstm_datasets.speech.shards import write_shard

    def shard(number: int) -> Path:
        return folder / f"train-{plan.name}-{number:03d}.tar"

    done, number = 0.0, 0
    while shard(number).exists():
        done += _seconds(shard(number)) / 3600
        number += 1
    if number:
        note(f"{shown(folder)} has {done:.2f} hours in {_shards(number)} already.")
    try:
        while done < hours:
            count = write_shard(shard(number), booth.lines(number, (hours - done) * 3600), format)
            if not count:
                raise InputError(f"nothing is left to speak{_passed_over(plan)}.")
            done += booth.seconds / 3600
            note(f"{shown(shard(number))}: {count} lines, {booth.seconds / 3600:.2f} hours; {done:.2f} of {hours:g}.")
            number += 1
    except KeyboardInterrupt:
        note(f"{shown(folder)} has {_shards(number)}, all whole; the same command goes on.")
        raise
    note(f"{shown(folder)} has {done:.2f} hours in {_shards(number)}{_passed_over(plan)}.")


def _shards(count: int) -> str:
    return f"{count} shard{'s' * (count != 1)}"


def _seconds(shard: Path) -> float:
    """How much speech a shard holds, by its metadata."""
    from lstm_datasets.speech.shards import read_meta

    durations = [meta.get("duration") for _, meta in read_meta(shard)]
    return float(sum(duration for duration in durations if isinstance(duration, (int, float))))


def _passed_over(plan: _Plan) -> str:
    """How many sentences of this run were not used, and why."""
    whys = {
        "excluded": "to be left out",
        "length": f"not of {SHORTEST:g} to {LONGEST:g} seconds",
        "silent": "not spoken by the engine",
    }
    counts = [f"{plan.skipped[why]} {words}" for why, words in whys.items() if plan.skipped[why]]
    return f" (sentences passed over: {', '.join(counts)})" if counts else ""


class _Booth:
    """Where lines are spoken, one shard after the other."""

    def __init__(self, plan: _Plan, voices: dict[str, Any]) -> None:
        self.plan, self.voices = plan, voices
        self.seconds = 0.0

    def lines(self, shard: int, wanted: float) -> Iterator[Any]:
        """The lines of a shard, up to the wanted number of seconds; `seconds` says how many there were."""
        import numpy as np

        from lstm_apps.tasks.speech.synthesis.engines import draw_speaker, draw_tempo, speak
        from lstm_apps.tasks.speech.synthesis.prompts import prompt
        from lstm_datasets.speech.shards import Line
        from lstm_datasets.speech.text_normalizer import normalize

        plan = self.plan
        engines = list(plan.parts)
        chances = np.array(list(plan.parts.values())) / sum(plan.parts.values())
        self.seconds = 0.0
        silent = 0
        for place in range(shard * plan.lines, (shard + 1) * plan.lines):
            if self.seconds >= wanted:
                return
            random = np.random.default_rng((plan.seed, place))
            if random.random() < plan.prompts:
                spoken, text = prompt(random)
            else:
                spoken = plan.sentences[place % len(plan.sentences)]
                text = normalize(spoken)
            engine = engines[random.choice(len(engines), p=chances)]
            voices = self.voices[engine]
            speaker = draw_speaker(voices[random.integers(len(voices))], random)
            if text in plan.excluded:
                plan.skipped["excluded"] += 1
                continue
            try:
                samples = speak(speaker, spoken, draw_tempo(random), seed=int(random.integers(2**31)))
            except InputError as error:
                plan.skipped["silent"] += 1
                silent += 1
                if silent == MOST_FAILURES:
                    raise InputError(f"{silent} lines in a row were not spoken; the last: {error}") from None
                continue
            silent = 0
            samples = _recorded(samples, random)
            duration = len(samples) / SAMPLE_RATE
            if not SHORTEST <= duration <= LONGEST or len(text) / duration > MOST_LETTERS:
                plan.skipped["length"] += 1
                continue
            self.seconds += duration
            meta = {
                "text": text.upper(),
                "speaker": speaker.name,
                "duration": round(duration, 3),
                "source_id": f"{plan.name}_{plan.seed}_{place}",
                "label": LABEL,
            }
            yield Line(f"{plan.name}_{place:06d}", samples, meta)


def _recorded(samples: Any, random: Any) -> Any:
    """With a level, a pause at either end, and the faint noise that no recording is without."""
    import numpy as np

    before, after = (int(SAMPLE_RATE * random.uniform(0.05, 0.35)) for _ in range(2))
    after = max(after, int(SAMPLE_RATE * SHORTEST) - before - len(samples))
    peak = 10 ** (random.uniform(-14, -1) / 20)
    padded = np.pad(samples * (peak / np.abs(samples).max()), (before, after))
    noise = 10 ** (random.uniform(-85, -65) / 20)
    return (padded + noise * random.standard_normal(len(padded), dtype=np.float32)).astype(np.float32)


def note(text: str) -> None:
    """Write to standard error."""
    print(text, file=sys.stderr, flush=True)
