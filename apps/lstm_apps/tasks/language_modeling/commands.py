"""Scores and completes texts.

lstm-models score "The cat sat on the mat."
lstm-models score letter.txt --adapt true --json
lstm-models complete "Once upon a" --n-best 5
lstm-models complete story.txt --sample true --words 100 --seed 1
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from lstm_apps.cli.batch_files import note
from lstm_apps.cli.option import check_goes_with
from lstm_apps.cli.text_files import process_texts
from lstm_models.errors import InputError
from lstm_models.io.atomic_write import one_line, shown

if TYPE_CHECKING:
    from lstm_models.tasks.language_modeling.model import LanguageModel

__all__ = ["complete", "score"]

FORMATS = {"txt": ".txt", "tsv": ".tsv", "json": ".json"}
SUFFIXES = frozenset({".txt"})


def score(
    paths: str | list[str] | None = None,
    format: str = "txt",
    json: bool = False,
    adapt: bool = False,
    candidates: int = 0,
    unlikely: float = 1e-4,
    out: str | None = None,
    resume: bool = False,
    recursive: bool = False,
    model: str = "language-model",
) -> None:
    """Says how probable a text is, word for word, and marks its unlikely words.

    Logarithms are natural. A file that cannot be read is reported, and the rest goes on; the exit code is then 1.

    Args:
        paths: a text, files, folders of .txt files, or - for standard input.
        format: txt, a line of figures and the text with its unlikely words between asterisks; tsv, a word and its log
            probability a line; or json, with everything.
        json: short for --format json.
        adapt: learn from each text while it is read.
        candidates: with --json, so many of the most probable tokens for each word.
        unlikely: words that are less probable are marked.
        out: a file for the result, or, of several files, a folder.
        resume: go on where the same command was stopped: files whose result is there, and is newer, are left out.
        recursive: look for files in the folders of a folder too.
        model: a bundled model, a folder, or the id of one on the Hugging Face hub.
    """
    kind = "json" if json else format
    if kind not in FORMATS:
        raise InputError(f"--format is {format}; one of {', '.join(FORMATS)} would be right", usage=True)
    check_goes_with("--json", kind == "json", score, candidates=candidates)

    def work(text: str, name: str) -> str:
        found = _loaded(model).score(text, adapt=adapt, candidates=candidates, unlikely=unlikely)
        for sentence in found.notes:
            note(f"{shown(name)}: {sentence}" if name else sentence)
        if kind == "json":
            return found.json(source=name)
        return found.tsv() if kind == "tsv" else found.txt()

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


def complete(
    paths: str | list[str] | None = None,
    n_best: int = 3,
    words: int = 5,
    beam: int = 8,
    sample: bool = False,
    temperature: float = 0.8,
    top_p: float = 1.0,
    seed: int | None = None,
    adapt: bool = False,
    json: bool = False,
    out: str | None = None,
    resume: bool = False,
    recursive: bool = False,
    model: str = "language-model",
) -> None:
    """Says how a text goes on: the most probable ways, the best first, or with --sample one that is drawn.

    A file that cannot be read is reported, and the rest goes on; the exit code is then 1.

    Args:
        paths: a text, files, folders of .txt files, or - for standard input; line breaks at its end are left out.
        n_best: completions wanted.
        words: words of a completion.
        beam: live hypotheses of the search.
        sample: draw one way on instead of searching for the most probable ones.
        temperature: with --sample, below 1 more usual texts, above 1 more varied ones.
        top_p: with --sample, draw from the most probable pieces that make up this probability.
        seed: with --sample, the same seed gives the same text.
        adapt: learn from the text first.
        json: a line of JSON a text, with the log probabilities.
        out: a file for the result, or, of several files, a folder.
        resume: go on where the same command was stopped: files whose result is there, and is newer, are left out.
        recursive: look for files in the folders of a folder too.
        model: a bundled model, a folder, or the id of one on the Hugging Face hub.
    """
    check_goes_with("--sample", sample, complete, temperature=temperature, top_p=top_p, seed=seed)
    check_goes_with("the search, without --sample", not sample, complete, n_best=n_best, beam=beam)

    def work(text: str, name: str) -> str:
        prompt, loaded = text.rstrip("\r\n"), _loaded(model)
        if sample:
            found = [loaded.sample(prompt, words, temperature, seed, top_p=top_p, adapt=adapt)]
        else:
            found = loaded.complete(prompt, n_best=n_best, words=words, beam=beam, adapt=adapt)
        if json:
            about = {"format": "lstm-models completions", "version": 1} | ({"source": name} if name else {})
            return one_line({**about, "prompt": prompt, "completions": [each.as_dict() for each in found]}) + "\n"
        if sample:
            return f"{prompt}{found[0].text}\n"
        return "".join(each.text.replace("\n", " ") + "\n" for each in found)

    process_texts(
        paths,
        work,
        suffixes=SUFFIXES,
        out=out,
        suffix_of=lambda source: ".json" if json else ".txt",
        lines=json,
        resume=resume,
        recursive=recursive,
    )


@cache
def _loaded(model: str) -> LanguageModel:
    from lstm_models.checkpoints import hub
    from lstm_models.tasks.language_modeling.model import LanguageModel

    return hub.load_as(LanguageModel, model)
