"""Values that anybody may send to the writing panel. Run: python -m pytest tests/lstm_apps/tasks/handwriting/demo"""

from __future__ import annotations

import re

import pytest

from lstm_apps.tasks.handwriting.demo import inputs
from lstm_models.errors import InputError


@pytest.mark.parametrize(("value", "color"), [
    ("#1a2a5c", "#1a2a5c"), ("navy", "#000080"), ("rgba(10.4, 20, 29.6, 1)", "#0a141e"),
    ("hsl(120, 100%, 50%)", "#00ff00"),
])  # fmt: skip
def test_colours_as_pickers_write_them(value: str, color: str) -> None:
    assert inputs.look(color=value).color == color


@pytest.mark.parametrize("value", ["1" * 100_000, "rgba(" + "," * 100_000, "1." * 50_000, None, 7, "#12345"])
def test_no_pattern_sees_a_colour_that_is_too_long(value: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pattern that looked for digits took a time that grew with the square of their number: 74 s for these."""
    sub = re.sub
    monkeypatch.setattr(
        re, "sub", lambda pattern, new, text: (len(text) <= 100 or pytest.fail("too long")) and sub(pattern, new, text)
    )
    with pytest.raises(InputError, match="The colour must be one such as"):
        inputs.look(color=value)
