"""How the writing panel shows itself: the gallery of styles, the paper, what was read back, the buttons to save.

HTML, and the scripts of the page. The look of `.paper` is in `lstm_apps.demo.theme`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape

from lstm_apps.tasks.handwriting.demo.inputs import INK, OWN, Look
from lstm_apps.tasks.handwriting.demo.outputs import FORMATS
from lstm_models.text.edit_distance import edits

__all__ = [
    "GALLERY", "GALLERY_SCRIPT", "GALLERY_STYLE", "LINK_SCRIPT", "PAPER_STYLE", "TOOLS_SCRIPT", "TOOLS_STYLE",
    "VERDICT_STYLE", "cards", "error_rate", "nothing", "paper", "tools", "verdict",
]  # fmt: skip

# A group of radio buttons as ARIA's authoring practices have it: Tab reaches the chosen one, arrows choose another.
GALLERY = '<div class="gallery" role="radiogroup" aria-label="Style">${cards}</div>'
GALLERY_SCRIPT = """
const radios = () => [...element.querySelectorAll('[role=radio]')];
let focused = null;
const mark = () => {
  const all = radios();
  const chosen = all.find((card) => card.dataset.name === props.value) || all[0];
  for (const card of all) {
    card.setAttribute('aria-checked', card === chosen);
    card.tabIndex = card === chosen ? 0 : -1;
  }
  if (focused && chosen && !element.contains(document.activeElement)) chosen.focus();
};
const choose = (card) => {
  focused = card.dataset.name;
  card.focus();
  props.value = card.dataset.name;
  mark();
  card.scrollIntoView({block: 'nearest', inline: 'nearest'});
  trigger('input');
};
element.addEventListener('click', (event) => {
  const card = event.target.closest('[role=radio]');
  if (card) choose(card);
});
element.addEventListener('keydown', (event) => {
  const all = radios(), place = all.indexOf(event.target.closest('[role=radio]'));
  const step = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1}[event.key];
  const to = event.key === 'Home' ? 0 : event.key === 'End' ? all.length - 1
    : step && (place + step + all.length) % all.length;
  if (place < 0 || to === undefined) return;
  event.preventDefault();
  choose(all[to]);
});
element.addEventListener('focusout', (event) => { if (event.relatedTarget) focused = null; });
new MutationObserver(mark).observe(element, {childList: true, subtree: true});
mark();
"""
GALLERY_STYLE = """
.gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(7.5rem, 1fr)); gap: 0.5rem; padding: 3px; }
.gallery button { font: inherit; display: flex; flex-direction: column; align-items: center; gap: 0.15rem; margin: 0;
  padding: 0.35rem 0.4rem 0.3rem; border-radius: 8px; border: 1px solid var(--border-color-primary); cursor: pointer;
  background: var(--background-fill-primary); color: var(--body-text-color); min-width: 0; }
