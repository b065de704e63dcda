"""Former name of ``lstm_models.io.images`` and ``lstm_models.io.audio``, kept for programs that import from it."""

from lstm_models.io.audio import AUDIO_SUFFIXES, SAMPLE_RATE, Audio, list_audio, open_audio
from lstm_models.io.images import IMAGE_SUFFIXES, MOST_BYTES, list_images, open_image
from lstm_models.io.pixels import MOST_PIXELS

__all__ = [
    "AUDIO_SUFFIXES",
    "IMAGE_SUFFIXES",
    "MOST_BYTES",
    "MOST_PIXELS",
    "SAMPLE_RATE",
    "Audio",
    "list_audio",
    "list_images",
    "open_audio",
    "open_image",
]
