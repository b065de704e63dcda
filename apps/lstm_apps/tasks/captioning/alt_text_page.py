"""A page to check captions on and to copy them from as alt texts: one HTML file, nothing fetched from elsewhere.

>>> from lstm_apps.tasks.captioning.alt_text_page import write_alt_text_page
>>> write_alt_text_page("alt.html", [("photo.jpg", captioner.caption("photo.jpg"))], title="Holiday")

Each photo stands beside its caption, its words tinted by confidence, with a field to edit the text and a button that
copies the `<img>` element. Uncertain captions are flagged and can be shown alone. The page is written a photo at a
time, so its length does not matter to memory.
"""

from __future__ import annotations

import base64
import hashlib
import io
import os
from collections.abc import Iterable, Iterator
from html import escape
from pathlib import Path
from urllib.parse import quote

from lstm_models.errors import InputError
from lstm_models.io.atomic_write import check_writable, shown, written_whole
from lstm_models.io.images import open_image
from lstm_models.results import Word
from lstm_models.tasks.captioning.results import Caption

__all__ = ["alt_text_chunks", "alt_text_page", "write_alt_text_page"]

THUMBNAIL = 320  # pixels of the longer side
_LEVELS = (0.2, 0.4, 0.6, 0.8)  # confidences at which the tint of a word changes
Photo = str | os.PathLike[str]


def write_alt_text_page(
    path: str | os.PathLike[str],
    captions: Iterable[tuple[Photo, Caption]],
    failures: Iterable[tuple[Photo, str]] = (),
    *,
    title: str = "Alt texts",
    root: str | os.PathLike[str] | None = None,
    language: str = "en",
) -> Path:
    """Write the page to a file, whole or not at all, and give back its path.

    Arguments as for `alt_text_chunks`.

    Raises:
        InputError: the folder is missing, the path is a folder, or the disk refuses.
    """
    check_writable(path)
    with written_whole(path) as file:
        for chunk in alt_text_chunks(captions, failures, title=title, root=root, language=language):
            file.write(chunk.encode())
    return Path(path)


def alt_text_page(
    captions: Iterable[tuple[Photo, Caption]],
    failures: Iterable[tuple[Photo, str]] = (),
    *,
    title: str = "Alt texts",
    root: str | os.PathLike[str] | None = None,
    language: str = "en",
) -> str:
    """The whole page as one string; arguments as for `alt_text_chunks`."""
    return "".join(alt_text_chunks(captions, failures, title=title, root=root, language=language))


def alt_text_chunks(
    captions: Iterable[tuple[Photo, Caption]],
    failures: Iterable[tuple[Photo, str]] = (),
    *,
    title: str = "Alt texts",
    root: str | os.PathLike[str] | None = None,
    language: str = "en",
) -> Iterator[str]:
    """The page in pieces, one a photo.

    Args:
        captions: photo files and their captions, in the order of the page; taken one at a time, so an iterator may
            make them on the way. A photo that cannot be opened is shown without its picture.
        failures: files without a caption, each with a sentence that says why; taken after the last caption.
        title: heading of the page.
        root: folder from which the photos are named, also in the `src` that is copied; their file names if missing.
        language: of the captions, as in HTML's `lang`.
    """
    policy = f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{_SCRIPT_HASH}'"
    yield _HEAD.format(
        language=escape(language), title=escape(title), policy=escape(policy), style=_STYLE, count=len(_LEVELS)
    )
    number = uncertain = 0
    for number, (photo, caption) in enumerate(captions, start=1):
        uncertain += caption.uncertain
        yield _article(number, photo, caption, root)
    if not number:
        yield '<p class="none">No photo has a caption.</p>\n'
    yield "</main>\n"
    failed = [
        f"<li><b>{escape(shown(_place(photo, root)))}</b> {escape(_clean(told))}</li>\n" for photo, told in failures
    ]
    if failed:
        yield '<section class="failures" aria-labelledby="failed"><h2 id="failed">Not captioned</h2>\n<ul>\n'
        yield from failed
        yield "</ul>\n</section>\n"
    counts = f"{_plural(number, 'photo')}, {uncertain} uncertain."
    yield f'<p id="counts" class="note">{counts}</p>\n<script>{_SCRIPT}</script>\n</body>\n</html>\n'


