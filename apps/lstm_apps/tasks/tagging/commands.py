"""Finds parts of speech and names: in a text, in files, or in sentences of a treebank.

lstm-models tag "Angela visited Paris."
lstm-models tag notes.txt --format conllu --out notes.conllu
lstm-models tag sentences.conllu --format json
"""

from __future__ import annotations

from functools import cache

from lstm_apps.cli.batch_files import note
from lstm_apps.cli.text_files import process_texts
from lstm_models.errors import InputError

__all__ = ["tag"]

FORMATS = {"txt": ".txt", "conllu": ".conllu", "json": ".json"}
SUFFIXES = frozenset({".txt", ".conllu"})


def tag(
    paths: str | list[str] | None = None,
    format: str = "txt",
    json: bool = False,
    out: str | None = None,
    resume: bool = False,
    recursive: bool = False,
    model: str = "tagger",
) -> None:
    """Finds the part of speech of every word, and the names of people, places and organisations.

    A text is split into sentences and words; those of a .conllu file are taken as they are, and only its parts of
    speech and names are filled in. A file that cannot be read is reported, and the rest goes on; the exit code is
    then 1.

    Args:
        paths: a text, files, folders of .txt and .conllu files, or - for standard input.
        format: txt, a sentence a line, each word with its part of speech and names in brackets; conllu; or json, with
            how sure each label is.
        json: short for --format json.
        out: a file for the result, or, of several files, a folder.
        resume: go on where the same command was stopped: files whose result is there, and is newer, are left out.
        recursive: look for files in the folders of a folder too.
        model: a bundled model, a folder, or the id of one on the Hugging Face hub.
    """
    kind = "json" if json else format
    if kind not in FORMATS:
        raise InputError(f"--format is {format}; one of {', '.join(FORMATS)} would be right", usage=True)
    from lstm_models.checkpoints import hub
    from lstm_models.tasks.tagging.conllu import fill_conllu, read_conllu
    from lstm_models.tasks.tagging.model import Tagger

    # With the first text
    loaded = cache(lambda: hub.load_as(Tagger, model))

    def work(text: str, name: str) -> str:
        if name.lower().endswith(".conllu"):
            found = loaded().tag_sentences(read_conllu(text))
            filled = fill_conllu(text, found) if kind == "conllu" else None
        else:
            found, filled = loaded().tag(text), None
        for sentence in found.notes:
            note(f"{name}: {sentence}" if name else sentence)
        if kind == "json":
            return found.json(source=name)
        return filled or (found.conllu() if kind == "conllu" else found.txt())

    process_texts(
        paths,
        work,
        suffixes=SUFFIXES,
        out=out,
        suffix_of=lambda source: FORMATS[kind],
        lines=kind == "json",
        resume=resume,
        recursive=recursive,
    )
