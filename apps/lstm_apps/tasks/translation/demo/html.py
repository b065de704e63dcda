"""How the translation tab shows a text: source and translation word by word, alternatives, the matrix of attention.

A word carries how much it looked at each word of the other side, so that the script shades them without the server.
"""

from __future__ import annotations

import json
from html import escape

import numpy as np

from lstm_apps.demo.assets import asset
from lstm_models.tasks.translation.results import TranslatedSentence, TranslatedWord, Translation

__all__ = ["SCRIPT", "STYLE", "translated"]

STYLE = asset("lstm_apps.tasks.translation.demo", "translation.css")
SCRIPT = asset("lstm_apps.tasks.translation.demo", "translation.js")

_UNSURE = 0.4  # a word less sure has a wavy line
_LARGEST = 40  # words of either side of a matrix that is drawn
_LEAST = 0.02  # attention that is shown


def translated(text: Translation) -> str:
    """The sentences, each with its translation below it."""
    return f'<div class="translated">{"".join(map(_sentence, text.sentences))}</div>'


def _sentence(sentence: TranslatedSentence) -> str:
    attention = np.round(sentence.attention, 2)
    source = " ".join(
        _word("s", number, word, "", attention[:, number]) for number, word in enumerate(sentence.source_words)
    )
    target = " ".join(
        _word("t", number, word.text, _about(word, sentence), attention[number], _kind(word))
        for number, word in enumerate(sentence.words)
    )
    parts = [f'<p class="source" lang="en">{source}</p>', f'<p class="target">{target}</p>']
    if sentence.alternatives:
        others = "".join(f"<li>{escape(other.text)}</li>" for other in sentence.alternatives)
        parts.append(f"<details><summary>Alternatives</summary><ol>{others}</ol></details>")
    if 0 < max(attention.shape) <= _LARGEST and min(attention.shape) > 1:
        parts.append(f"<details><summary>Attention</summary>{_matrix(sentence, attention)}</details>")
    return f'<section class="pair">{"".join(parts)}</section>'


def _word(side: str, number: int, text: str, about: str, looks: np.ndarray, kind: str = "") -> str:
    shares = {str(place): float(value) for place, value in enumerate(looks) if value >= _LEAST}
    label = f"{text}: {about}" if about else text
    return (
        f'<span class="word{kind}" tabindex="0" data-side="{side}" data-number="{number}" '
        f'data-looks="{escape(json.dumps(shares))}" title="{escape(about)}" aria-label="{escape(label)}">'
        f"{escape(text)}</span>"
    )


def _about(word: TranslatedWord, sentence: TranslatedSentence) -> str:
    parts = [] if word.source is None else [f"from “{sentence.source_words[word.source]}”"]
    if word.copied:
        parts.append("copied")
    elif word.confidence is not None:
        parts.append(f"{round(100 * word.confidence)}\u00a0% sure")
    return ", ".join(parts)


def _kind(word: TranslatedWord) -> str:
    if word.copied:
        return " copied"
    return " unsure" if word.confidence is not None and word.confidence < _UNSURE else ""


def _matrix(sentence: TranslatedSentence, attention: np.ndarray) -> str:
    """The attention as a table: a row a word of the translation, a column a word of the source."""
    head = "".join(f'<th scope="col"><span>{escape(word)}</span></th>' for word in sentence.source_words)
    rows = []
    for word, row in zip(sentence.words, attention, strict=True):
        cells = "".join(f'<td style="--look: {value:.2f}" title="{value:.0%}"></td>' for value in row)
        rows.append(f'<tr><th scope="row">{escape(word.text)}</th>{cells}</tr>')
    return f'<div class="matrix"><table><tr><td></td>{head}</tr>{"".join(rows)}</table></div>'
