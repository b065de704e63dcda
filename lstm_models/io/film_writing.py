"""Pictures as a film that every player knows: H.264 in .mp4, or VP9 in .webm, by PyAV.

>>> from lstm_models.io.film_writing import encode_film
>>> encode_film([np.zeros((48, 64, 3), np.uint8)] * 5, ".mp4", rate=10)[4:8]          # doctest: +SKIP
b'ftyp'
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from lstm_models.errors import InputError

__all__ = ["WRITTEN_SUFFIXES", "encode_film"]

WRITTEN_SUFFIXES = (".mp4", ".webm")
_CODECS: dict[str, dict[str, dict[str, str]]] = {
    ".mp4": {"libx264": {"crf": "12"}, "mpeg4": {}},  # the second where FFmpeg was built without the first
    ".webm": {"libvpx-vp9": {"crf": "20", "b": "0", "cpu-used": "4"}, "libvpx": {}},
}
"""Encoders of each kind of file with their options, the best first."""
_BITS_A_PIXEL = 4  # of encoders without a quality to set: enough for edges to stay sharp


def encode_film(pictures: Sequence[Any], suffix: str, *, rate: float = 10.0, hold: float = 0.0) -> bytes:
    """The bytes of a film.

    Args:
        pictures: its frames, Pillow images or arrays [height, width, 3] uint8, all of one size. Where that is odd, the
            last row or column comes twice: colours have half the resolution (4:2:0), which every player shows.
        suffix: ``.mp4`` or ``.webm``.
        rate: frames a second, from 0.1 to 240.
        hold: seconds for which the last frame stands.

    Raises:
        InputError: PyAV is missing, or has no encoder for this kind of film; the rate is out of its range.
    """
    if not 0.1 <= rate <= 240:
        raise InputError(f"the rate must be from 0.1 to 240 frames a second, not {rate:g}", usage=True)
    try:
        import av
    except ImportError as error:
        raise InputError(f"films ({suffix}) need PyAV: pip install av brings it", usage=True) from error
    codec = _encoder(suffix)
    frames = [_even(np.asarray(picture)) for picture in pictures]
    frames += frames[-1:] * (max(1, round(hold * rate)) - 1)
    file = io.BytesIO()
    with av.open(file, "w", format=suffix[1:]) as container:
        stream: Any = container.add_stream(
            codec, rate=Fraction(rate).limit_denominator(1000), options=_CODECS[suffix][codec]
        )
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        if "crf" not in _CODECS[suffix][codec]:
            stream.bit_rate = int(frames[0][..., 0].size * max(rate, 10) * _BITS_A_PIXEL)
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))
    return file.getvalue()


def _encoder(suffix: str) -> str:
    """The best encoder there is for a kind of film."""
    import av

    for name in _CODECS[suffix]:
        try:
            av.codec.Codec(name, "w")
        except ValueError:  # of which PyAV's UnknownCodecError is a kind
            continue
        return name
    named = " or ".join(_CODECS[suffix])
    raise InputError(
        f"this PyAV has no encoder for {suffix} ({named}); save a .gif, or install PyAV's wheel by pip install av"
    )


def _even(frame: np.ndarray) -> np.ndarray:
    height, width = frame.shape[:2]
    return np.ascontiguousarray(np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge"))
