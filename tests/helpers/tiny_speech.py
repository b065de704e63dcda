"""Speech for tests: each letter a chord of its own, spaces silent; a small network learns to read it in seconds."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import soundfile

RATE = 16_000
WORDS = ("a", "bad", "ice", "code", "tea", "nice", "lost", "don't", "stone", "island")
_LETTERS = "abcdefghijklmnopqrstuvwxyz'"


def say(text: str, *, seed: int = 0, seconds: float = 0.16) -> np.ndarray:
    """``text`` as sound [n] float32 at 16 kHz, a little quieter or louder and with other noise for each seed."""
    generator = np.random.default_rng(seed)
    count = int(seconds * RATE)
    time = np.arange(count) / RATE
    shape = np.hanning(count)
    parts = [np.zeros(count // 2)]
    for letter in text:
        if letter == " ":
            parts.append(np.zeros(count))
            continue
        number = _LETTERS.index(letter)
        low, high = 250 * 1.09**number, 900 * 1.07 ** ((number * 7) % 27)
        parts.append(shape * (np.sin(2 * np.pi * low * time) + 0.7 * np.sin(2 * np.pi * high * time)))
    parts.append(np.zeros(count // 2))
    sound = np.concatenate(parts) * generator.uniform(0.1, 0.3)
    return (sound + generator.normal(scale=0.002, size=len(sound))).astype(np.float32)


def sentences(count: int, *, seed: int = 0, words: int = 2) -> list[str]:
    """``count`` texts of ``WORDS``."""
    generator = np.random.default_rng(seed)
    return [" ".join(generator.choice(WORDS, words)) for _ in range(count)]


def shard(path: Path, texts: list[str], *, seed: int = 0, speakers: int = 3) -> Path:
    """A WebDataset shard of FLAC and JSON."""
    with tarfile.open(path, "w") as tar:
        for number, text in enumerate(texts):
            sound = say(text, seed=seed + number)
            data = io.BytesIO()
            soundfile.write(data, sound, RATE, format="FLAC")
            meta = {"text": text.upper(), "speaker": f"s{number % speakers}", "duration": len(sound) / RATE}
            for suffix, blob in (("flac", data.getvalue()), ("json", json.dumps(meta).encode())):
                member = tarfile.TarInfo(f"line_{number:04d}.{suffix}")
                member.size = len(blob)
                tar.addfile(member, io.BytesIO(blob))
    return path


def table(folder: Path, count: int) -> Path:
    """A folder of WAV files and a table of their texts, ``lines.csv``."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = ["audio,text,speaker"]
    for number, text in enumerate(sentences(count)):
        soundfile.write(folder / f"{number:03d}.wav", say(text, seed=number), RATE)
        rows.append(f"{number:03d}.wav,{text},s{number % 5}")
    path = folder / "lines.csv"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path
