"""Recordings of speech with their texts, from shards, the usual data sets or your files.

``read_speech`` recognises what it is given:

* WebDataset shards, ``KEY.opus`` (.flac, .wav, .mp3, .ogg) with ``KEY.json`` {"text", "speaker", "age", …}: a folder of
  ``.tar`` files, one of them, a pattern (``more/*.tar``, ``train-x-{000..012}.tar``) or a list of these. What the name
  begins with is the split (``dev-so762-000.tar``), the rest the source. Read by position, not in sequence: sixty hours
  take megabytes;
* LibriSpeech (``SPEAKER/CHAPTER/*.flac`` and ``*.trans.txt``), LJSpeech (``metadata.csv`` and ``wavs/``), Common Voice
  (``train.tsv``, ``dev.tsv`` and ``test.tsv``, or ``validated.tsv``, and ``clips/``), VoxForge (folders with
  ``etc/prompts-original`` or ``etc/PROMPTS``, and ``wav/``), AN4 (``etc/an4_train.transcription``, ``.fileids``,
  ``wav/``);
* your ``.csv``, ``.tsv`` or ``.jsonl`` with columns "audio" and "text" (or the other usual names), and "speaker",
  "split", "age" if known, or a folder that holds such a file;
* a folder of audio files with a ``.txt`` beside each.

>>> from lstm_datasets.speech.readers import read_speech
>>> recordings = read_speech("my.csv")
>>> recordings[0].samples().shape, recordings[0].text
"""

from __future__ import annotations

import hashlib
import io
import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from os import PathLike
from pathlib import Path
from typing import IO

import numpy as np

from lstm_datasets.speech.layouts import expand, read_layout
from lstm_datasets.speech.tables import SPLITS, Row
from lstm_datasets.speech.text_normalizer import characters_outside, normalize
from lstm_models.errors import InputError
from lstm_models.io.atomic_write import shown
from lstm_models.io.audio import SAMPLE_RATE, open_audio

__all__ = ["HELD_OUT", "LONGEST", "SAMPLE_RATE", "Recording", "read_speech", "split_recordings"]

HELD_OUT = "test"  # never trained on
LONGEST = 60.0
"""Seconds; a longer recording is left out."""
SECONDS_A_LABEL = 0.04  # of a recogniser with CTC: a letter an output at most, and a blank between equal ones
SLOWEST = 3.0  # seconds a letter, beyond the first ten seconds: more silence than speech, or the wrong text
_TRIM_FRAME = 1024  # samples, 64 ms
MOST_LETTERS = 10_000  # as written: no text of a minute is longer


@dataclass(frozen=True)
class Recording:
    """One recording and its text.

    Attributes:
        key: its name within its data.
        text: its words, as `lstm_datasets.speech.text_normalizer.normalize` writes it.
        speaker: who speaks, "" if unknown; unique within a source.
        duration: seconds.
        source: the data it comes from, such as “librispeech”.
        label: who transcribed it if not a person, else "".
        age: of the speaker in years, None if unknown.
        gender: “f”, “m” or what the data have; "" if unknown.
        split: the part of the data it belongs to: “train”, “dev”, “test” or another name, "" if none is given.
        file: the recording, or the tar that it lies in.
        place: offset and size within the tar, in bytes; None for a file of its own.
        trim: dB below its loudest frame at which sound counts as silence, which is cut at both ends; 0 to keep it.
    """

    key: str
    text: str
    speaker: str
    duration: float
    source: str
    label: str
    age: float | None
    gender: str
    split: str
    file: Path
    place: tuple[int, int] | None = None
    trim: float = 0.0

    @property
    def set(self) -> str:
        """The split and the source together, as shards are named: “dev-so762”."""
        begins = self.source.lower().startswith((f"{self.split}-", f"{self.split}_")) or self.source == self.split
        return f"{self.split}-{self.source}" if self.split and not begins else self.source

    @property
    def voice(self) -> tuple[str, str]:
        """The speaker, distinct from those of other sources with the same name."""
        return self.source, self.speaker

    def samples(self) -> np.ndarray:
        """The sound, float32 [samples], mono at 16 kHz, −1 to 1.

        Raises:
            InputError: it is missing, damaged, cut off or holds values that are no sound.
        """
        try:
            source = self.file if self.place is None else _bytes(self.file, self.place)
        except OSError as error:
            raise InputError(f"{self._label()} cannot be read: {(error.strerror or str(error)).lower()}.") from None
        with open_audio(source, name=self._label()) as audio:
            samples = audio.samples()
        if audio.damaged:  # its text goes on where the sound does not
            raise InputError(audio.notes[-1])
        return _trimmed(samples, self.trim) if self.trim else samples

    def _label(self) -> str:
        return shown(self.file) if self.place is None else f"{shown(self.key)} in {shown(self.file.name)}"


