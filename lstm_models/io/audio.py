"""Opens one recording safely, or says in one sentence what is wrong with it; lists the recordings of a folder.

libsndfile reads what it knows; FFmpeg (PyAV) reads what it does not: AAC, and the sound of films.

>>> from lstm_models.io.audio import open_audio
>>> with open_audio("talk.flac") as audio:
...     for block in audio:      # float32, mono, 16 kHz, a second at most
...         ...

Whatever its length, a block at a time is in memory. soundfile, soxr and PyAV are imported by the functions, not by
the module.
"""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from lstm_models import deadlines
from lstm_models.errors import InputError
from lstm_models.io.atomic_write import shown
from lstm_models.io.hushed import Hush
from lstm_models.io.inputs import files_of, opened
from lstm_models.io.samples import (
    MOST_CHANNELS,
    SAMPLE_RATE,
    Resampler,
    as_array,
    channels_first,
    check_rate,
    is_tensor,
    mixed,
    mono,
    scaled,
)
from lstm_models.io.wave_headers import repaired

if TYPE_CHECKING:
    import torch

    from lstm_models.io.containers import ContainerSound

__all__ = ["AUDIO_SUFFIXES", "SAMPLE_RATE", "Audio", "Resampler", "list_audio", "mono", "open_audio"]

_BLOCK_VALUES = 2**20  # samples of all channels that are read at a time

AUDIO_SUFFIXES = frozenset({
    ".3gp", ".aac", ".aif", ".aifc", ".aiff", ".amr", ".au", ".avi", ".caf", ".flac", ".flv", ".m4a", ".m4b", ".m4v",
    ".mka", ".mkv", ".mov", ".mp2", ".mp3", ".mp4", ".oga", ".ogg", ".opus", ".rf64", ".snd", ".sph", ".voc", ".w64",
    ".wav", ".wave", ".weba", ".webm", ".wma", ".wmv",
})  # fmt: skip
"""Names that `list_audio` takes for recordings; films are among them, for their sound."""


class Audio:
    """A recording that is read block by block: iterate over it once, then close it (or use it in a ``with``).

    Attributes:
        name: what sentences call it.
        rate: its own samples a second.
        channels: its own channels.
        seconds: its length as the header has it; None where the header does not say.
        read: seconds read so far.
        notes: what is wrong with it that leaves something to hear, such as an end that is missing; complete when all
            was read.
        damaged: whether some of it could not be read; known when all was read.
        peak: the largest sample so far, 0 to 1.
    """

    def __init__(
        self, name: str, rate: int, channels: int, frames: int | None, blocks: Iterator[np.ndarray], close: Any = None
    ) -> None:
        self.name, self.rate, self.channels = name, rate, channels
        self.seconds = None if frames is None else frames / rate
        self.read = 0.0
        self.notes: list[str] = []
        self.damaged, self.peak = False, 0.0
        self._blocks, self._close = blocks, close

    def __enter__(self) -> Audio:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file, if it is one."""
        if self._close is not None:
            self._close()

    def __iter__(self) -> Iterator[np.ndarray]:
        """Blocks `[samples]` float32, mono at `SAMPLE_RATE`, within −1..1, a second each at most.

        Raises:
            InputError: no sample can be read, or one is no number or far too large.
        """
        resampler = Resampler(self.rate)
        frames = 0
        for block in self._blocks:
            deadlines.check()
            single = mono(block, self.name, self.read, self.rate)
            self.peak = max(self.peak, float(np.abs(single).max())) if len(single) else self.peak
            made = resampler.push(single)
            frames += len(block)
            self.read = frames / self.rate
            if len(made):
                yield made
        if not frames:
            raise InputError(f"{self.name} has no samples: there is nothing to hear.")
        rest = resampler.finish()
        if len(rest):
            yield rest

    def samples(self, most_seconds: float | None = None) -> np.ndarray:
        """All of it at once `[samples]`.

        Raises:
            InputError: as iterating, or it is longer than ``most_seconds``.
        """
        blocks = []
        for block in self:
            blocks.append(block)
            if most_seconds is not None and self.read > most_seconds:
                raise InputError(f"{self.name} is longer than {most_seconds / 60:g} minutes.")
        return np.concatenate(blocks) if blocks else np.zeros(0, np.float32)


def _within(label: str) -> str:
    """A recording's name within a sentence."""
    return "the recording" if label == "The recording" else label


