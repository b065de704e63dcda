"""A pad to write on in the browser, with mouse, finger or pen: a ruled sheet that gives the strokes of the pen.

Its value is a text, the strokes as JSON: a list of strokes, each a list of [x, y], whole pixels of the page, x right,
y down. `strokes` checks that text again on the server, as anybody may send one; nothing is kept there.

    sheet = pad("note", label="Your note", rules=3)
    sheet.input(lambda value: read(strokes(value)), inputs=sheet)
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from lstm_models.errors import InputError
from lstm_models.ink.line_grouping import lines_of
from lstm_models.ink.stroke_files import open_strokes

__all__ = ["MOST_POINTS", "MOST_STROKES", "pad", "placed", "sent_file", "strokes", "value_of"]

MOST_STROKES = 2_000
MOST_POINTS = 20_000
"""A pad takes no more ink: a full page of writing has half as much."""
_MOST_CHARACTERS = 2_000_000  # of a file that is opened on the pad, or of the strokes as JSON
_FARTHEST = 100_000  # pixels
_LONGEST = 20_000.0  # pixels of what a file puts on the pad, which shows it smaller
_PITCH = 76  # pixels between two rules
_HEIGHT = 11.0  # pixels of the vertical standard deviation of a line that is put on the pad: a usual hand

# Gradio runs it once: the template of a pad never changes, so its DOM stays. Ink is SVG, which is sharp on any screen,
# takes the colour of the page, and stays where it is when the page is laid out anew.
_SCRIPT = """
const paper = element.querySelector('.paper-pad'), sheet = paper.querySelector('svg');
const rules = sheet.querySelector('.rules'), ink = sheet.querySelector('.ink');
const told = element.querySelector('.told'), file = element.querySelector('input[type=file]');
const button = (name) => element.querySelector(`[data-do=${name}]`);
const room = JSON.parse(paper.dataset.room);
const space = 'http://www.w3.org/2000/svg';
let strokes = [], current = null, pointer = null, kind = '', lastPen = -Infinity, frame = 0;
let scale = 1, timer = 0, since = 0, points = 0, rolling = 0;
const calm = matchMedia('(prefers-reduced-motion: reduce)');

