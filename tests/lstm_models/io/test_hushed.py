"""Files that make a decoder print. Run: python -m pytest tests/lstm_models/io/test_hushed.py"""

from __future__ import annotations

import pytest

from lstm_models.errors import InputError
from lstm_models.io.audio import open_audio


def test_a_midi_sample_dump_is_refused_before_libsndfile_prints_about_it(capfd: pytest.CaptureFixture[str]) -> None:
    """Standard output is where ``--format json`` goes."""
    for content in (b"\xf0\x7e\x00\x01" + bytes(120), b"\xf0\x7e" + bytes(range(200))):
        with pytest.raises(InputError, match="is a MIDI sample dump, which is not read here"):
            open_audio(content)
    assert capfd.readouterr().out == ""
