"""Translates texts, files and subtitles.

lstm-models translate "A dog runs through the grass."
lstm-models translate letter.txt talk.srt --out translated/
cat notes.txt | lstm-models translate - --glossary "dog=Köter" --json
"""

from __future__ import annotations

import os
from functools import cache

from lstm_apps.cli.batch_files import note
from lstm_apps.cli.option import check_goes_with
from lstm_apps.cli.text_files import kept_suffix, process_texts
from lstm_apps.cli.translators import bundled_translator
from lstm_models.errors import InputError
from lstm_models.io.atomic_write import one_line, shown

__all__ = ["read_glossary", "translate"]

SUBTITLES = (".srt", ".vtt")
SUFFIXES = frozenset({".txt", *SUBTITLES})
_MOST_BYTES = 2**20  # of a glossary


def translate(
    paths: str | list[str] | None = None,
    to: str | None = None,
    out: str | None = None,
    json: bool = False,
    n_best: int = 1,
    beam: int = 5,
    length_penalty: float = 1.0,
    coverage: float = 0.1,
    glossary: list[str] = [],  # noqa: B006 - never changed
    resume: bool = False,
    recursive: bool = False,
    model: str | None = None,
) -> None:
    """Translates English texts, files and subtitles.

    A text is split into sentences; what stands between them stays. Subtitles (.srt, .vtt) keep their times, and their
    lines are broken anew. A file that cannot be read is reported, and the rest goes on; the exit code is then 1.

    Args:
        paths: a text, files, folders of .txt, .srt and .vtt files, or - for standard input.
        to: the language to translate to, de or fr; de if missing. A --model has a language of its own.
        out: a file for the result, or, of several files, a folder.
        json: print JSON, a text a line: words with where they came from and how sure each is, alternatives, attention.
        n_best: translations of each sentence in the JSON.
        beam: translations followed at a time.
        length_penalty: 0 ranks translations by probability, which favours short ones, 1 by its mean over the pieces.
        coverage: what leaving out parts of the source costs.
        glossary: a term and its translation, "dog=Köter", or a file of them, a pair a line, set apart by a tab.
        resume: go on where the same command was stopped: files whose result is there, and is newer, are left out.
        recursive: look for files in the folders of a folder too.
        model: a bundled model, a folder, or the id of one on the Hugging Face hub.
    """
    if json and out is not None and out.lower().endswith(SUBTITLES):
        raise InputError("--json and --out with the name of subtitles do not go together", usage=True)
    check_goes_with("--json", json, translate, n_best=n_best)
    if to is not None and model:
        raise InputError("--to names a bundled translator, and --model another: give one of them", usage=True)
    from lstm_models.checkpoints import hub
    from lstm_models.tasks.translation.decoding import TranslateOptions
    from lstm_models.tasks.translation.model import Translator

    options = TranslateOptions(
        beam=beam,
        n_best=n_best,
        length_penalty=length_penalty,
        coverage=coverage,
        glossary=[pair for each in glossary for pair in read_glossary(each)],
    )
    # With the first text
    language = "de" if to is None else to
    loaded = cache(lambda: hub.load_as(Translator, model) if model else bundled_translator(language, "--to"))

    def work(text: str, name: str) -> str:
        if os.path.splitext(name)[1].lower() in SUBTITLES:
            content = loaded().translate_subtitles(text, options)
            return one_line({"name": name, "text": content}) + "\n" if json else content
        found = loaded().translate(text, options)
        for sentence in found.notes:
            note(f"{name}: {sentence}" if name else sentence)
        return found.json(name=name, attention=True) if json else found.text

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


def read_glossary(entry: str) -> list[tuple[str, str]]:
    """The terms of a glossary with their translations: of "dog=Köter", or of a file with a pair a line.

    Raises:
        InputError: it is neither, or a line of the file is not a pair.
    """
    from lstm_models.io.inputs import decode_text, opened

    source, equals, target = entry.partition("=")
    if equals and not os.path.exists(entry):
        return [(source, target)]
    if not os.path.lexists(entry) and not os.path.splitext(entry)[1] and os.sep not in entry:
        raise InputError(
            f"--glossary {shown(entry)} is not a pair of terms, such as dog=Köter, nor the name of a file", usage=True
        )
    with opened(entry, entry, "glossary", _MOST_BYTES) as file:
        try:
            lines = decode_text(file.read()).splitlines()
        except UnicodeDecodeError:
            raise InputError(f"{entry} is not UTF-8 text: save it in that encoding") from None
    pairs = []
    for number, line in enumerate(lines, 1):
        columns = line.split("\t")
        if line.strip() and len(columns) != 2:
            raise InputError(
                f"line {number} of {entry} is not a pair of terms: expected a term, a tab, its translation"
            )
        if line.strip():
            pairs.append((columns[0], columns[1]))
    return pairs