const line = (stroke) => {  // through the middles between points, so that no corner of a mouse's path is seen
  let d = `M${stroke[0][0]} ${stroke[0][1]}`;
  if (stroke.length === 1) return `${d}l0 0`;
  for (let k = 1; k < stroke.length - 1; k++) {
    const [x, y] = stroke[k], [u, v] = stroke[k + 1];
    d += `Q${x} ${y} ${(x + u) / 2} ${(y + v) / 2}`;
  }
  const [x, y] = stroke[stroke.length - 1];
  return `${d}L${x} ${y}`;
};
const added = (stroke) => {
  const path = document.createElementNS(space, 'path');
  path.setAttribute('d', line(stroke));
  ink.append(path);
  return path;
};
const redraw = () => { ink.replaceChildren(); strokes.forEach(added); };
const layout = () => {
  const {width, height} = sheet.getBoundingClientRect();
  if (!width) return;  // in a tab that is not shown
  let right = 0, bottom = 0;
  for (const stroke of strokes) for (const [x, y] of stroke) {
    right = Math.max(right, x);
    bottom = Math.max(bottom, y);
  }
  scale = Math.min(1, width / (right + 8), height / (bottom + 8));
  sheet.setAttribute('viewBox', `0 0 ${width / scale} ${height / scale}`);
  if (button('back')) for (const name of ['back', 'on']) button(name).hidden = width < paper.clientWidth + 2;
  rules.replaceChildren();
  for (let y = room.pitch * 0.72; y < height / scale; y += room.pitch) {
    const rule = document.createElementNS(space, 'line');
    for (const [name, value] of [['x1', 0], ['x2', width / scale], ['y1', Math.round(y)], ['y2', Math.round(y)]])
      rule.setAttribute(name, value);
    rules.append(rule);
  }
};
const whole = () => JSON.stringify(strokes.map((stroke) => {
  const kept = [];
  for (const point of stroke) {
    const x = Math.round(point[0]), y = Math.round(point[1]), last = kept[kept.length - 1];
    if (!last || last[0] !== x || last[1] !== y) kept.push([x, y]);
  }
  return kept;
}));
paper.drawn = () => JSON.parse(whole());
const full = () => strokes.length >= room.strokes || points >= room.points;
const tell = (sentence) => {
  const count = strokes.length;
  points = strokes.reduce((sum, stroke) => sum + stroke.length, 0);
  paper.classList.toggle('empty', !count && !current);
  for (const name of ['undo', 'clear']) button(name).disabled = !count;
  told.textContent = sentence || (full() ? 'The pad is full.' : '');
  sheet.setAttribute('aria-label', `${paper.dataset.label}: ${count} ${count === 1 ? 'stroke' : 'strokes'}`);
};
const send = () => {
  clearTimeout(timer);
  timer = since = 0;
  trigger('input');
};
const changed = (soon) => {  // the value at once, the event when the pen rests, or has written for a while
  props.value = whole();
  const now = performance.now();
  since = since || now;
  clearTimeout(timer);
  timer = setTimeout(send, soon ? 50 : Math.max(0, Math.min(400, since + 1600 - now)));
};
const roll = (to) => paper.scrollTo({left: to, behavior: calm.matches ? 'auto' : 'smooth'});
const follow = (stroke) => {  // on a narrow screen the paper moves on under the hand
  const end = Math.max(...stroke.map(([x]) => x)) * scale;
  clearTimeout(rolling);
  if (end > paper.scrollLeft + 0.6 * paper.clientWidth)
    rolling = setTimeout(() => { if (!current) roll(end - 0.3 * paper.clientWidth); }, 700);
};
const at = (event) => {
  const box = sheet.getBoundingClientRect();
  const limit = (value, most) => Math.round(10 * Math.max(0, Math.min(value, most)) / scale) / 10;
  return [limit(event.clientX - box.left, box.width), limit(event.clientY - box.top, box.height)];
};
const drop = () => {
  if (current) current.path.remove();
  current = pointer = null;
};
paper.addEventListener('pointerdown', (event) => {
  if (event.pointerType === 'pen') lastPen = event.timeStamp;
  const palm = event.pointerType === 'touch' && event.timeStamp - lastPen < 2000;
  if (event.button !== 0 || palm) return;
  if (current && !(event.pointerType === 'pen' && kind === 'touch')) return;
  if (full()) return tell();
  drop();
  paper.setPointerCapture(event.pointerId);
  pointer = event.pointerId;
  kind = event.pointerType;
  const stroke = [at(event)];
  current = {stroke, path: added(stroke)};
  paper.classList.remove('empty');
});
paper.addEventListener('pointermove', (event) => {
  if (event.pointerType === 'pen') lastPen = event.timeStamp;
  if (!current || event.pointerId !== pointer) return;
  const parts = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
  for (const part of parts.length ? parts : [event]) {
    const [x, y] = at(part), last = current.stroke[current.stroke.length - 1];
    if (points + current.stroke.length < room.points && Math.hypot(x - last[0], y - last[1]) >= 0.7)
      current.stroke.push([x, y]);
  }
  frame = frame || requestAnimationFrame(() => {
    frame = 0;
    if (current) current.path.setAttribute('d', line(current.stroke));
  });
});
paper.addEventListener('pointerup', (event) => {
  if (!current || event.pointerId !== pointer) return;
  current.path.setAttribute('d', line(current.stroke));
  strokes.push(current.stroke);
  follow(current.stroke);
  current = pointer = null;
  tell();
  changed();
});
paper.addEventListener('pointercancel', (event) => {
  if (event.pointerId !== pointer) return;
  drop();
  tell();
});
paper.addEventListener('contextmenu', (event) => event.preventDefault());
const undo = () => {
  if (current || !strokes.length) return;
  strokes.pop();
  ink.lastChild.remove();
  layout();
  tell();
  changed(true);
};
const clear = () => {
  drop();
  strokes = [];
  redraw();
  layout();
  roll(0);
  tell();
  changed(true);
};
button('undo').addEventListener('click', undo);
button('clear').addEventListener('click', clear);
for (const [name, way] of [['back', -1], ['on', 1]]) if (button(name))
  button(name).addEventListener('click', () => roll(paper.scrollLeft + way * 0.6 * paper.clientWidth));
