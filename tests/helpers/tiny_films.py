"""Small films for tests: a square that moves over a plain ground, a colour a shot."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np

RED, GREEN, BLUE = (220, 40, 40), (40, 200, 60), (40, 60, 220)


def square_frames(
    count: int = 12, size: tuple[int, int] = (48, 64), colours: Sequence[tuple[int, int, int]] = (BLUE,)
) -> np.ndarray:
    """[count, height, width, 3] uint8: a white square goes right over grounds that follow each other."""
    height, width = size
    frames = np.zeros((count, height, width, 3), np.uint8)
    for number, frame in enumerate(frames):
        frame[:] = colours[number * len(colours) // count]
        left = round(number * (width - 12) / max(count - 1, 1))
        frame[height // 2 - 6 : height // 2 + 6, left : left + 12] = 255
    return frames


def video(frames: np.ndarray, *, rate: int = 4, kind: str = "mp4", sound: bool = False, codec: str = "mpeg4") -> bytes:
    """The bytes of a film with these frames [frames, height, width, 3]."""
    import av

    file = io.BytesIO()
    with av.open(file, "w", format=kind) as container:
        stream = container.add_stream(codec, rate=rate)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        stream.bit_rate = 4_000_000
        voice = container.add_stream("aac", rate=16000) if sound else None
        for frame in frames:
            for packet in stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")):
                container.mux(packet)
        container.mux(stream.encode(None))
        if voice is not None:
            tone = np.sin(np.arange(16000) * 0.1, dtype=np.float32)[None] * 0.3
            block = av.AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
            block.sample_rate = 16000
            container.mux(voice.encode(block))
            container.mux(voice.encode(None))
    return file.getvalue()


def sound_only() -> bytes:
    """A recording in the container of a film."""
    import av

    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=16000)
        tone = np.sin(np.arange(16000) * 0.1, dtype=np.float32)[None] * 0.3
        block = av.AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
        block.sample_rate = 16000
        container.mux(stream.encode(block))
        container.mux(stream.encode(None))
    return file.getvalue()


def animation(frames: np.ndarray, kind: str = "GIF", duration: int = 250) -> bytes:
    """The bytes of an animated GIF or WebP."""
    from PIL import Image

    file = io.BytesIO()
    first, *rest = [Image.fromarray(frame) for frame in frames]
    options = {"lossless": True} if kind == "WEBP" else {}
    first.save(file, kind, save_all=True, append_images=rest, duration=duration, loop=0, **options)
    return file.getvalue()
