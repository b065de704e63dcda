"""How the language modeling tab shows a text: words coloured by surprise, ways on, the state of a unit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from importlib.resources import files

from lstm_models.tasks.language_modeling.cells import CellTrace
from lstm_models.tasks.language_modeling.results import Completion, ScoredText, ScoredWord

__all__ = ["STYLE", "cells", "completions", "scored"]

STYLE = files(__package__).joinpath("assets/language_modeling.css").read_text(encoding="utf-8")

_DARKEST = 12.0  # nats of surprise that are shown as the strongest colour


def scored(text: ScoredText) -> str:
    """The text, each word on a ground that is the stronger the less probable it is."""
    parts, place = [], 0
    for word in text.words:
        parts += [escape(text.text[place : word.start]), _word(word)]
        place = word.start + len(word.text)
    legend = "The stronger a word's colour, the more it surprises; point at it for what was expected instead."
    return f'<div class="scored"><p>{"".join(parts)}</p><p class="legend">{legend}</p></div>'


def completions(found: Sequence[Completion]) -> str:
    """The ways on with their probabilities, the best first."""
    if not found:
        return '<div class="scored"><p class="waiting">The text is likely to end here.</p></div>'
    rows = "".join(
        f"<li>…{escape(each.text)}<small>{percentage(math.exp(each.log_prob))}</small></li>" for each in found
    )
    return f'<div class="scored"><ol>{rows}</ol></div>'


def cells(text: str, traced: CellTrace, unit: int) -> str:
    """The text, each piece coloured by the state of one unit."""
    parts, place = [], 0
    for piece, value in zip(traced.pieces, traced.cells[:, unit].tolist(), strict=True):
        if piece.end <= place:
            continue
        start = max(place, piece.start)
        kind = "high" if value > 0 else "low"
        about = f"{value:+.2f}"
        shown = escape(text[start : piece.end])
        parts += [
            escape(text[place:start]),
            f'<span class="cell {kind}" style="--much: {abs(value):.0%}" title="{about}">{shown}</span>',
        ]
        place = piece.end
    legend = f"The state of unit {unit} after each piece: blue above 0, brown below."
    return f'<div class="scored"><p>{"".join(parts)}</p><p class="legend">{legend}</p></div>'


def _word(word: ScoredWord) -> str:
    expected = ", ".join(
        f"“{each.text.strip() or each.text}” {percentage(each.probability)}" for each in word.candidates
    )
    about = escape(f"{percentage(math.exp(word.log_prob))}; expected: {expected}" if expected else "", quote=True)
    kind = "word unlikely" if word.unlikely else "word"
    much = min(1.0, -word.log_prob / _DARKEST)
    label = f'tabindex="0" title="{about}" aria-label="{escape(word.text, quote=True)}: {about}"'
    return f'<span class="{kind}" style="--much: {much:.0%}" {label}>{escape(word.text)}</span>'


def percentage(probability: float) -> str:
    if probability >= 0.01:
        return f"{probability:.0%}"
    return f"{probability:.1e}" if probability < 1e-4 else f"{probability:.2%}"