def _article(number: int, photo: Photo, caption: Caption, root: str | os.PathLike[str] | None) -> str:
    """One photo of the page."""
    place, text = _place(photo, root), _clean(caption.text)
    name, src = shown(place), quote(place, safe="/", errors="surrogateescape")  # bytes that are no UTF-8 included
    line = f'<img src="{src}" alt="{escape(text)}">'
    flag = '<strong class="flag">Uncertain: please check</strong>' if caption.uncertain else ""
    words = " ".join(map(_tinted, caption.words)) or escape(text)
    others = "".join(
        f'<li><button type="button" class="other">{escape(_clean(other.text))}</button></li>'
        for other in caption.alternatives
    )
    choices = f'<details><summary>Other captions</summary><ul class="others">{others}</ul></details>' if others else ""
    return f"""<article class="photo{" uncertain" if caption.uncertain else ""}" data-src="{escape(src)}">
<div class="frame">{_thumbnail(photo, text)}</div>
<div class="told">
<h2 id="n{number}">{escape(name)}</h2>{flag}
<p class="words">{words}</p>
<label for="t{number}">Alt text</label>
<textarea id="t{number}" rows="2" aria-describedby="n{number}" spellcheck="true">{escape(text)}</textarea>
{choices}
<div class="line"><code>{escape(line)}</code>
<button type="button" class="copy" aria-describedby="n{number}">Copy</button></div>
</div>
</article>
"""


def _tinted(word: Word) -> str:
    text = escape(_clean(word.text))
    if word.confidence is None:
        return text
    level = sum(word.confidence >= border for border in _LEVELS)
    return f'<span class="c{level}" title="{round(100 * word.confidence)} % sure">{text}</span>'


def _thumbnail(photo: Photo, text: str) -> str:
    """An `<img>` with the photo in it, or a sentence in its place."""
    try:
        picture = open_image(photo, side=THUMBNAIL)
    except InputError as error:
        return f'<p class="missing">No preview: {escape(_clean(str(error)))}</p>'
    picture.thumbnail((THUMBNAIL, THUMBNAIL))
    written = io.BytesIO()
    picture.save(written, format="JPEG", quality=80)
    data = base64.b64encode(written.getvalue()).decode("ascii")
    size = f'width="{picture.width}" height="{picture.height}"'
    return f'<img src="data:image/jpeg;base64,{data}" {size} alt="{escape(text)}" loading="lazy" decoding="async">'


def _place(photo: Photo, root: str | os.PathLike[str] | None) -> str:
    """What the page calls a photo: its path from `root`, with slashes; outside of it the file's name."""
    path = Path(photo)
    if root is not None:
        # not resolved: a link to a photo is named as the link
        inside, above = os.path.abspath(path), os.path.abspath(root)
        if inside != above and os.path.commonpath([inside, above]) == above:
            return Path(os.path.relpath(inside, above)).as_posix()
    return path.name


def _clean(text: str) -> str:
    """On one line, and without what UTF-8 or HTML cannot hold."""
    return shown(" ".join(text.split()))


