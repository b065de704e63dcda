"""Sound that libsndfile does not read, by FFmpeg (PyAV): AAC and ALAC in .m4a, the sound of .mp4, .webm, .mkv, .avi.

The first bytes of the file give FFmpeg its format, which it never guesses: playlists and the like, which open
other files, are not among the formats.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from lstm_models.errors import InputError

__all__ = ["ContainerSound", "container_of"]

_KINDS = (
    (rb"....(ftyp|moov|mdat|wide|free|skip)", "mov"),
    (rb"\x1aE\xdf\xa3", "matroska"),
    (rb"RIFF....AVI ", "avi"),
    (rb"RIFF....WAVE", "wav"),
    (rb"FLV\x01", "flv"),
    (rb"0&\xb2u\x8ef\xcf\x11", "asf"),
    (rb"#!AMR", "amr"),
    (rb"OggS", "ogg"),
    (rb"caff", "caf"),
    (rb"FORM....AIF[FC]", "aiff"),
    (rb"\xff[\xf1\xf9]", "aac"),
    (rb"ID3|\xff[\xe2-\xff]", "mp3"),
    (rb"\0\0\x01\xba", "mpeg"),
    (rb"G.{187}G", "mpegts"),
)
_GUESSED = ("aac", "mp3", "mpeg", "mpegts")  # formats whose headers say no length
_BROKEN = 100  # packets in a row that cannot be decoded: the rest is not looked at


def container_of(head: bytes) -> str | None:
    """FFmpeg's name of the format that a file begins as; None for one it is not asked about."""
    return next((kind for signature, kind in _KINDS if re.match(signature, head, re.DOTALL)), None)


class ContainerSound:
    """The sound of an open file, its first stream of sound.

    Args:
        file: open for reading, and seekable.
        kind: FFmpeg's name of its format.
        label: what sentences call it.
        otherwise: the rest of a sentence about a file that cannot be opened.
        stack: closes what is opened.

    Attributes:
        rate: samples a second.
        channels: how many.
        seconds: its length as the header has it; None where that does not say.
        lost: whether something could not be decoded so far.

    Raises:
        InputError: it cannot be opened, or has no sound.
    """

    def __init__(self, file: Any, kind: str, label: str, otherwise: str, stack: contextlib.ExitStack) -> None:
        import av

        self._errors = (av.FFmpegError, ValueError, OSError, EOFError, LookupError)
        try:
            self._container = stack.enter_context(av.open(file, format=kind, metadata_errors="replace"))
            streams = self._container.streams.audio
            if streams:
                sound = self._stream = streams[0]
                self.rate = int(sound.codec_context.sample_rate or 0)
                self.channels = int(sound.codec_context.channels or 0)
        except self._errors as error:
            raise InputError(f"{label} {otherwise}.") from error
        if not streams:
            raise InputError(f"{label} has no sound: it is a film without any.")
        length = sound.duration * sound.time_base if sound.duration else (self._container.duration or 0) / av.time_base
        self.seconds = None if kind in _GUESSED else float(length) or None
        self.lost = False

    def __iter__(self) -> Iterator[np.ndarray]:
        """Blocks `[n, channels]` float32."""
        import av

        same = av.AudioResampler(format="fltp", layout=self._stream.codec_context.layout, rate=self.rate)
        packets, row = self._container.demux(self._stream), 0
        while row < _BROKEN:
            try:
                packet = next(packets, None)
                if packet is None:
                    break
                decoded = [part for frame in packet.decode() for part in same.resample(frame)]
                row = 0
            except av.EOFError:
                break
            except self._errors:
                self.lost, row = True, row + 1
                continue
            yield from map(_block, decoded)
        yield from map(_block, same.resample(None))


def _block(part: Any) -> np.ndarray:
    return np.ascontiguousarray(part.to_ndarray().T, np.float32)
