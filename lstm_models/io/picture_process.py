"""Opens a large picture in a process of its own, which has a low priority, bounded memory and time, and can be killed.

- A server's other requests keep the processor: on Linux and macOS the process is 15 steps nicer than the server.
- One large picture at a time; who waits for it, or for the process, ends at its deadline, and so does the process.
- Whatever a damaged file makes of a decoder, it is that process which ends, with a sentence for who sent it.

Run as a module, it is that process: python -m lstm_models.io.picture_process FILE NAME SIDE
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

from lstm_models import deadlines
from lstm_models.errors import InputError

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["open_large"]

_NICE = 15
_MOST_MEMORY = 2**31  # bytes of addresses: a picture's 512 MB, its reduced copy, and Python with NumPy
_MOST_SECONDS = 60  # of the processor
_BETWEEN_LOOKS = 0.1  # seconds
_one_at_a_time = threading.Lock()


def open_large(path: str | os.PathLike[str], *, name: str, side: int = 1024) -> Image:
    """The picture as `lstm_models.io.images.open_image` gives it, decoded in another process.

    Args:
        path: of the file.
        name: what the sentences call the picture.
        side: as for `open_image`: both sides keep at least so many pixels.

    Raises:
        InputError: as `open_image`; or decoding takes more memory or time than it may.
        DeadlineExceeded: the time of the work that this thread does is over.
    """
    from PIL import Image as images

    while not _one_at_a_time.acquire(timeout=_BETWEEN_LOOKS):
        deadlines.check()
    try:
        command = [sys.executable, "-m", __name__, os.fspath(path), name, str(side)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # their memory counts
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment)
        output = _output(process)
    finally:
        _one_at_a_time.release()
    head, _, pixels = output.partition(b"\n")
    if process.returncode or not head:
        raise InputError(f"{name} takes more time or memory to decode than a picture may here, so make it smaller.")
    found = json.loads(head)
    if "error" in found:
        raise InputError(found["error"])
    return images.frombytes("RGB", tuple(found["size"]), pixels)


def _output(process: subprocess.Popen[bytes]) -> bytes:
    """What the process prints until its end; it is killed where the time of this thread's work is over."""
    try:
        while True:
            try:
                return process.communicate(timeout=_BETWEEN_LOOKS)[0]
            except subprocess.TimeoutExpired:
                deadlines.check()
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def _bound() -> None:
    """Keep this process to little: its priority, memory, time, and that it writes no file."""
    with contextlib.suppress(AttributeError, OSError):
        os.nice(_NICE)
    try:
        import resource
    except ImportError:  # Windows
        return
    for limit, most in (
        ("RLIMIT_AS", _MOST_MEMORY), ("RLIMIT_CPU", _MOST_SECONDS), ("RLIMIT_FSIZE", 0), ("RLIMIT_CORE", 0),
    ):  # fmt: skip
        with contextlib.suppress(AttributeError, OSError, ValueError):  # not every system knows or allows each
            resource.setrlimit(getattr(resource, limit), (most, most))


def _main(path: str, name: str, side: str) -> None:
    from lstm_models.io.images import open_image

    try:
        image = open_image(path, name=name, side=int(side), notes=[])
    except InputError as error:
        sys.stdout.buffer.write(json.dumps({"error": str(error)}).encode() + b"\n")
        return
    sys.stdout.buffer.write(json.dumps({"size": image.size}).encode() + b"\n" + image.tobytes())


if __name__ == "__main__":
    _bound()
    _main(*sys.argv[1:])
