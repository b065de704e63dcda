"""A page to check captions on and to copy them from as alt texts: one HTML file, nothing fetched from elsewhere.

>>> from lstm_apps.tasks.captioning.alt_text_page import write_alt_text_page
>>> write_alt_text_page("alt.html", [("photo.jpg", captioner.caption("photo.jpg"))], title="Holiday")

Each photo stands beside its caption, its words tinted by confidence, with a field to edit the text and a button that
copies the `<img>` element. Uncertain captions are flagged and can be shown alone. The page is written a photo at a
time, so its length does not matter to memory.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import io
import os
from collections.abc import Iterable, Iterator
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from lstm_apps.demo.assets import asset
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
    """The page in pieces.

    Args:
        captions: photo files and their captions, in the order of the page; taken one at a time, so an iterator may
            make them on the way. A photo that cannot be opened is shown without its picture.
        failures: files without a caption, each with a sentence that says why; taken after the last caption.
        title: heading of the page.
        root: folder from which the photos are named, also in the `src` that is copied; their file names if missing.
        language: of the captions, as in HTML's `lang`; the page around them is in English.
    """
    script, style = (asset("lstm_apps.tasks.captioning", f"alt_text_page.{kind}") for kind in ("js", "css"))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    policy = f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    yield from _template().generate(
        language=language,
        title=title,
        policy=policy,
        style=style,
        script=script,
        levels=len(_LEVELS),
        photos=(_article(photo, caption, root) for photo, caption in captions),
        failures=((shown(_place(photo, root)), _clean(message)) for photo, message in failures),
    )


@functools.cache
def _template() -> Any:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("lstm_apps.tasks.captioning", "assets"),
        autoescape=True,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("alt_text_page.html")


def _article(photo: Photo, caption: Caption, root: str | os.PathLike[str] | None) -> dict[str, Any]:
    """What the page shows of one photo."""
    place, text = _place(photo, root), _clean(caption.text)
    src = quote(place, safe="/", errors="surrogateescape")  # bytes that are no UTF-8 included
    return {
        "name": shown(place),
        "src": src,
        "text": text,
        "line": f'<img src="{src}" alt="{escape(text)}">',
        "words": [_tinted(word) for word in caption.words],
        "uncertain": caption.uncertain,
        "others": [_clean(other.text) for other in caption.alternatives],
        **_thumbnail(photo),
    }


def _tinted(word: Word) -> dict[str, Any]:
    """A word, and how far up the scale of tints its confidence is; no level where it has none."""
    if word.confidence is None:
        return {"text": _clean(word.text), "level": None}
    level = sum(word.confidence >= border for border in _LEVELS)
    return {"text": _clean(word.text), "level": level, "percent": round(100 * word.confidence)}


def _thumbnail(photo: Photo) -> dict[str, Any]:
    """The photo as a small picture, or what is wrong with it."""
    try:
        picture = open_image(photo, side=THUMBNAIL)
    except InputError as error:
        return {"picture": None, "problem": _clean(str(error))}
    picture.thumbnail((THUMBNAIL, THUMBNAIL))
    jpeg = io.BytesIO()
    picture.save(jpeg, format="JPEG", quality=80)
    data = base64.b64encode(jpeg.getvalue()).decode("ascii")
    return {"picture": data, "width": picture.width, "height": picture.height}


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