paper.addEventListener('keydown', (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'z' && !event.shiftKey) {
    event.preventDefault();
    undo();
  }
});
if (file) {
  button('open').addEventListener('click', () => file.click());
  file.addEventListener('change', async () => {
    const chosen = file.files[0];
    if (!chosen) return;
    const text = chosen.size > room.characters ? '' : await chosen.text();
    file.value = '';
    if (chosen.size > room.characters) return tell(`${chosen.name} is too large for the pad.`);
    trigger('upload', {name: chosen.name, text});
  });
}
watch('value', () => {  // the server put strokes on the pad
  if (!props.value || props.value === whole()) return;
  drop();
  strokes = JSON.parse(props.value);
  redraw();
  layout();
  tell();
});
new ResizeObserver(layout).observe(paper);
layout();
tell();
"""

_STYLE = """
.paper-pad { position: relative; width: 100%; box-sizing: border-box; background: #fffdf7; color: #1a2a5c;
  border: 1px solid #e4dfd2; border-radius: 8px; overflow: hidden; touch-action: none; cursor: crosshair;
  user-select: none; -webkit-user-select: none; -webkit-touch-callout: none;
  box-shadow: 0 1px 2px rgb(60 50 30 / 6%), 0 8px 24px rgb(60 50 30 / 5%); }