def _mixing(blocks: Iterator[np.ndarray], audio: Audio) -> Iterator[np.ndarray]:
    """Blocks [n] of blocks [n, channels], with a note where the channels cancel each other."""
    for block in blocks:
        single, cancelled = mixed(block)
        if cancelled and not any("cancel each other" in note for note in audio.notes):
            audio.notes.append(f"The channels of {_within(audio.name)} cancel each other; the louder one was used.")
        yield single


def open_audio(
    source: str | os.PathLike[str] | bytes | BinaryIO | np.ndarray | torch.Tensor | Audio,
    *,
    rate: int | None = None,
    name: str | None = None,
) -> Audio:
    """The recording, opened, its header checked, nothing read yet.

    Args:
        source: a file of any format that libsndfile (WAV, FLAC, Ogg Vorbis and Opus, MP3, AIFF, …) or FFmpeg reads
            (AAC in .m4a, the sound of .mp4, .webm, .mkv, …), the bytes of one, a file open for reading, or samples: an
            array or tensor `[samples]`, `[samples, channels]` or `[channels, samples]`, float within −1..1 or
            integers, which are scaled by their type. An `Audio` is given
            back as it is.
        rate: samples a second of an array; 16,000 if None; a file has its rate in its header.
        name: what the sentences call the recording; its path if None, or "The recording".

    Raises:
        InputError: the file is missing, a folder, empty, damaged, no recording or not an ordinary file, or may not be
            read; its format is unknown to both; its rate lies outside 4 to 384 kHz; it has more than 64
            channels; the array has a shape or a type that no sound has. One sentence each.
    """
    if isinstance(source, Audio):
        return source
    label = "The recording" if name is None else shown(name)
    is_array = isinstance(source, (np.ndarray, list, tuple)) or is_tensor(source)
    if rate is not None and not is_array:
        raise InputError("A rate goes with an array of samples; a file says its own.", usage=True)
    with contextlib.ExitStack() as stack:
        file: Any
        if isinstance(source, (str, os.PathLike)):
            label = shown(name if name is not None else source) or "The recording"
            file = stack.enter_context(opened(source, label, "recording"))
        elif isinstance(source, (bytes, bytearray, memoryview)):
            if len(source) == 0:
                raise InputError(f"{label} is empty: it has no bytes.")
            file = io.BytesIO(source)
        elif is_array:
            return _of_array(source, SAMPLE_RATE if rate is None else rate, label)
        elif hasattr(source, "read"):
            file = _seekable(source, label, stack)
        else:
            raise InputError(
                f"{label} is a {type(source).__name__}; give a path, bytes, an open file, an array or a tensor.",
                usage=True,
            )
        audio = _of_file(file, label, stack)
        audio._close = stack.pop_all().close
        return audio


def list_audio(folder: str | os.PathLike[str], *, recursive: bool = False) -> list[Path]:
    """The recordings of a folder by their names' suffixes, in natural order (2.wav before 10.wav), no hidden ones.

    Args:
        folder: where to look.
        recursive: look into its folders too; links to folders are not followed.

    Raises:
        InputError: the folder is missing, is no folder, may not be read, or has no recording.
    """
    wanted = "recordings (names that end in .wav, .flac, .mp3 and the like)"
    return files_of(folder, AUDIO_SUFFIXES, wanted, recursive=recursive)


def _of_array(samples: Any, rate: int, label: str) -> Audio:
    check_rate(rate, label)
    values = as_array(samples, label)
    if values.ndim == 2 and channels_first(values.shape, torch_made=is_tensor(samples)):
        values = values.T
    if values.ndim not in (1, 2) or (values.ndim == 2 and values.shape[1] > MOST_CHANNELS):
        mono(values, label)  # says what is wrong
    channels = 1 if values.ndim == 1 else values.shape[1]
    scaled(values[:1], label)

    def blocks() -> Iterator[np.ndarray]:
        for first in range(0, len(values), rate):
            part = scaled(values[first : first + rate], label)
            yield part[:, None] if part.ndim == 1 else part

    audio = Audio(label, rate, channels, len(values), iter(()))
    audio._blocks = _mixing(blocks(), audio)
    return audio


