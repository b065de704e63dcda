"""How the captioning tab shows a caption: HTML for the photo, the words and the examples, and the script of the page.

Every word of a caption is a button. It carries a small picture of where the model looked (`veil`), which the script
lays over the photo, so that looking at a word asks nothing of the server. The style sheet is in `lstm_apps.demo.theme`.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lstm_apps.demo.assets import asset
from lstm_models.results import Word
from lstm_models.tasks.captioning import attention_maps
from lstm_models.tasks.captioning.results import UNCERTAIN_WORD, Caption

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["EXAMPLES_SCRIPT", "WORDS_SCRIPT", "as_data", "empty", "examples", "photo", "veil", "words"]

PHOTO_SIDE = 960  # pixels of the longer side, as shown
_VEIL = 48  # pixels of a veil's sides; the browser stretches it over the photo
_PEAK = 2.5  # a map whose greatest weight is less than so many times the even one is not stretched to full contrast
_HINT = "Choose a word to see where the model looked when it said it."

# Lays a word's veil over the photo; the words are drawn anew with every update, so the listeners are their parent's.
WORDS_SCRIPT = asset("lstm_apps.tasks.captioning.demo", "words.js")

EXAMPLES_SCRIPT = asset("lstm_apps.tasks.captioning.demo", "examples.js")


def as_data(picture: Image, kind: str, **options: int | bool) -> str:
    """A picture as an address that holds it whole."""
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(buffer.getvalue()).decode()}"


def veil(attention: np.ndarray) -> str:
    """Where the attention `[rows, columns]` is low, as an address: the opacity of what covers the photo there."""
    from PIL import Image as images

    map_ = attention_maps.upsampled(attention, _VEIL, _VEIL)
    dark = 1 - np.clip(map_ / max(map_.max(), _PEAK * map_.mean(), 1e-9), 0, 1)
    alpha = images.fromarray(np.rint(255 * dark).astype(np.uint8))
    return as_data(images.merge("LA", (images.new("L", alpha.size), alpha)), "PNG", optimize=True)


def empty(sentence: str) -> str:
    """The place of the photo, while there is none."""
    return f'<div class="looked"><p>{escape(sentence)}</p></div>'


def photo(address: str, alt: str = "Your photo", *, hint: bool = False) -> str:
    """The photo, to be covered by a veil.

    Args:
        address: what `as_data` gave.
        alt: what a screen reader says.
        hint: say beneath it that words can be chosen.
    """
    message = escape(_HINT) if hint else ""
    return (
        f'<figure class="looked"><div class="photo"><img src="{address}" alt="{escape(alt)}"><div class="veil"></div>'
        f'</div><figcaption role="status" data-hint="{escape(_HINT)}">{message}</figcaption></figure>'
    )


def words(caption: Caption | None = None, shown: int = 0) -> str:
    """The caption's words, coloured by confidence, with the other captions beneath; empty without one.

    Args:
        caption: with attention, words are buttons; without confidences, as on the way, they are plain.
        shown: how many words were shown before: the others appear one after another.
    """
    if caption is None:
        return '<div class="caption"></div>'
    every = (caption, *caption.alternatives)
    parts = [_sentence(each, number, shown if number == 0 else len(each.words)) for number, each in enumerate(every)]
    if any(word.confidence is not None for word in caption.words):
        parts.append('<p class="scale" aria-hidden="true">unsure<span></span>sure</p>')
    if caption.alternatives:
        rows = "".join(
            f'<li><button type="button" class="other" data-number="{number}" aria-pressed="{str(not number).lower()}">'
            f"{escape(each.text or '(no words)')}</button> {_sure(each)}</li>"
            for number, each in enumerate(every)
        )
        parts.append(f'<h3>Captions, best first</h3><ol class="others">{rows}</ol>')
    return f'<div class="caption">{"".join(parts)}</div>'


def _sentence(caption: Caption, number: int, shown: int) -> str:
    made = " ".join(_word(word, place - shown) for place, word in enumerate(caption.words))
    final = any(word.confidence is not None for word in caption.words)
    flag = '<p class="flag">Uncertain: check this caption before you use it.</p>' if final and caption.uncertain else ""
    hidden = " hidden" if number else ""
    return f'<div class="sentence" data-number="{number}"{hidden}><p class="words">{made}</p>{flag}</div>'


def _word(word: Word, late: int) -> str:
    """A word; `late` is its place among those that were not there before, negative where it was."""
    text = escape(word.text)
    style = [] if late < 0 else [f"--late: {late}"]
    classes = ["word"] if late < 0 else ["word", "new"]
    if word.confidence is None:
        return f'<span class="{" ".join(classes)}" style="{"; ".join(style)}">{text}</span>'
    percent = f"{round(100 * word.confidence)} %"
    style.append(f"--sure: {percent.replace(' ', '')}")
    if word.confidence < UNCERTAIN_WORD:
        classes.append("doubtful")
    inside = f"<span>{text}</span><small>{percent}</small>"
    about = f'class="{" ".join(classes)}" style="{"; ".join(style)}"'
    if word.attention is None:
        return f"<span {about}>{inside}</span>"
    return (
        f'<button type="button" {about} data-word="{text}" data-veil="{veil(word.attention)}" aria-pressed="false" '
        f'aria-label="{text}, {percent} sure">{inside}</button>'
    )


def _sure(caption: Caption) -> str:
    if caption.confidence is None:
        return ""
    label = f"{round(100 * caption.confidence)} % sure" + (", uncertain" if caption.uncertain else "")
    return f"<small>{label}</small>"


def examples(pictures: Sequence[Path], names: Mapping[str, str]) -> str:
    """Buttons with small pictures of the photos; `names` says of each file's stem what is on it."""
    from lstm_models.io.images import open_image

    made = []
    for path in pictures:
        small = open_image(path)
        small.thumbnail((192, 160))
        made.append(
            f'<button type="button" class="example" data-name="{escape(path.stem)}">'
            f'<img src="{as_data(small, "JPEG", quality=80)}" alt="{escape(names.get(path.stem, path.stem))}"></button>'
        )
    return f'<p>Photos to try</p><div class="examples">{"".join(made)}</div>'
