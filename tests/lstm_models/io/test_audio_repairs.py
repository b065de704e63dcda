"""Recordings that are not quite what their header says, in containers of films, or with channels that cancel."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from lstm_models.errors import InputError
from lstm_models.io.audio import SAMPLE_RATE, list_audio, mono, open_audio

TONE = (0.3 * np.sin(np.arange(10 * SAMPLE_RATE) * 440 * 2 * np.pi / SAMPLE_RATE)).astype(np.float32)


def written(kind: str, samples: np.ndarray = TONE, **options: object) -> bytearray:
    file = io.BytesIO()
    soundfile.write(file, samples, SAMPLE_RATE, format=kind, **options)
    return bytearray(file.getvalue())


def places(kind: str, content: bytearray) -> list[tuple[int, int]]:
    """Where the sizes stand, and how many bytes they have."""
    if kind == "RF64":
        start = content.find(b"ds64")
        return [(start + 8, 8), (start + 16, 8), (start + 24, 8)]
    data = content.find(b"data" if kind == "WAV" else b"SSND") + 4
    frames = [(content.find(b"COMM") + 10, 4)] if kind == "AIFF" else []
    return [(4, 4), (data, 4), *frames]


@pytest.mark.parametrize("kind", ["WAV", "AIFF", "RF64"])
def test_a_recorder_that_was_killed_leaves_sizes_of_nothing(kind: str) -> None:
    content = written(kind, subtype="PCM_16")
    with open_audio(bytes(content)) as whole:
        expected = whole.samples()
    assert whole.notes == []
    for at, count in places(kind, content):
        content[at : at + count] = bytes(count)
    with open_audio(bytes(content)) as audio:
        np.testing.assert_array_equal(audio.samples(), expected)
    assert audio.notes == ["The header of the recording says too little; it was read to its end."]
    assert not audio.damaged


def test_a_header_from_the_middle_of_a_recording() -> None:
    content = written("WAV", subtype="PCM_16")
    content[40:44] = (100_000).to_bytes(4, "little")
    with open_audio(bytes(content)) as audio:
        assert len(audio.samples()) == len(TONE)
    assert "says too little" in audio.notes[0]


def test_a_chunk_after_the_samples_is_no_sound() -> None:
    content = written("WAV", subtype="PCM_16") + b"LIST\x04\0\0\0INFO"
    with open_audio(bytes(content)) as audio:
        assert len(audio.samples()) == len(TONE)
    assert audio.notes == []


def test_an_mp3_without_a_count_of_its_frames_is_whole() -> None:
    loud = np.random.default_rng(0).normal(0, 0.2, 10 * SAMPLE_RATE).clip(-1, 1)
    samples = np.concatenate([loud, np.zeros(30 * SAMPLE_RATE)])
    content = bytes(written("MP3", samples, bitrate_mode="VARIABLE", compression_level=0.5))
    at = max(content[:4096].find(b"Xing"), content[:4096].find(b"Info"))
    assert at > 0
    begin = content.find(content[:2], at)  # the frame that counts is left out, as by a recorder of streams
    with open_audio(content[begin:]) as audio:
        found = audio.samples()
    assert abs(len(found) - len(samples)) < 0.2 * SAMPLE_RATE
    assert audio.notes == []


def film(kind: str, codec: str, samples: np.ndarray = TONE) -> bytes:
    av = pytest.importorskip("av")
    file = io.BytesIO()
    with av.open(file, "w", format=kind) as container:
        stream = container.add_stream(codec, rate=48_000 if codec == "libopus" else SAMPLE_RATE)
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
        frame.sample_rate = SAMPLE_RATE
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    return file.getvalue()


CONTAINERS = {
    "mp4": ("mp4", "aac"), "m4a": ("ipod", "aac"), "webm": ("webm", "libopus"), "mkv": ("matroska", "libopus"),
    "avi": ("avi", "mp3"), "flv": ("flv", "aac"), "aac": ("adts", "aac"), "ts": ("mpegts", "aac"),
}  # fmt: skip


@pytest.mark.parametrize("suffix", CONTAINERS)
def test_containers_of_films(suffix: str, tmp_path: Path) -> None:
    (tmp_path / f"talk.{suffix}").write_bytes(film(*CONTAINERS[suffix]))
    with open_audio(tmp_path / f"talk.{suffix}") as audio:
        found = audio.samples()
    assert audio.notes == []
    assert len(TONE) - SAMPLE_RATE / 10 <= len(found) <= len(TONE) + SAMPLE_RATE / 5  # codecs pad
    middle = found[5 * SAMPLE_RATE : 6 * SAMPLE_RATE]
    loudest = np.abs(np.fft.rfft(middle)).argmax()
    assert loudest == 440
    assert 0.25 < np.abs(middle).max() < 0.35
    if suffix != "ts":
        assert list_audio(tmp_path) == [tmp_path / f"talk.{suffix}"]


def test_a_film_without_sound_and_one_cut_off() -> None:
    av = pytest.importorskip("av")
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 32
        picture = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
        for packet in [*stream.encode(picture), *stream.encode(None)]:
            container.mux(packet)
    with pytest.raises(InputError, match=r"^The recording has no sound"):
        open_audio(file.getvalue())
    whole = film("matroska", "libopus")
    with open_audio(whole[: len(whole) // 2]) as audio:
        assert 3 * SAMPLE_RATE < len(audio.samples()) < 7 * SAMPLE_RATE
    assert audio.damaged
    assert "damaged or cut off" in audio.notes[0]
    with pytest.raises(InputError, match="begins as a film"):
        open_audio(film("mp4", "aac")[:5000])


def test_a_playlist_opens_no_other_file(tmp_path: Path) -> None:
    (tmp_path / "secret.wav").write_bytes(written("WAV"))
    for content in (f"ffconcat version 1.0\nfile '{tmp_path}/secret.wav'\n", "#EXTM3U\n#EXTINF:1,\nsecret.wav\n"):
        (tmp_path / "list.m4a").write_text(content)
        with pytest.raises(InputError, match="is a text file and not a recording"):
            open_audio(tmp_path / "list.m4a")


@pytest.mark.parametrize("gain", [-1.0, -0.9])
def test_channels_that_cancel_each_other(gain: float) -> None:
    pair = np.stack([TONE, gain * TONE], 1)
    with open_audio(pair) as audio:
        np.testing.assert_allclose(audio.samples(), TONE, atol=1e-6)
    assert audio.notes == ["The channels of the recording cancel each other; the louder one was used."]
    with open_audio(bytes(written("FLAC", pair))) as audio:
        np.testing.assert_allclose(audio.samples(), TONE, atol=1e-3)
    np.testing.assert_allclose(mono(pair), TONE, atol=1e-6)


def test_other_channels_are_averaged() -> None:
    rng = np.random.default_rng(0)
    for pair in (rng.normal(0, 0.1, (SAMPLE_RATE, 2)), np.stack([TONE, 0 * TONE], 1), np.zeros((SAMPLE_RATE, 2))):
        with open_audio(pair.astype(np.float32)) as audio:
            np.testing.assert_allclose(audio.samples(), pair.mean(1), atol=1e-6)
        assert audio.notes == []


def test_nothing_of_a_library_reaches_the_screen(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    speech = (rng.normal(0, 1, 8 * SAMPLE_RATE) * np.abs(np.sin(np.arange(8 * SAMPLE_RATE) / 3000)) * 0.1).clip(-1, 1)
    (tmp_path / "noise.mp3").write_bytes(written("MP3", speech))
    code = f"""
import os, sys
from lstm_models.io.audio import open_audio
from lstm_models.io.hushed import Hush
open_audio({str(tmp_path / "noise.mp3")!r}).samples()
with Hush():
    os.write(2, b"[src/libmpg123/layer3.c:1] error: part2_3_length\\nheard\\n")
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stderr == "heard\n"
    assert ran.stdout == ""


def test_a_file_without_a_byte_is_empty_and_not_damaged():
    with pytest.raises(InputError, match=r"^standard input is empty: it has no bytes\.$"):
        open_audio(io.BytesIO(), name="standard input")
