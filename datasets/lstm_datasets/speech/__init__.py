"""Recordings with transcripts, and texts.

What ``readers`` offers stands here, too, where it was before it had a file to itself.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submod_attrs={"readers": ["Recording", "read_speech", "split_recordings"]}
)