def _seekable(source: Any, label: str, stack: contextlib.ExitStack) -> Any:
    """The file itself, or what it gives in a temporary one: formats are read back and forth."""
    try:
        if source.seekable():
            if isinstance(source.read(0), str):
                raise InputError(f"{label} is open as text; open it with mode “rb”.", usage=True)
            return source
        copy = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - the stack closes it
        shutil.copyfileobj(source, copy)
        if copy.tell() == 0:
            raise InputError(f"{label} is empty: it has no bytes.")
        copy.seek(0)
        return copy
    except (OSError, AttributeError, TypeError) as error:
        raise InputError(f"{label} cannot be read: {getattr(error, 'strerror', None) or error}.") from error


def _of_file(file: Any, label: str, stack: contextlib.ExitStack) -> Audio:
    import soundfile

    head = file.read(4096)
    file.seek(0)
    if not head:
        raise InputError(f"{label} is empty: it has no bytes.")
    if head[:2] == b"\xf0\x7e":  # libsndfile prints what it thinks of such a file to standard output
        raise InputError(f"{label} is a MIDI sample dump, which is not read here; {_CONVERT}.")
    more, file = repaired(file, head)
    is_mp3 = re.match(_MP3, head, re.DOTALL) is not None
    if is_mp3 and not _counted(file, head):  # libsndfile guesses their length from the first one, and ends there
        from lstm_models.io.containers import ContainerSound

        with contextlib.suppress(InputError):
            return _of_container(ContainerSound(file, "mp3", label, _guess(head), stack), label)
        file.seek(0)
    hush = Hush() if is_mp3 else contextlib.nullcontext()
    try:
        with hush:
            sound = stack.enter_context(soundfile.SoundFile(file))
    except (soundfile.SoundFileError, RuntimeError, TypeError, ValueError, OSError) as error:
        from lstm_models.io.containers import ContainerSound, container_of

        kind = container_of(head)
        if kind is None:
            raise InputError(f"{label} {_guess(head)}.") from error
        file.seek(0)
        return _of_container(ContainerSound(file, kind, label, _guess(head), stack), label)
    check_rate(sound.samplerate, label)
    check_channels(sound.channels, label)
    known = 0 <= sound.frames < 2**62
    promised = _promised(sound.extra_info)
    audio = Audio(label, sound.samplerate, sound.channels, sound.frames if known else None, iter(()))
    if more:
        audio.notes.append(f"The header of {_within(label)} says too little; it was read to its end.")

    def blocks() -> Iterator[np.ndarray]:
        # Where a file is damaged, the block it is in is lost: not too large
        size = max(1, min(sound.samplerate // 2, _BLOCK_VALUES // sound.channels))
        frames, broken = 0, False
        while True:
            try:
                with hush:
                    part = sound.read(size, dtype="float32", always_2d=True)
            except (soundfile.SoundFileError, RuntimeError):
                broken = True
                break
            if not len(part):
                break
            frames += len(part)
            yield part
        if broken or promised or (known and frames < 0.99 * sound.frames):
            if not frames:
                raise InputError(f"{label} is damaged or cut off: nothing of it can be read.")
            seconds = frames / sound.samplerate
            audio.damaged = True
            audio.notes.append(f"{label} is damaged or cut off: {seconds:.1f} s of it could be read.")

    audio._blocks = _mixing(blocks(), audio)  # what comes after is the same for every source
    return audio


def _of_container(sound: ContainerSound, label: str) -> Audio:
    check_rate(sound.rate, label)
    check_channels(sound.channels, label)
    audio = Audio(label, sound.rate, sound.channels, None, iter(()))
    audio.seconds = sound.seconds

    def blocks() -> Iterator[np.ndarray]:
        frames = 0
        for part in sound:
            frames += len(part)
            yield part
        seconds = frames / sound.rate
        if not frames:
            raise InputError(f"{label} is damaged or cut off: nothing of its sound can be read.")
        if sound.lost or (sound.seconds is not None and seconds < 0.99 * sound.seconds - 0.2):
            audio.damaged = True
            audio.notes.append(f"{label} is damaged or cut off: {seconds:.1f} s of it could be read.")

    audio._blocks = _mixing(blocks(), audio)
    return audio


def check_channels(channels: int, label: str) -> None:
    if channels > MOST_CHANNELS:
        raise InputError(f"{label} has {channels} channels; {MOST_CHANNELS} are the most that are mixed.")


def _counted(file: Any, head: bytes) -> bool:
    """Whether an MP3 says how many frames it has."""
    if head[:3] != b"ID3":
        return re.search(_FRAMES, head) is not None
    at = file.tell()
    file.seek(10 + sum((byte & 0x7F) << 7 * (3 - place) for place, byte in enumerate(head[6:10])))
    first = file.read(4096)
    file.seek(at)
    return re.search(_FRAMES, first) is not None


def _promised(log: str) -> bool:
    """Whether the header promises more than the file has, by libsndfile's log: “data : 160000 (should be 79978)”.

    Programs that write to a pipe cannot know the size; they leave 0 or the largest number there.
    """
    found = re.search(r"(?:data|SSND|Data Size)\s*:\s*(\d+) \(should be (\d+)\)", log)
    return found is not None and int(found[2]) < int(found[1]) < 0x7FFFF000


_CONVERT = "save it as WAV or FLAC (ffmpeg -i FILE out.flac)"
_MP3 = rb"ID3|\xff[\xe2-\xff]"
_FRAMES = rb"Xing|Info|VBRI"  # the first frame of an MP3, where it counts the others
_SIGNATURES = (
    (rb"RIFF....WAVE|RF64....WAVE", "begins as a WAV file, but it is damaged, cut off or of a rare kind"),
    (rb"fLaC", "begins as a FLAC file, but it is damaged or cut off"),
    (rb"OggS", "begins as an Ogg file, but it is damaged, cut off or holds no sound that can be read"),
    (rb"ID3|\xff[\xfb\xf3\xf2\xfa]", "begins as an MP3 file, but it is damaged or cut off"),
    (rb"FORM....AIF[FC]", "begins as an AIFF file, but it is damaged or cut off"),
    (rb"caff", "begins as a CAF file, but it is damaged or cut off"),
    (rb"\xff[\xf1\xf9]|....ftypM4[AB]", "begins as an AAC recording, but it is damaged, cut off or of a rare kind"),
    (rb"0&\xb2u\x8ef\xcf\x11", "begins as a Windows Media file, but it is damaged, cut off or of a rare kind"),
    (rb"#!AMR", "begins as an AMR recording, but it is damaged, cut off or of a rare kind"),
    (rb"....(ftyp|moov|mdat|wide)|\x1aE\xdf\xa3|RIFF....AVI |\0\0\x01[\xb3\xba]|FLV\x01",
     "begins as a film, or a sound in a film's format, but it is damaged, cut off or of a rare kind"),
    (rb"\xff\xd8\xff|\x89PNG|GIF8[79]a|RIFF....WEBP", "is a picture, and a recording is wanted"),
    (rb"%PDF-", "is a PDF document, and a recording is wanted"),
    (rb"PK\x03\x04|\x1f\x8b|7z\xbc\xaf|Rar!|BZh|\xfd7zXZ", "is an archive; unpack it and give its recordings"),
)  # fmt: skip


def _guess(head: bytes) -> str:
    """What a file that libsndfile cannot open seems to be, as the rest of a sentence."""
    for signature, what in _SIGNATURES:
        if re.match(signature, head, re.DOTALL):
            return what
    if re.match(rb"<!doctype html|<html", head.lstrip().lower()):
        return "is a web page and not a recording; perhaps a download went wrong"
    if not head.strip(b"\0"):
        return "holds nothing but zero bytes; perhaps a download or a copy went wrong"
    with contextlib.suppress(UnicodeDecodeError):
        text = codecs.getincrementaldecoder("utf-8")().decode(head)  # a letter cut in two at the end is no error
        if not re.search("[\x00-\x08\x0e-\x1a\x1c-\x1f]", text):
            return "is a text file and not a recording"
    return "is not a recording that can be read: it is damaged, or of an unknown format"
