"""Results at a prompt and in a notebook: one line each, and HTML or SVG in which nothing of a text is markup.

Run: python -m pytest tests/lstm_models/test_results_notebook.py
"""

from __future__ import annotations

import xml.etree.ElementTree
from typing import Any

import numpy as np
import pytest

from lstm_models.ink.drawing import Drawing
from lstm_models.ink.page import Page, PageOptions
from lstm_models.results import Word
from lstm_models.tasks.captioning.results import Caption, RecognizedObject
from lstm_models.tasks.handwriting_reader.results import Reading
from lstm_models.tasks.speech.results import Transcript

WORDS = (Word("a", 0.9, 0.0, 0.1), Word("<b>", 0.5, 0.1, 0.4))
STROKES = (np.array([[0.0, 0.0], [9.0, 9.0]]),)
RESULTS: dict[str, tuple[Any, str]] = {
    "word": (WORDS[0], 'Word("a", confidence=0.90, start=0.00, end=0.10)'),
    "caption": (
        Caption("A <b>", WORDS, -1.0, source="a.jpg", objects=(RecognizedObject("<i>dog", 0.8),)),
        'Caption("A <b>", confidence=0.67, source=\'a.jpg\')',
    ),
    "transcript": (
        Transcript("a <b>", WORDS, 2.0, notes=("<i>",)),
        'Transcript("a <b>", duration=2.00, confidence=0.67)',
    ),
    "reading": (Reading("a\n<b>", WORDS, (0.5,) * 5, notes=("<i>",)), 'Reading("a <b>", confidence=0.67)'),
    "drawing": (Drawing(STROKES, "a <b>", "gus", 3), 'Drawing("a <b>", strokes=1, style=\'gus\', seed=3)'),
    "page": (Page(1, STROKES, "a <b>", PageOptions()), 'Page("a <b>", number=1, strokes=1)'),
    "long text": (Drawing(STROKES, "word " * 99), f'Drawing("{"word " * 11}word…", strokes=1)'),
}  # fmt: skip


@pytest.mark.parametrize("name", RESULTS)
def test_a_result_is_one_line(name: str) -> None:
    result, line = RESULTS[name]
    assert repr(result) == line


@pytest.mark.parametrize("name", ["caption", "transcript", "reading"])
def test_words_are_shown_with_how_sure_they_are(name: str) -> None:
    html = RESULTS[name][0]._repr_html_()
    root = xml.etree.ElementTree.fromstring(f"<div>{html}</div>")
    spans = list(root.iter("span"))
    assert [span.text for span in spans] == ["a", "<b>"]
    assert spans[1].attrib == {"style": "opacity: 0.68", "title": "50% sure, 0.10 to 0.40 s"}
    assert ("Recognised: <i>dog 80%" if name == "caption" else "<i>") in "".join(root.itertext())
    assert not list(root.iter("i"))


@pytest.mark.parametrize("name", ["drawing", "page"])
def test_ink_is_shown_as_a_picture(name: str) -> None:
    root = xml.etree.ElementTree.fromstring(RESULTS[name][0]._repr_svg_())
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "#ffffff" in {each.get("fill") for each in root.iter()}