.dark & .paper-pad { background: #1f2026; color: #dfe6fa; border-color: #3a3b43; box-shadow: none; }
.paper-pad svg { display: block; width: 100%; height: 100%; }
.paper-pad.wide svg { width: max(100%, 52rem); }
.paper-pad .ink path { fill: none; stroke: currentColor; stroke-width: 2.2px; stroke-linecap: round;
  stroke-linejoin: round; vector-effect: non-scaling-stroke; }
.paper-pad .rules line { stroke: #d9d6c6; stroke-width: 1px; vector-effect: non-scaling-stroke; }
.dark & .paper-pad .rules line { stroke: #3a3c46; }
.paper-pad .hint { position: absolute; inset: 0 0 auto; height: 54px; display: none; align-items: center;
  justify-content: center; margin: 0; padding: 0 1rem; text-align: center; pointer-events: none; color: #6f6957; }
.dark & .paper-pad .hint { color: #a3a3ad; }
.paper-pad.empty .hint { display: flex; }
.tools { display: flex; flex-wrap: wrap; align-items: center; gap: 0.4rem; margin-top: 0.4rem; }
.tools button { font: inherit; font-size: 0.85rem; line-height: 1.4rem; padding: 0.2rem 0.75rem; border-radius: 8px;
  min-height: 2rem; border: 1px solid var(--border-color-primary); background: var(--background-fill-primary);
  color: var(--body-text-color); cursor: pointer; }
.tools button:hover:not(:disabled) { border-color: var(--color-accent); }
.tools button:disabled { cursor: default; color: var(--body-text-color-subdued); opacity: 0.75; }
.tools [hidden] { display: none; }
.tools .told { margin: 0; font-size: 0.85rem; color: var(--body-text-color-subdued); }
@media (pointer: coarse) { .tools button { min-height: 2.5rem; padding: 0.2rem 1rem; } }
"""


def pad(
    elem_id: str,
    *,
    label: str,
    rules: int = 1,
    hint: str = "Write here with mouse, finger or pen",
    opens: bool = False,
    wide: bool = False,
) -> gr.HTML:
    """A pad as a Gradio component in the current blocks; its value is what `strokes` takes.

    Its event ``input`` comes when the pen rests after writing, and when strokes are taken back; the value is right as
    soon as the pen is lifted. With `opens`, ``upload`` comes with a file's ``name`` and ``text``: see `sent_file`.

    Args:
        elem_id: of the component in the page.
        label: what screen readers call it.
        rules: ruled lines, at least; as many fit on it.
        hint: what an empty pad says.
        opens: whether there is a button to open a file of strokes.
        wide: the paper is as wide as a sentence, and moves on under the hand where the screen is narrower.
    """
    room = {
        "points": MOST_POINTS,
        "strokes": MOST_STROKES,
        "characters": _MOST_CHARACTERS,
        "pitch": _PITCH,
    }
    buttons = [("undo", "Undo", "take back the last stroke"), ("clear", "Clear", "take away all strokes")]
    if opens:
        buttons.append(("open", "Open a file", "strokes as JSON or SVG"))
    if wide:
        buttons += [("back", "←", "move the paper back"), ("on", "→", "move the paper on")]
    tools = "".join(
        f'<button type="button" data-do="{name}" title="{about}" aria-label="{text}: {about}">{text}</button>'
        for name, text, about in buttons
    )
    if opens:
        tools += '<input type="file" accept=".json,.svg" hidden tabindex="-1" aria-label="File of strokes">'
    height = round(_PITCH * (rules + 0.35))
    kind = "paper-pad empty wide" if wide else "paper-pad empty"
    markup = (
        f'<div class="{kind}" tabindex="0" role="application" aria-label="{escape(label)}" '
        f'aria-roledescription="writing pad" data-label="{escape(label)}" data-room="{escape(json.dumps(room))}" '
        f'style="height: {height}px"><svg role="img" aria-label="{escape(label)}"><g class="rules"></g>'
        f'<g class="ink"></g></svg><p class="hint" aria-hidden="true">{escape(hint)}</p></div>'
        f'<div class="tools">{tools}<p class="told" role="status"></p></div>'
    )
    return gr.HTML(
        "[]", label=label, html_template=markup, css_template=_STYLE, js_on_load=_SCRIPT, elem_id=elem_id,
        apply_default_css=False,
    )  # fmt: skip


def strokes(value: Any, called: str = "The pad") -> list[np.ndarray]:
    """The strokes [points, 2] float64 of a pad's value, or of the same as lists; none for an empty one.

    Args:
        value: JSON, or lists of strokes of [x, y]; None is empty.
        called: what the sentences call it.

    Raises:
        InputError: it is none of these, has too many strokes or points, or a coordinate is no finite number or is far
            beyond any pad.
    """
    if isinstance(value, str):
        if len(value) > _MOST_CHARACTERS:
            raise InputError(f"{called} sent more than {_MOST_CHARACTERS:,} characters.", usage=True)
        try:
            value = json.loads(value or "[]")
        except (ValueError, RecursionError):
            raise InputError(f"{called} sent strokes that are no JSON.", usage=True) from None
    if value is None:
        return []
    right = "strokes are a list of lists of [x, y]"
    if not isinstance(value, list):
        raise InputError(f"{called} sent a {type(value).__name__}; {right}.", usage=True)
    if len(value) > MOST_STROKES:
        raise InputError(f"{called} has {len(value):,} strokes; the demo takes {MOST_STROKES:,}.", usage=True)
    if not all(isinstance(stroke, list) for stroke in value):
        raise InputError(f"{called} sent something else than strokes; {right}.", usage=True)
    count = sum(map(len, value))
    if count > MOST_POINTS:
        raise InputError(f"{called} has {count:,} points; the demo takes {MOST_POINTS:,}.", usage=True)
    made = []
    for number, stroke in enumerate(value, 1):
        if not all(isinstance(point, list) and len(point) == 2 and all(map(_is_number, point)) for point in stroke):
            raise InputError(
                f"Stroke {number} of {called[0].lower()}{called[1:]} is no list of points; each is a list of [x, y], "
                f"numbers from {-_FARTHEST:,} to {_FARTHEST:,}.",
                usage=True,
            )
        if stroke:
            made.append(np.array(stroke, np.float64))
    return made


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and -_FARTHEST <= value <= _FARTHEST


def value_of(drawn: Sequence[np.ndarray]) -> str:
    """The value of a pad with these strokes ``[points, 2]``: whole pixels."""
    return json.dumps([np.rint(stroke).astype(int).tolist() for stroke in drawn], separators=(",", ":"))


def placed(drawn: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Strokes ``[points, 2]`` as large as people write on a pad, from its upper left corner on.

    Smaller where they would be longer than any pad.
    """
    points = np.concatenate(drawn)
    height = float(np.median([np.concatenate(line)[:, 1].std() for line in lines_of(drawn)]))
    most = _LONGEST / float(np.ptp(points, axis=0).max())
    scale = min(_HEIGHT / height, most) if height else most
    return [(stroke - points.min(axis=0)) * scale + _PITCH / 4 for stroke in drawn]


def sent_file(name: Any, text: Any) -> list[np.ndarray]:
    """The strokes [points, 2] float64 of a file that a browser opened and sent: JSON or SVG.

    Raises:
        InputError: it is none, as `lstm_models.ink.stroke_files.open_strokes` tells; or too large for a pad.
    """
    if not isinstance(name, str) or not isinstance(text, str):
        raise InputError("The file was not sent as its name and its text.", usage=True)
    if len(text) > _MOST_CHARACTERS:
        raise InputError(f"{Path(name).name} is too large for the pad.", usage=True)
    told = Path(name).name[:100] or "The file"
    with tempfile.TemporaryDirectory() as folder:  # an SVG is read from a file
        path = Path(folder) / "strokes"
        path.write_text(text, encoding="utf-8", errors="replace")
        drawn = open_strokes(path, name=told)
    count = sum(map(len, drawn))
    if count > MOST_POINTS or len(drawn) > MOST_STROKES:
        raise InputError(
            f"{told} has {count:,} points in {len(drawn):,} strokes; the demo takes {MOST_POINTS:,} in "
            f"{MOST_STROKES:,}.",
            usage=True,
        )
    return drawn
