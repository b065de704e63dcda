"""Reads handwriting: what the pen strokes in JSON and SVG files say.

lstm-models read note.svg
lstm-models read notes/*.json --format json --out notes.jsonl
"""

from __future__ import annotations

from functools import partial
from typing import Any

from lstm_apps.cli.batch_files import check_kept, find, named_paths, note, standard_input, warn
from lstm_apps.cli.option import check_goes_with
from lstm_models.errors import InputError

__all__ = ["read"]

# What a folder is searched for
_SUFFIXES = frozenset({".json", ".svg"})


def read(
    paths: str | list[str] | None = None,
    format: str = "txt",
    out: str | None = None,
    alternatives: int = 3,
    lm: str = "on",
    beam: int | None = None,
    recursive: bool = False,
    model: str = "reader",
) -> None:
    """Reads what pen strokes in files say.

    A drawing that cannot be read is reported, and the rest goes on; the exit code is then 1.

    Args:
        paths: drawings (JSON such as {"strokes": [[[x, y], …], …]}, or SVG), and folders of them; - is standard input.
        format: txt, or json, a line a drawing with the confidence of each word and character and the next best texts.
        out: a file for what was read; the screen if missing, or -.
        alternatives: next best texts in json, at most.
        lm: on or off, or the name or folder of a language model.
        beam: texts followed at a time, 0 for the best path alone; more is slower and a little better.
        recursive: look for drawings in the folders of a folder too.
        model: a bundled model, a folder, or the id of one on the Hugging Face hub.
    """
    out = None if out == "-" else out
    if format not in ("txt", "json"):
        raise InputError(f"--format is {format}; txt or json would be right", usage=True)
    named = named_paths(paths, "PATHS is missing: name drawings (.json or .svg), or a folder of them")
    if alternatives < 0 or (beam is not None and beam < 0):
        raise InputError("--alternatives and --beam must be 0 or more", usage=True)
    check_goes_with("--format json", format == "json", read, alternatives=alternatives)
    from lstm_models.checkpoints import hub
    from lstm_models.io.atomic_write import check_writable, shown, write_whole
    from lstm_models.io.inputs import files_of
    from lstm_models.tasks.handwriting_reader.decoding import cased_words
    from lstm_models.tasks.handwriting_reader.model import HandwritingReader

    if out is not None:
        check_writable(out)
    drawings = partial(files_of, suffixes=_SUFFIXES, wanted="drawings (.json or .svg)")
    found = find(named, drawings, recursive)
    for sentence in found.failures.values():
        warn(sentence)
    sources, failures = found.sources, len(found.failures)
    if out is not None:
        check_kept("--out", [out], sources)
    reader = hub.load_as(HandwritingReader, model)
    words = cased_words(reader, {"on": True, "off": False}.get(lm, lm))
    several, lines = len(sources) + failures > 1, []
    for source in sources:
        try:
            ink: Any = standard_input("drawing") if source == "-" else source
            called = "standard input" if source == "-" else None
            reading = reader.read(ink, alternatives=alternatives, lm=words or False, beam=beam, name=called)
        except InputError as error:
            failures += 1
            warn(str(error))
            continue
        name = f"{shown(source)}: " if several else ""
        for sentence in reading.notes:
            note(f"{name}{sentence}")
        line = reading.json() if format == "json" else name + reading.text + "\n"
        lines.append(line)
        if out is None:
            print(line, end="", flush=True)
    if out is not None and lines:
        write_whole(out, "".join(lines))
        print(f"{shown(out)}: {len(lines)} read.")
    if failures:
        raise SystemExit(1)
