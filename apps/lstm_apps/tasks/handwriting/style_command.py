"""Fits a style to lines somebody wrote, for ``lstm-models write --style``.

lstm-models style one.json two.svg --text "what the first says" --text "what the second says" -o mine.style.json
lstm-models style notes/*.json -o mine.style.json      # each with its text inside, or in a .txt file beside it
lstm-models write "Dear reader," --style mine.style.json
"""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

from lstm_apps.cli.batch_files import check_kept
from lstm_apps.cli.progress import bar
from lstm_models.errors import InputError

__all__ = ["style"]

_MOST_BYTES = 100_000  # of a text; a line has below 100


def style(
    paths: list[str] | None = None,
    text: list[str] | None = None,
    out: str = "own.style.json",
    name: str | None = None,
    reader: str = "reader",
    model: str = "writer",
) -> None:
    """Fits a style to one or a few lines of somebody's handwriting.

    Strokes that do not say the text are refused, with what they seem to say.

    Args:
        paths: drawings of one to three lines (JSON such as {"strokes": [[[x, y], …], …], "text": "…"}, or SVG).
        text: what the drawings say, given once for each; in their JSON, or in .txt files beside them, if missing.
        out: a file ending in .json for the style.
        name: what the style is called; the name of the file if missing.
        reader: the model that checks whether the strokes say the text; empty for no check.
        model: the writer that the style is for: a bundled model, a folder, or an id on the Hugging Face hub.
    """
    from lstm_models.checkpoints import hub
    from lstm_models.io.atomic_write import check_writable, shown
    from lstm_models.tasks.handwriting.model import HandwritingWriter
    from lstm_models.tasks.handwriting_reader.model import HandwritingReader

    if not paths:
        raise InputError("PATHS is missing: name drawings (.json or .svg) of one to three lines", usage=True)
    if text and len(text) != len(paths):
        raise InputError(
            f"--text is given {len(text)} times for {len(paths)} drawings; give it once for each", usage=True
        )
    target = Path(out)
    if target.suffix.lower() != ".json":
        raise InputError(f"--out is {shown(out)}; a name that ends in .style.json would be right", usage=True)
    check_writable(target)
    check_kept("--out", [target], paths)
    lines = list(zip(paths, text or [_text_of(path) for path in paths], strict=True))
    writer = hub.load_as(HandwritingWriter, model)
    checking = hub.load_as(HandwritingReader, reader) if reader else None
    called = name if name is not None else shown(target.name.removesuffix(".json").removesuffix(".style")) or "own"
    with bar("fitting", counted=False) as progress:
        fitted = writer.fit_style(lines, name=called, reader=checking, progress=progress)
    fitted.save(target)
    print(f'{shown(out)} (“{fitted.name}”); write with it: lstm-models write "…" --style {shown(out)}')


def _text_of(path: str) -> str:
    """What a drawing says: in the .txt file beside it, or else in itself.

    Raises:
        InputError: neither is there, or the .txt file is no text.
    """
    from lstm_models.io.atomic_write import shown
    from lstm_models.io.inputs import decode_text

    beside = Path(path).with_suffix(".txt")
    try:
        with open(beside, "rb") as file:
            return decode_text(file.read(_MOST_BYTES))
    except UnicodeDecodeError:
        raise InputError(f"{shown(beside)} is no text in UTF-8") from None
    except (OSError, ValueError):
        pass
    with contextlib.suppress(OSError, ValueError, RecursionError):  # what is wrong with the drawing is said later
        read = json.loads(Path(path).read_bytes()) if path.lower().endswith(".json") and Path(path).is_file() else None
        if isinstance(read, dict) and isinstance(read.get("text"), str) and read["text"].strip():
            return str(read["text"])
    if not Path(path).exists():
        raise InputError(f"{shown(path)} does not exist.")
    raise InputError(
        f"{shown(path)} has no text: say with --text what is written, or in {shown(beside.name)} beside it"
    )