def _trimmed(samples: np.ndarray, decibels: float) -> np.ndarray:
    """Without the silence at both ends; as it is where all of it is silent."""
    import librosa

    kept, _ = librosa.effects.trim(samples, top_db=decibels, frame_length=_TRIM_FRAME, hop_length=_TRIM_FRAME // 4)
    return kept if len(kept) else samples


def read_speech(
    data: str | PathLike[str] | Sequence[str | PathLike[str]],
    *,
    split: str | None = None,
    skip_at_most: float = 0.1,
    longest: float = LONGEST,
    trim: float = 0.0,
    skipped: list[str] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Recording]:
    """Every recording in ``data``, or those of one split; see the module for what it may be.

    A recording is left out where its file is missing or cannot be read, its text is empty or has letters of another
    script, or it is too short or much too long for its text. Headers are read, not the sound.

    Args:
        data: a path or a pattern, or several.
        split: only recordings of it (“dev”, “val” and “validation” mean the same).
        skip_at_most: the fraction of recordings that may be left out, 0 to 1.
        longest: seconds; longer recordings are left out.
        trim: dB below a recording's loudest frame at which sound counts as silence, which is cut at both ends when it
            is read; 0 to keep it.
        skipped: takes a sentence for each recording left out; without it there is one warning.
        progress: called now and then with how many recordings have been looked at, and how many there are.

    Raises:
        InputError: nothing is there, the layout is unknown, a file that lists recordings is damaged, no recording can
            be used, or more than that fraction cannot.
    """
    if not 0 <= skip_at_most <= 1:
        raise InputError(f"skip_at_most is a fraction between 0 and 1, not {skip_at_most}", usage=True)
    if not 0 <= trim < math.inf:
        raise InputError(f"trim is 0 or a number of decibels, not {trim}", usage=True)
    named = [data] if isinstance(data, (str, PathLike)) else list(data)
    if not named:
        raise InputError("no speech data is named", usage=True)
    paths = [path for each in named for path in expand(str(each))]
    rows = [row for path in dict.fromkeys(paths) for row in read_layout(path)]
    label = ", ".join(shown(str(each)) for each in named[:3]) + (" …" if len(named) > 3 else "")
    if not rows:
        raise InputError(f"{label} holds no recordings")
    if split is not None:
        rows = _of_split(rows, split, label)
    found, sentences = [], []
    files: dict[Path, IO[bytes]] = {}
    try:
        for number, row in enumerate(rows):
            if progress is not None and number % 100 == 0:
                progress(number, len(rows))
            checked = _checked(row, longest, files)
            if isinstance(checked, str):
                sentences.append(f"{shown(row.where)}: {checked}")
            else:
                found.append(replace(checked, trim=trim))
    finally:
        for file in files.values():
            file.close()
    if progress is not None:
        progress(len(rows), len(rows))
    if skipped is not None:
        skipped += sentences
    if len(sentences) > skip_at_most * len(rows):
        allowed = f"more than the {100 * skip_at_most:g} % that may be skipped" if found else "so none is left"
        raise InputError(
            f"{len(sentences)} of {len(rows)} recordings in {label} cannot be used, {allowed}; the first: "
            f"{sentences[0]}"
        )
    if not found:
        raise InputError(f"{label}: none of the {len(rows)} recordings can be used; the first: {sentences[0]}")
    if sentences and skipped is None:
        warnings.warn(
            f"{len(sentences)} of {len(rows)} recordings in {label} are left out; the first: {sentences[0]}",
            stacklevel=2,
        )
    return found


def split_recordings(
    recordings: Sequence[Recording], validation: str = "dev"
) -> tuple[list[Recording], list[Recording]]:
    """Recordings to train on and to validate on.

    Validation is the split of that name (“dev”, “val” and “validation” mean the same); “test” is left out of both
    unless it is wanted. Where the data name no splits, about a twentieth: whole speakers where there are several,
    chosen by their names' hash so that it is the same everywhere, otherwise every twentieth recording.

    Raises:
        InputError: one of the two would be empty.
    """
    if any(recording.split for recording in recordings):
        wanted = SPLITS.get(validation, validation)
        held = [recording for recording in recordings if recording.split == wanted]
        train = [recording for recording in recordings if recording.split not in (wanted, HELD_OUT)]
    else:
        voices = _held_voices(recordings)
        if voices:
            held = [recording for recording in recordings if recording.voice in voices]
            train = [recording for recording in recordings if recording.voice not in voices]
        else:
            held = list(recordings[::20])
            train = [recording for number, recording in enumerate(recordings) if number % 20]
    if not held or not train:
        splits = ", ".join(sorted({recording.split for recording in recordings if recording.split}))
        raise InputError(
            f"{len(recordings)} recordings leave {len(train)} to train on and {len(held)} to validate on; both need at "
            "least one" + (f" (validation split: {validation}; in the data: {splits})" if splits else "")
        )
    return train, held


def _held_voices(recordings: Sequence[Recording]) -> set[tuple[str, str]]:
    """Speakers with a twentieth of the recordings and at most a fifth; none where speakers are too few or unknown."""
    counts: dict[tuple[str, str], int] = {}
    for recording in recordings:
        if recording.speaker:
            counts[recording.voice] = counts.get(recording.voice, 0) + 1
    chosen: set[tuple[str, str]] = set()
    taken = 0
    for voice in sorted(counts, key=lambda voice: hashlib.sha256(repr(voice).encode("utf-8", "replace")).digest()):
        if taken >= len(recordings) / 20:
            break
        if taken + counts[voice] <= max(1, len(recordings) / 5):
            chosen.add(voice)
            taken += counts[voice]
    return chosen


def _of_split(rows: list[Row], split: str, label: str) -> list[Row]:
    wanted = SPLITS.get(split, split)
    chosen = [row for row in rows if row.split == wanted]
    if not chosen:
        known = ", ".join(sorted({row.split for row in rows if row.split})) or "none"
        raise InputError(f"{label} has no split “{split}”; it has {known}", usage=True)
    return chosen


def _checked(row: Row, longest: float, files: dict[Path, IO[bytes]]) -> Recording | str:
    """The recording, or what is wrong with it as the rest of a sentence."""
    if row.file is None:
        return "no recording is named"
    if not row.text.strip():
        return "the text is empty"
    if len(row.text) > MOST_LETTERS:
        return f"the text has {len(row.text):,} characters"
    if outside := characters_outside(row.text):
        return f"the text has “{outside[:10]}”, for which English has no letters"
    text = normalize(row.text)
    if not text.strip("' "):
        return f"the text “{shown(row.text.strip())[:40]}” has no letters"
    duration = _duration(row.file, row.place, files)
    if isinstance(duration, str):
        return duration
    needed = SECONDS_A_LABEL * (len(text) + sum(a == b for a, b in pairwise(text)))
    if duration < needed:
        return f"{duration:.2f} s are too short for a text of {len(text)} letters"
    if duration > longest:
        return f"{duration:,.0f} s are longer than {longest:g} s"
    if duration > 10 + SLOWEST * len(text):
        return f"{duration:.0f} s are too long for a text of {len(text)} letters"
    return Recording(
        row.key, text, row.speaker, duration, row.source, row.label, row.age, row.gender, row.split, row.file, row.place
    )


def _duration(path: Path, place: tuple[int, int] | None, files: dict[Path, IO[bytes]]) -> float | str:
    """Seconds, by the header, or what is wrong as the rest of a sentence. ``files`` keeps the last tar open."""
    import soundfile

    try:
        if place is None:
            if not path.exists():
                return f"{shown(path)} is missing"
            if not path.is_file():
                return f"{shown(path)} is not an ordinary file"
            info = soundfile.info(path)
        else:
            if path not in files:
                for file in files.values():
                    file.close()
                files.clear()
                files[path] = open(path, "rb")  # noqa: SIM115 - closed by the caller, or when the next tar comes
            info = soundfile.info(_part(files[path], place))
    except OSError as error:
        return f"{shown(path)} cannot be read: {(error.strerror or str(error)).lower()}"
    except (soundfile.SoundFileError, RuntimeError, ValueError, TypeError):
        what = "empty" if (place[1] if place else path.stat().st_size) == 0 else "damaged or no audio that can be read"
        return f"{shown(path.name)} is {what}" if place is None else f"the recording is {what}"
    return float(info.frames) / info.samplerate if info.samplerate else 0.0


def _part(file: IO[bytes], place: tuple[int, int]) -> io.BytesIO:
    file.seek(place[0])
    return io.BytesIO(file.read(place[1]))


def _bytes(path: Path, place: tuple[int, int]) -> bytes:
    with open(path, "rb") as file:
        return _part(file, place).getvalue()
