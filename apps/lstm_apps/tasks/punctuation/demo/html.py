"""How the punctuation tab shows a text: marks tinted by how sure they are, words that got capitals underlined."""

from __future__ import annotations

import re
from html import escape
from importlib.resources import files

from lstm_models.tasks.punctuation.results import PunctuatedText, PunctuatedWord

__all__ = ["STYLE", "punctuated"]

STYLE = files(__package__).joinpath("assets/punctuation.css").read_text(encoding="utf-8")

_UNSURE = 0.6  # a capital less probable has a wavy line
_NAMES = {",": "comma", ".": "full stop", "?": "question mark", "!": "exclamation mark", ":": "colon", ";": "semicolon"}


def punctuated(text: PunctuatedText, source: str) -> str:
    """The text as it came out of ``source``, its blanks and line breaks kept."""
    words = iter(text.words)
    given = iter(source.split())
    pieces = [piece for piece in re.split(r"(\s+)", text.text) if piece]
    parts = [_word(next(words), next(given)) if piece.strip() else piece for piece in pieces]
    legend = "A tint shows how sure a mark is, a line below a word that its capital is new; point at them for figures."
    return f'<div class="punctuated"><p>{"".join(parts)}</p><p class="legend">{legend}</p></div>'


def _word(word: PunctuatedWord, given: str) -> str:
    shown = escape(word.text)
    if word.text.rstrip() != given[: len(word.text)]:
        percent = round(100 * word.case_confidence)
        kind = ' class="unsure"' if word.case_confidence < _UNSURE else ""
        shown = f'<i{kind} title="capital: {percent}\u00a0% sure">{shown}</i>'
    if not word.mark:
        return shown
    if word.confidence == 1.0:  # it was there
        return shown + escape(word.mark)
    percent = round(100 * word.confidence)
    about = f"{_NAMES[word.mark]}: {percent}\u00a0% sure"
    return f'{shown}<b style="--sure: {percent}%" title="{about}">{escape(word.mark)}</b>'
