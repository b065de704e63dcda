"""How the writing panel shows itself: the gallery of styles, the paper, what was read back, the buttons to save.

HTML, and the scripts of the page. The look of `.paper` is in `lstm_apps.demo.theme`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape

from lstm_apps.demo.assets import asset
from lstm_apps.tasks.handwriting.demo.inputs import CUSTOM_STYLE, INK, Look
from lstm_apps.tasks.handwriting.demo.outputs import FORMATS
from lstm_models.text.edit_distance import edits

__all__ = [
    "GALLERY", "GALLERY_SCRIPT", "GALLERY_STYLE", "LINK_SCRIPT", "PAPER_STYLE", "TOOLS_SCRIPT", "TOOLS_STYLE",
    "VERDICT_STYLE", "cards", "error_rate", "nothing", "paper", "tools", "verdict",
]  # fmt: skip

# A group of radio buttons as ARIA's authoring practices have it: Tab reaches the chosen one, arrows choose another.
GALLERY = '<div class="gallery" role="radiogroup" aria-label="Style">${cards}</div>'
GALLERY_SCRIPT = asset("lstm_apps.tasks.handwriting.demo", "gallery.js")
GALLERY_STYLE = asset("lstm_apps.tasks.handwriting.demo", "gallery.css")

PAPER_STYLE = asset("lstm_apps.tasks.handwriting.demo", "paper.css")

TOOLS_SCRIPT = asset("lstm_apps.tasks.handwriting.demo", "tools.js")
TOOLS_STYLE = asset("lstm_apps.tasks.handwriting.demo", "tools.css")

# The file comes to a hidden button of Gradio's own, which is pressed when it is there.
LINK_SCRIPT = asset("lstm_apps.tasks.handwriting.demo", "link.js")

VERDICT_STYLE = asset("lstm_apps.tasks.handwriting.demo", "verdict.css")


def cards(names: Sequence[str], pictures: Mapping[str, str], custom: str = "") -> str:
    """The cards of the gallery.

    Args:
        names: of the styles.
        pictures: name -> a word written in the style, as SVG; those missing are being drawn.
        custom: the name of the own hand; nothing for none.
    """
    shown = [(name, name) for name in names] + ([(CUSTOM_STYLE, custom)] if custom else [])
    return "".join(
        f'<button type="button" role="radio" aria-checked="false" tabindex="-1" data-name="{escape(name)}" '
        f'aria-label="{escape(label)}"><span class="sample" aria-hidden="true">{_bare(pictures.get(name, ""))}</span>'
        f'<span class="name">{escape(label)}</span></button>'
        for name, label in shown
    )  # fmt: skip


def _bare(svg: str) -> str:
    """An SVG that decorates: without what it says of itself."""
    return re.sub(r"<title>.*?</title>|<desc>.*?</desc>|\n", "", svg, flags=re.DOTALL)


def nothing(words: str) -> str:
    """The paper before something is written."""
    return f'<div class="paper wide"><p>{escape(words)}</p></div>'


def paper(svg: str, look: Look | None = None, *, sheet: bool = False, replay: bool = False) -> str:
    """The paper with the drawing on it; the picture is labelled with its text, escaped by `Drawing.svg`."""
    classes = "paper wide"
    if look is not None and look.color != INK:
        classes += " lit"  # a chosen colour is seen as it is, on light paper
    if sheet:
        classes += " sheet"
    if replay:  # the style sheet of an SVG within a page is that of the whole page
        svg = svg.replace("path{animation", ".replay path{animation")
        classes += " replay"
    pen = 1 if look is None else look.width / Look.width
    return f'<div class="{classes}" tabindex="0" style="--pen: {pen:.3g}">{svg}</div>'


def tools(count: int, page: int = 1, *, ready: bool = True) -> str:
    """The buttons under the paper.

    Args:
        count: of the pages that are written.
        page: which is shown.
        ready: whether there is something to save.
    """
    off = "" if ready else " disabled"
    turn = ""
    if count > 1:
        back, on = (" disabled" if page <= 1 else ""), (" disabled" if page >= count else "")
        turn = (
            '<div class="group" role="group" aria-label="Pages">'
            f'<button type="button" data-do="turn" data-value="{page - 1}" aria-label="Page before"{back}>‹</button>'
            f'<span class="label">Page {page} of {count}</span>'
            f'<button type="button" data-do="turn" data-value="{page + 1}" aria-label="Next page"{on}>›</button></div>'
        )
    replay = (
        f'<div class="group"><button type="button" data-do="replay"{off}>Replay</button></div>'
    )  # fmt: skip
    saves = "".join(
        f'<button type="button" data-do="save" data-value="{kind}" id="save-{kind}"{off}>{label}</button>'
        for kind, label in FORMATS.items()
    )
    saves = f'<div class="group" role="group" aria-label="Save"><span class="label">Save</span>{saves}</div>'
    return f'<div class="tools">{replay}{turn}{saves}</div>'


# What was read back --------------------------------------------------------------------------------------------------


def verdict(text: str, read: str, rate: float, about: str = "") -> str:
    """What a reader made of it: words that differ are marked, those it missed struck through.

    Args:
        text: what it should say.
        read: what was read.
        rate: character errors a character.
        about: a sentence more.
    """
    intended, found = text.split(), read.split()
    parts = []
    for wanted, heard in _aligned(intended, found):
        if wanted == heard:
            parts.append(escape(heard))
        elif heard:
            title = f"should be “{escape(wanted)}”" if wanted else "should not be there"
            parts.append(f'<mark title="{title}">{escape(heard)}</mark>')
        else:
            parts.append(f"<del>{escape(wanted)}</del>")
    wrong = sum("<mark" in part or "<del" in part for part in parts)
    message = "one word differs" if wrong == 1 else f"{wrong} words differ" if wrong else "every word as it should be"
    sort = "good" if rate <= 0.02 else "bad" if rate > 0.1 else ""
    message = f"{message}; {100 * rate:.1f} % of characters wrong.{f' {about}' if about else ''}"
    return (
        f'<div class="verdict {sort}" role="status"><p class="read">Read back as: “{" ".join(parts)}”</p>'
        f'<p class="rate">{escape(message)}</p></div>'
    )


def _aligned(intended: Sequence[str], found: Sequence[str]) -> list[tuple[str, str]]:
    """Pairs of words that stand for each other, with as few that differ as can be; an empty one where there is none."""
    costs = [list(range(len(found) + 1))]
    for row, word in enumerate(intended, 1):
        now = [row]
        for column, other in enumerate(found, 1):
            now.append(min(now[-1] + 1, costs[-1][column] + 1, costs[-1][column - 1] + (word != other)))
        costs.append(now)
    pairs = []
    row, column = len(intended), len(found)
    while row or column:
        here = costs[row][column]
        if row and column and here == costs[row - 1][column - 1] + (intended[row - 1] != found[column - 1]):
            row, column = row - 1, column - 1
            pairs.append((intended[row], found[column]))
        elif row and here == costs[row - 1][column] + 1:
            row -= 1
            pairs.append((intended[row], ""))
        else:
            column -= 1
            pairs.append(("", found[column]))
    return pairs[::-1]


def error_rate(text: str, read: str) -> float:
    """Character errors of what was read, a character of the text; white space counts as one space."""
    text, read = " ".join(text.split()), " ".join(read.split())
    return edits(text, read) / max(1, len(text))