def _plural(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


_HEAD = """<!DOCTYPE html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="lstm-models">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<header>
<h1>{title}</h1>
<p class="note">Captions written by a model. Read each one beside its photo, correct it, and copy it.
<span class="legend" aria-hidden="true">Words: <span class="c0">guessed</span> <span class="c1">unsure</span>
<span class="c2">likely</span> <span class="c{count}">sure</span></span></p>
</header>
<div class="bar">
<label><input type="checkbox" id="only"> Show only uncertain</label>
<span id="told" role="status" aria-live="polite"></span>
<button type="button" id="table" hidden>Download CSV</button>
</div>
<noscript><p class="note">Copying needs JavaScript; without it, select the line and copy it yourself.</p></noscript>
<main>
"""

_STYLE = """
:root { color-scheme: light dark; --page: #fbfbfc; --card: #fff; --edge: #dcdfe6; --text: #1c1e26; --faint: #5c606c;
  --ink: #2d4076; --on-ink: #fff; --flag: #8a4b00; --flag-back: #fff1d6;
  --c0: #ffc9a8; --c1: #ffdfb8; --c2: #fff0cf; --c3: #f4f5ea; }
@media (prefers-color-scheme: dark) {
  :root { --page: #16171c; --card: #1f2127; --edge: #3a3d47; --text: #e8e9ee; --faint: #a5a9b5;
    --ink: #9db0da; --on-ink: #141c35; --flag: #ffcf8a; --flag-back: #3d2c10;
    --c0: #7a3511; --c1: #5f3c10; --c2: #473812; --c3: #2f3126; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 3rem; max-width: 62rem; background: var(--page); color: var(--text);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; overflow-wrap: anywhere; }
h1 { margin: 0; font-size: 1.5rem; line-height: 1.25; }
h2 { margin: 0; font-size: .9rem; font-weight: 600; color: var(--faint); }
.note { margin: .25rem 0 0; color: var(--faint); font-size: .9rem; }
.legend { white-space: nowrap; }
.bar { position: sticky; top: 0; z-index: 1; display: flex; gap: .5rem 1rem; align-items: center; flex-wrap: wrap;
  min-height: 3.5rem; padding: .5rem 0; background: var(--page); }
.bar label { display: inline-flex; gap: .5rem; align-items: center; min-height: 2.5rem; cursor: pointer; }
.bar input { width: 1.15rem; height: 1.15rem; accent-color: var(--ink); }
#told { flex: 1; color: var(--faint); font-size: .9rem; }
.photo { display: grid; grid-template-columns: 20rem 1fr; gap: 1.25rem; padding: 1rem; margin: 0 0 1rem;
  background: var(--card); border: 1px solid var(--edge); border-radius: 10px;
  content-visibility: auto; contain-intrinsic-size: auto 18rem; }
.photo.uncertain { box-shadow: inset 4px 0 var(--flag); }
.frame img { display: block; max-width: 100%; height: auto; border-radius: 6px; margin: 0 auto; }
.missing { margin: 0; padding: 1rem; border: 1px dashed var(--edge); border-radius: 6px; color: var(--faint);
  font-size: .9rem; }
.told { display: flex; flex-direction: column; gap: .5rem; min-width: 0; }
.flag { align-self: start; padding: .1rem .5rem; border-radius: 4px; font-size: .85rem; font-weight: 600;
  color: var(--flag); background: var(--flag-back); }
.words { margin: 0; font-size: 1.1rem; line-height: 1.7; }
.words span, .legend span { padding: .05em .2em; border-radius: 3px; }
.c0 { background: var(--c0); text-decoration: underline wavy; text-underline-offset: .2em; }
.c1 { background: var(--c1); text-decoration: underline dotted; text-underline-offset: .2em; }
.c2 { background: var(--c2); } .c3 { background: var(--c3); }
.told label, summary { font-size: .85rem; color: var(--faint); }
summary { cursor: pointer; min-height: 1.75rem; }
textarea { display: block; width: 100%; padding: .5rem .6rem; font: inherit; color: inherit; background: var(--page);
  border: 1px solid var(--faint); border-radius: 6px; resize: vertical; field-sizing: content; min-height: 4.1rem; }
.told label { margin-bottom: -.35rem; }
.line { display: flex; gap: .75rem; align-items: start; }
code { flex: 1; min-width: 0; font: .8rem/1.45 ui-monospace, Consolas, monospace; color: var(--faint); }
button { flex: none; min-height: 2.5rem; padding: .35rem 1rem; font: inherit; color: var(--on-ink);
  background: var(--ink); border: 1px solid var(--ink); border-radius: 6px; cursor: pointer; }
#table, .other { color: var(--ink); background: transparent; }
.others { display: grid; gap: .35rem; margin: .35rem 0 0; padding: 0; list-style: none; }
.other { width: 100%; text-align: left; border-color: var(--edge); }
.failures { margin-top: 2rem; } .failures h2 { font-size: 1.1rem; color: var(--text); }
.failures li { margin: .35rem 0; }
:focus-visible { outline: 3px solid var(--ink); outline-offset: 2px; }
body:has(#only:checked) .photo:not(.uncertain) { display: none; }
@media (max-width: 44rem) {
  .photo { grid-template-columns: 1fr; padding: .75rem; }
  .line { flex-direction: column; align-items: stretch; } code { flex: none; }
  .legend { display: block; white-space: normal; }
  #told { flex: 0 0 100%; order: 3; } #table { margin-left: auto; }
}
@media print { .bar, button, noscript { display: none; } .photo { break-inside: avoid; } }
"""

_SCRIPT = """
'use strict';
const told = document.getElementById('told');
const quoted = text => text.replace(/&/g, '&amp;').replace(/"/g, '&quot;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
const parts = photo => ({ field: photo.querySelector('textarea'), code: photo.querySelector('code'),
  image: photo.querySelector('.frame img'), src: photo.dataset.src });
const clean = field => field.value.replace(/\\s+/g, ' ').trim();
const line = photo => { const p = parts(photo);
  return `<img src="${quoted(p.src)}" alt="${quoted(clean(p.field))}">`; };
const edited = photo => { const p = parts(photo); p.code.textContent = line(photo);
  if (p.image) p.image.alt = clean(p.field); };
const photos = [...document.querySelectorAll('.photo')];
async function copy(text) {
  try { await navigator.clipboard.writeText(text); return true; } catch { /* not allowed here: the old way */ }
  const field = document.createElement('textarea');
  const before = document.activeElement;
  field.value = text; field.style.position = 'fixed'; field.style.opacity = '0';
  document.body.append(field); field.select();
  let done = false;
  try { done = document.execCommand('copy'); } catch { /* neither way */ }
  field.remove(); before?.focus();
  return done;
}
document.addEventListener('input', event => {
  const photo = event.target.closest?.('.photo');
  if (photo) edited(photo);
});
document.addEventListener('click', async event => {
  const button = event.target.closest?.('button'), photo = button?.closest('.photo');
  if (!photo) return;
  if (button.classList.contains('other')) {
    const field = parts(photo).field;
    field.value = button.textContent; edited(photo); field.focus();
  } else if (button.classList.contains('copy')) {
    const done = await copy(line(photo));
    told.textContent = done ? 'Copied: ' + clean(parts(photo).field) : 'Not copied: select the line and copy it.';
    button.textContent = done ? 'Copied' : 'Copy';
    setTimeout(() => { button.textContent = 'Copy'; }, 2000);
  }
});
const only = document.getElementById('only');
const count = document.getElementById('counts').textContent;
told.textContent = count;
only.addEventListener('change', () => {
  const left = document.querySelectorAll('.photo.uncertain').length;
  told.textContent = only.checked && !left ? 'No caption is uncertain.' : count;
});
const table = document.getElementById('table');
table.hidden = photos.length === 0;
table.addEventListener('click', () => {
  const cell = text => '"' + text.replace(/"/g, '""') + '"';
  const rows = photos.map(photo => cell(photo.querySelector('h2').textContent) + ',' + cell(clean(parts(photo).field)));
  const link = document.createElement('a');
  const text = '\\ufeffphoto,alt\\r\\n' + rows.join('\\r\\n') + '\\r\\n';
  link.href = URL.createObjectURL(new Blob([text], { type: 'text/csv' }));
  link.download = 'alt-texts.csv';
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
});
"""

_SCRIPT_HASH = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode("ascii")