.gallery button:hover { border-color: var(--color-accent); }
.gallery button[aria-checked=true] { border-color: var(--color-accent); box-shadow: 0 0 0 1px var(--color-accent); }
.gallery .sample { height: 2.6rem; width: 100%; display: flex; align-items: center; justify-content: center;
  color: #1a2a5c; }
.dark & .gallery .sample { color: #dfe6fa; }
.gallery svg { max-height: 2.6rem; max-width: 100%; width: auto; height: auto; display: block; }
.gallery .name { font-size: 0.8rem; line-height: 1.1rem; color: var(--body-text-color-subdued); white-space: nowrap;
  overflow: hidden; text-overflow: ellipsis; max-width: 100%; }
.gallery button[aria-checked=true] .name { color: var(--body-text-color); font-weight: 600; }
@media (max-width: 40rem) { .gallery { grid-template-columns: repeat(auto-fill, minmax(6rem, 1fr)); } }
"""

PAPER_STYLE = """
.paper.wide { justify-content: safe center; min-height: 13rem; }
.paper.sheet { padding: 1rem; justify-content: safe center; background: var(--background-fill-secondary);
  box-shadow: none; border-color: var(--border-color-primary); }
.paper.sheet svg { width: auto; height: auto; max-width: 100%; max-height: 44rem; background: #fffdf7;
  box-shadow: 0 1px 3px rgb(60 50 30 / 25%); }
.dark & .paper.sheet svg { background: #1f2026; }
.paper.lit, .dark & .paper.lit { background: #fffdf7; color: #1a2a5c; }
.paper.lit.sheet, .dark & .paper.lit.sheet { background: var(--background-fill-secondary); }
.dark & .paper.lit.sheet svg { background: #fffdf7; }
.paper.replay svg path, .paper.sheet svg path { vector-effect: none; stroke-width: inherit; }
@media (max-width: 30rem) {
  .paper.wide:not(.sheet, .replay) svg path { stroke-width: calc(1.1px * var(--pen, 1)); }
  .paper.sheet { padding: 0.5rem; }
}
"""

TOOLS_SCRIPT = """
element.addEventListener('click', (event) => {
  const button = event.target.closest('button[data-do]');
  if (!button || button.disabled) return;
  const {do: what, value} = button.dataset;
  if (what === 'save') trigger('save', {kind: value});
  if (what === 'turn') trigger('turn', {page: Number(value)});
  if (what === 'replay') trigger('replay', {});
});
"""
TOOLS_STYLE = """
.tools { display: flex; flex-wrap: wrap; align-items: center; gap: 0.4rem; }
.tools .group { display: flex; flex-wrap: wrap; align-items: center; gap: 0.4rem; }
.tools .group + .group { border-left: 1px solid var(--border-color-primary); padding-left: 0.6rem;
  margin-left: 0.2rem; }
.tools .label { font-size: 0.85rem; color: var(--body-text-color-subdued); }
.tools button { font: inherit; font-size: 0.85rem; line-height: 1.4rem; padding: 0.2rem 0.75rem; border-radius: 8px;
  min-height: 2rem; border: 1px solid var(--border-color-primary); background: var(--background-fill-primary);
  color: var(--body-text-color); cursor: pointer; }
.tools button:hover:not(:disabled) { border-color: var(--color-accent); }
.tools button:disabled { cursor: default; color: var(--body-text-color-subdued); opacity: 0.6; }
@media (max-width: 40rem) {
  .tools .group + .group { border-left: 0; padding-left: 0; margin-left: 0; }
}
@media (pointer: coarse) { .tools button { min-height: 2.5rem; padding: 0.2rem 0.9rem; } }
"""

# The file comes to a hidden button of Gradio's own, which is pressed when it is there.
LINK_SCRIPT = """
watch('value', () => {
  if (props.value) requestAnimationFrame(() => document.querySelector('#writing-file').click());
});
"""

VERDICT_STYLE = """
.verdict { border-left: 3px solid var(--border-color-primary); padding: 0.1rem 0 0.1rem 0.75rem; }
.verdict.good { border-color: #2e7d4f; }
.verdict.bad { border-color: #b3261e; }
.verdict p { margin: 0; font-size: 0.95rem; line-height: 1.6rem; overflow-wrap: anywhere; }
.verdict .read { max-height: 10rem; overflow-y: auto; }
.verdict mark { background: var(--unsure-tint); color: var(--body-text-color); border-radius: 3px; padding: 0 0.2rem;
  text-decoration: underline wavy var(--doubt) 1px; text-underline-offset: 0.2em; }
.verdict del { color: var(--body-text-color-subdued); }
.verdict .rate { font-size: 0.85rem; color: var(--body-text-color-subdued); }
"""


def cards(names: Sequence[str], pictures: Mapping[str, str], own: str = "") -> str:
    """The cards of the gallery.

    Args:
        names: of the styles.
        pictures: name -> a word written in the style, as SVG; those missing are being drawn.
        own: the name of the own hand; nothing for none.
    """
    shown = [(name, name) for name in names] + ([(OWN, own)] if own else [])
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
    asked, found = text.split(), read.split()
    parts = []
    for said, heard in _aligned(asked, found):
        if said == heard:
            parts.append(escape(heard))
        elif heard:
            title = f"should be “{escape(said)}”" if said else "should not be there"
            parts.append(f'<mark title="{title}">{escape(heard)}</mark>')
        else:
            parts.append(f"<del>{escape(said)}</del>")
    wrong = sum("<mark" in part or "<del" in part for part in parts)
    told = "one word differs" if wrong == 1 else f"{wrong} words differ" if wrong else "every word as it should be"
    sort = "good" if rate <= 0.02 else "bad" if rate > 0.1 else ""
    told = f"{told}; {100 * rate:.1f} % of characters wrong.{f' {about}' if about else ''}"
    return (
        f'<div class="verdict {sort}" role="status"><p class="read">Read back as: “{" ".join(parts)}”</p>'
        f'<p class="rate">{escape(told)}</p></div>'
    )


def _aligned(asked: Sequence[str], found: Sequence[str]) -> list[tuple[str, str]]:
    """Pairs of words that stand for each other, with as few that differ as can be; an empty one where there is none."""
    costs = [list(range(len(found) + 1))]
    for row, word in enumerate(asked, 1):
        now = [row]
        for column, other in enumerate(found, 1):
            now.append(min(now[-1] + 1, costs[-1][column] + 1, costs[-1][column - 1] + (word != other)))
        costs.append(now)
    pairs = []
    row, column = len(asked), len(found)
    while row or column:
        here = costs[row][column]
        if row and column and here == costs[row - 1][column - 1] + (asked[row - 1] != found[column - 1]):
            row, column = row - 1, column - 1
            pairs.append((asked[row], found[column]))
        elif row and here == costs[row - 1][column] + 1:
            row -= 1
            pairs.append((asked[row], ""))
        else:
            column -= 1
            pairs.append(("", found[column]))
    return pairs[::-1]


def error_rate(text: str, read: str) -> float:
    """Character errors of what was read, a character of the text; white space counts as one space."""
    text, read = " ".join(text.split()), " ".join(read.split())
    return edits(text, read) / max(1, len(text))
