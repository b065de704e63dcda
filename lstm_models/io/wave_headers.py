"""WAV and AIFF files whose header says too little, because the recorder was killed or wrote to a pipe.

Their sizes are 0, or what they were when the header was last written; the samples go on to the end of the file. sox
and FFmpeg read them so, libsndfile believes the header: it is given the file with other sizes in it.

Chunks: "Multimedia Programming Interface and Data Specifications 1.0" (IBM, Microsoft 1991); "Audio Interchange File
Format" (Apple 1989); EBU Tech 3306 for RF64.
"""

from __future__ import annotations

import io
import re
import struct
from typing import Any

__all__ = ["repaired"]

_MOST_CHUNKS = 1_000


class _Overlaid:
    """A file in which some bytes are others."""

    def __init__(self, file: Any, bytes_at: dict[int, bytes]) -> None:
        self._file, self._bytes = file, bytes_at

    def read(self, size: int = -1) -> bytes:
        begin = self._file.tell()
        found = bytearray(self._file.read(size))
        for at, other in self._bytes.items():
            first, last = max(at, begin), min(at + len(other), begin + len(found))
            if first < last:
                found[first - begin : last - begin] = other[first - at : last - at]
        return bytes(found)

    def readinto(self, buffer: Any) -> int:
        found = self.read(len(memoryview(buffer).cast("B")))
        memoryview(buffer).cast("B")[: len(found)] = found
        return len(found)

    def seek(self, offset: int, whence: int = 0) -> int:
        return int(self._file.seek(offset, whence))

    def tell(self) -> int:
        return int(self._file.tell())


def repaired(file: Any, head: bytes) -> tuple[bool, Any]:
    """Whether the header says too little, and the file to read: with the right sizes, or as it is.

    Args:
        file: open and at its start, and again afterwards.
        head: its first bytes.
    """
    try:
        changes = _changes(file, head)
    except (struct.error, OSError):
        changes = {}
    file.seek(0)
    return (True, _Overlaid(file, changes)) if changes else (False, file)


def _changes(file: Any, head: bytes) -> dict[int, bytes]:
    if re.match(rb"(RIFF|RF64|RIFX)....WAVE", head, re.DOTALL):
        order, wanted = (">" if head[:4] == b"RIFX" else "<"), b"data"
    elif re.match(rb"FORM....AIF[FC]", head, re.DOTALL):
        order, wanted = ">", b"SSND"
    else:
        return {}
    end = file.seek(0, io.SEEK_END)
    at, places = 12, {}
    for _ in range(_MOST_CHUNKS):
        file.seek(at)
        header = file.read(8)
        if len(header) < 8:
            return {}
        name, (size,) = header[:4], struct.unpack(order + "I", header[4:])
        places[name] = at
        if name == wanted:
            break
        at += 8 + size + size % 2
    else:
        return {}
    true = end - at - 8
    if head[:4] == b"RF64":
        if b"ds64" not in places:
            return {}
        file.seek(places[b"ds64"] + 16)
        (size,) = struct.unpack("<Q", file.read(8))
        if not _too_little(file, at + 8, size, end, order):
            return {}
        return {places[b"ds64"] + 8: struct.pack("<QQQ", end - 8, true, 0)}
    if not _too_little(file, at + 8, size, end, order):
        return {}
    changes = {
        4: struct.pack(order + "I", min(end - 8, 2**32 - 1)),
        at + 4: struct.pack(order + "I", min(true, 2**32 - 1)),
    }
    if wanted == b"SSND":
        if b"COMM" not in places:
            return {}
        file.seek(places[b"COMM"] + 8)
        channels, _, bits = struct.unpack(">hIh", file.read(8))
        if channels < 1 or bits < 1:
            return {}
        changes[places[b"COMM"] + 10] = struct.pack(">I", (true - 8) // (channels * -(-bits // 8)))
    return changes


def _too_little(file: Any, begin: int, size: int, end: int, order: str) -> bool:
    """Whether samples go on after the chunk: what follows it is no other chunk."""
    minimum = 8 if order == ">" else 0  # an SSND chunk without samples
    after = begin + size + size % 2
    if size > minimum and end - after < 8:  # all of the file, or more than that
        return False
    if end - begin <= minimum:
        return False
    if size <= minimum:
        return True
    file.seek(after)
    name, (following,) = file.read(4), struct.unpack(order + "I", file.read(4))
    return not (re.fullmatch(rb"[ -~]{4}", name) and after + 8 + following <= end + 1)
