"""Former name of ``lstm_datasets.captioning.readers``, kept for programs that import from it."""

from lstm_datasets.captioning.readers import CaptionedPhoto, read_captions, split_photos

__all__ = ["CaptionedPhoto", "read_captions", "split_photos"]
