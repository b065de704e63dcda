"""Puts marks and capitals into text that has none: files, subtitles, or what comes in.

lstm-models punctuate "hello how are you i am fine"
lstm-models punctuate notes.txt talk.srt --out punctuated/
cat transcript.txt | lstm-models punctuate - --json
"""

from __future__ import annotations

import os
from functools import cache

from lstm_apps.cli.batch_files import note
from lstm_apps.cli.text_files import kept_suffix, process_texts
from lstm_models.errors import InputError
from lstm_models.io.atomic_write import one_line

__all__ = ["punctuate"]

SUBTITLES = (".srt", ".vtt")
SUFFIXES = frozenset({".txt", *SUBTITLES})


def punctuate(
    paths: str | list[str] | None = None,
    out: str | None = None,
    json: bool = False,
    lowercase: bool = False,
    resume: bool = False,
    recursive: bool = False,
    model: str = "punctuator",
) -> None:
    """Puts marks and capitals into text that has none.

    A text stays as it is but for its marks and capitals; those that are there already are kept. Subtitles (.srt, .vtt)
    keep their times. A file that cannot be read is reported, and the rest goes on; the exit code is then 1.

    Args:
        paths: a text, files, folders of .txt, .srt and .vtt files, or - for standard input.
        out: a file for the result, or, of several files, a folder.
        json: print JSON, a text a line, with how sure each mark is.
        lowercase: leave the case as it is.
        resume: go on where the same command was stopped: files whose result is there, and is newer, are left out.
        recursive: look for files in the folders of a folder too.
        model: a bundled model, a folder, or the id of one on the Hugging Face hub.
    """
    if json and out is not None and out.lower().endswith(SUBTITLES):
        raise InputError("--json and --out with the name of subtitles do not go together", usage=True)
    from lstm_models.checkpoints import hub
    from lstm_models.tasks.punctuation.decoding import PunctuateOptions
    from lstm_models.tasks.punctuation.model import Punctuator

    options = PunctuateOptions(capitals=not lowercase)
    # With the first text
    loaded = cache(lambda: hub.load_as(Punctuator, model))

    def work(text: str, name: str) -> str:
        if os.path.splitext(name)[1].lower() in SUBTITLES:
            content = loaded().punctuate_subtitles(text, options)
            return one_line({"source": name, "text": content}) + "\n" if json else content
        found = loaded().punctuate(text, options)
        for sentence in found.notes:
            note(f"{name}: {sentence}" if name else sentence)
        return found.json(source=name) if json else found.text

    process_texts(
        paths,
        work,
        suffixes=SUFFIXES,
        out=out,
        suffix_of=lambda source: ".json" if json else kept_suffix(source, SUFFIXES),
        lines=json,
        resume=resume,
        recursive=recursive,
    )
