"""The picture of a recording: a mel spectrogram in decibels, as librosa computes and draws it."""

from __future__ import annotations

from typing import Any

import numpy as np

from lstm_models.io.samples import SAMPLE_RATE

__all__ = ["draw_spectrogram"]

_WINDOW = 512  # samples, 32 ms
_HOP = 160  # samples between two columns, 10 ms, where the recording is short
_COLUMNS = 2  # a pixel, at most: more would cost time, and not be seen
_BANDS = 80
_RANGE = 60.0  # decibels below the loudest that are shown


def draw_spectrogram(axes: Any, samples: np.ndarray, width: int) -> None:
    """Draw the spectrogram on Matplotlib's axes, so that it fills them.

    Args:
        axes: to draw on.
        samples: ``[n]`` float32 at 16 kHz, within −1..1.
        width: of the picture in pixels.

    Example:
        >>> figure, axes = matplotlib.pyplot.subplots()
        >>> draw_spectrogram(axes, lstm_models.io.audio.open_audio("talk.flac").samples(), 800)
    """
    # Here, not above: only who is shown one waits the second that they take to be imported
    import librosa
    import librosa.display

    hop = max(_HOP, len(samples) // (_COLUMNS * width))
    short = max(0, _WINDOW - len(samples))
    power = librosa.feature.melspectrogram(
        y=np.pad(samples, (0, short)),
        sr=SAMPLE_RATE,
        n_fft=_WINDOW,
        hop_length=hop,
        n_mels=_BANDS,
        fmax=SAMPLE_RATE / 2,
    )
    # Silence stays dark: what is 60 dB below full scale is no louder for being all there is
    decibels = librosa.power_to_db(power, ref=max(float(power.max()), 1e-4), top_db=_RANGE)
    librosa.display.specshow(
        decibels, sr=SAMPLE_RATE, hop_length=hop, x_axis="time", y_axis="mel", fmax=SAMPLE_RATE / 2, ax=axes,
        cmap="magma", vmin=-_RANGE, vmax=0.0,
    )  # fmt: skip
    axes.set_axis_off()
