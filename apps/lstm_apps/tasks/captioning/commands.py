"""Describes photos: one on the screen, a folder as JSON Lines, as a page of alt texts, or as where the model looked.

lstm-models caption photo.jpg
lstm-models caption photos/ --out captions.jsonl --html page.html
"""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import io
import os
import re
import sys
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

# No TYPE_CHECKING here: jsonargparse runs such blocks for the help, and that would import torch
import lstm_models
from lstm_apps.cli.batch_files import (
    FoundFiles,
    find,
    inside,
    named_paths,
    note,
    standard_input,
    targets,
    tracked,
    warn,
)
from lstm_apps.cli.option import unusual
from lstm_apps.cli.resumable_jsonl import ResumableJsonl
from lstm_apps.cli.translators import bundled_translator
from lstm_apps.tasks.video_captioning.commands import describe_films_among
from lstm_models.errors import InputError
from lstm_models.io.atomic_write import check_writable, shown, write_whole

__all__ = ["caption", "split_words"]

LINES = (".jsonl", ".ndjson")
PAGES = (".html", ".htm")
TABLES = (".csv",)


def caption(
    paths: str | list[str],
    json: bool = False,
    out: str | None = None,
    html: str | None = None,
    csv: str | None = None,
    xmp: str | None = None,
    attention: str | None = None,
    recursive: bool = False,
    beam: int = 5,
    n_best: int = 1,
    min_words: int = 1,
    max_words: int = 20,
    length_penalty: float = 0.7,
    groups: int = 1,
    diversity: float = 0.0,
    include: str | list[str] | None = None,
    exclude: str | list[str] | None = None,
    no_repeat: int = 3,
    objects: bool = True,
    batch: int = 16,
    language: str = "en",
    model: str = "captioner",
    format: str | None = None,
    transcript: bool = False,
    style: str | None = None,
    start: float | None = None,
    end: float | None = None,
) -> None:
    """Describes photos in a sentence each, and films scene by scene.

    Captions of named photos are printed, those of folders as JSON Lines, a photo a line. With --out the lines go to a
    file, and the same command goes on where it was stopped. A photo that cannot be opened is reported, and the rest
    goes on; the exit code is then 1. Films (.mp4, .webm, animated .gif and the like) are described with times; the
    last five options are for them, and of the others json, out, recursive, beam, n_best, max-words, length-penalty,
    objects and model.

    Args:
        paths: photos, and folders of photos; films, and folders of films; - is standard input.
        json: print JSON for named photos too, one object a line.
        out: a .jsonl file that lines are added to; photos that it already has are not described again. - prints JSON.
        html: an .html file for a page of alt texts, with thumbnails, where captions to check are flagged.
        csv: a .csv file for a table of all captions, their confidences and what was recognised.
        xmp: a folder for an XMP file a photo, NAME.xmp, with the caption as description and alt text; the folder of
            the photos themselves is right.
        attention: a folder for pictures of where the model looked at each word, NAME.attention.png a photo.
        recursive: look for photos in the folders of a folder too.
        beam: sentences followed at a time; more is slower and a little better, 1 is fastest.
        n_best: how many sentences to give for a photo, best first; at most beam.
        min_words: a sentence has at least so many words.
        max_words: and at most so many.
        length_penalty: 0 prefers short sentences, 1 longer ones.
        groups: parts of the beam that are to differ from each other, for more varied sentences; goes with diversity.
        diversity: how much they are to differ, such as 0.5.
        include: a word or phrase that must come, also a common thing the model never learnt, such as giraffe;
            several with commas, or the option several times.
        exclude: a word that must not; likewise.
        no_repeat: no so many words in a row come twice in a sentence; 0 allows it.
        objects: whether a caption names what an image classifier is sure of; false gives the captioner's own words.
        batch: photos described at once; fewer need less memory.
        language: of the sentences, de or fr by the bundled translators; words to include and to exclude are English.
        model: a bundled model, a folder, or the id of one on the Hugging Face hub.
        format: of films: vtt (WebVTT of descriptions), srt, json or txt; by the suffix of --out if missing, or txt.
        transcript: write down what is said in a film too, beside what is seen (vtt and json).
        style: of films: film says in few words what happens (as usual), photo describes as captions of photos do.
        start: of films: the second at which to begin. A folder of pictures is a film if one of these options is given.
        end: of films: the second at which to end.
    """
    named = named_paths(paths, "PATHS is missing: name photos, films, or a folder of them")
    shared = {"model": model, "out": out, "beam": beam, "n_best": n_best, "max_words": max_words,
              "length_penalty": length_penalty, "objects": objects}  # fmt: skip
    of_films = {"format": format, "transcript": transcript, "style": style, "start": start, "end": end}
    of_photos = unusual(
        caption, html=html, csv=csv, xmp=xmp, attention=attention, include=include, exclude=exclude, language=language,
        min_words=min_words, groups=groups, diversity=diversity, no_repeat=no_repeat, batch=batch,
    )  # fmt: skip
    if describe_films_among(named, recursive, json, of_films, of_photos, shared):
        return
    if batch < 1:
        raise InputError(f"batch must be 1 or more, not {batch}", usage=True)
    if (groups > 1) != (diversity > 0):
        raise InputError("--groups above 1 and --diversity above 0 go together; one does nothing alone", usage=True)
    if out == "-":
        json, out = True, None
    if "-" in named and (out or html or csv or xmp or attention):
        raise InputError("standard input has no name, which files about it need; save it as a photo", usage=True)
    _check_files(out, html, csv, attention, xmp)
    options: dict[str, Any] = {
        "beam": beam, "n_best": n_best, "min_words": min_words, "max_words": max_words,
        "length_penalty": length_penalty, "groups": groups, "diversity": diversity, "include": split_words(include),
        "exclude": split_words(exclude), "no_repeat": no_repeat, "objects": objects,
    }  # fmt: skip
    found = _find(named, recursive, attention)
    from lstm_models.checkpoints import hub
    from lstm_models.tasks.captioning.decoding import CaptionOptions

    captioner = hub.load_as(lstm_models.Captioner, model)
    translator = None if language == "en" else bundled_translator(language, "--language", "en")

    # Whether any caption can meet them, before a photo is opened for them
    captioner.search_options(CaptionOptions(**options))
    # What follows opens photos and writes files
    sheets = {} if attention is None else _sheets(attention, found.sources, found.root)
    as_json = json or found.folders
    journal: ResumableJsonl[Any] | None = None
    if as_json or any(each is not None for each in (out, html, csv, xmp)):
        from lstm_models.tasks.captioning.results import Caption

        journal = ResumableJsonl(
            out, _made(captioner, model, options, language), to_json=Caption.json, from_json=Caption.from_json,
            kind="caption", of="photo",
        )  # fmt: skip
    quiet = out is not None or (html is not None and found.folders and not json)
    with journal or contextlib.nullcontext():
        run = _Run(found, captioner, options, batch, journal, sheets, as_json=as_json, quiet=quiet)
        run.language, run.translator = language, translator
        if translator is not None:  # it has a say in which of them is the best
            run.options = options | {"n_best": beam}
        run.describe()
        if html is not None:
            run.write_page(html)
        if csv is not None:
            run.write_table(csv)
        if xmp is not None:
            run.write_xmp(xmp)
        run.finish(out, html)


# What is asked for ---------------------------------------------------------------------------------------------------


def _find(paths: Sequence[str], recursive: bool, attention: str | None) -> FoundFiles:
    from lstm_models.io.images import list_images

    for folder in filter(os.path.isdir, paths):
        if attention is not None and inside(attention, folder, recursive):
            raise InputError(
                f"--attention {shown(attention)}: its pictures would be taken for photos of {shown(folder)}; "
                "name a folder elsewhere",
                usage=True,
            )
    return find(paths, list_images, recursive)


def _check_files(out: str | None, html: str | None, csv: str | None, attention: str | None, xmp: str | None) -> None:
    for path, option, suffixes in ((out, "--out", LINES), (html, "--html", PAGES), (csv, "--csv", TABLES)):
        if path is None:
            continue
        if Path(path).suffix.lower() not in suffixes:
            what = {"--out": "JSON Lines", "--html": "a page", "--csv": "a table"}[option]
            raise InputError(f"{option} {shown(path)}: {what} would be written; name a {suffixes[0]} file", usage=True)
        check_writable(path)
    for folder, option, what in ((attention, "--attention", "picture"), (xmp, "--xmp", "file")):
        if folder is not None and (not folder or (os.path.lexists(folder) and not os.path.isdir(folder))):
            raise InputError(f"{option} {shown(folder)} is no folder; a {what} a photo is written into one")


def split_words(given: str | list[str] | None) -> tuple[str, ...]:
    """The words of a list, some of them with commas between; a comma between digits is part of a number."""
    texts = [given] if isinstance(given, str) else given or ()
    return tuple(word.strip() for text in texts for word in re.split(r",(?!\d)|(?<!\d),", text))


def _sheets(folder: str, sources: Sequence[str], root: str) -> dict[str, str]:
    """Where each photo's picture of attention goes: NAME.attention.png, in folders as the photos are. Makes them."""
    return targets(folder, sources, root, ".attention.png", "--attention")


def _made(captioner: lstm_models.Captioner, model: str, options: dict[str, Any], language: str) -> dict[str, Any]:
    """What a caption depends on besides its photo: the model, and the options that are not as usual."""
    digest = hashlib.sha256(repr(captioner.config).encode())
    for name, value in captioner.state_dict().items():
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().numpy())
    usual = {name: parameter.default for name, parameter in inspect.signature(caption).parameters.items()}
    plain = {name: list(value) or None if isinstance(value, tuple) else value for name, value in options.items()}
    unusual = {name: value for name, value in plain.items() if value != usual[name]}
    unusual |= {} if language == "en" else {"language": language}
    return {"model": Path(model).name, "sha256": digest.hexdigest()[:16], **unusual}


# What is done --------------------------------------------------------------------------------------------------------


class _Run:
    """Photos on their way to captions."""

    def __init__(
        self,
        found: FoundFiles,
        captioner: lstm_models.Captioner,
        options: dict[str, Any],
        batch: int,
        journal: ResumableJsonl[lstm_models.Caption] | None,
        sheets: dict[str, str],
        *,
        as_json: bool,
        quiet: bool,
    ) -> None:
        self.found, self.captioner, self.options, self.batch = found, captioner, options, batch
        self.journal, self.sheets, self.as_json, self.quiet = journal, sheets, as_json, quiet
        self.language = "en"
        self.translator: lstm_models.Translator | None = None
        self.n_best: int = options["n_best"]
        self.failures: dict[str, str] = {}
        done = journal.places if journal is not None else {}
        # A sheet that is missing is made, though its caption is known
        self.known = {source for source in found.sources if source in done}
        self.todo = [
            source
            for source in found.sources
            if source not in self.known or (sheets and not os.path.exists(sheets[source]))
        ]
        self.alone = len(found.sources) + len(found.failures) == 1
        self.described = 0

    def describe(self) -> None:
        """Every photo that has no caption yet."""
        for source, sentence in self.found.failures.items():
            self.fail(source, InputError(sentence))
        # With lines appearing on the same screen a bar would be torn to pieces
        bar = sys.stderr.isatty() and not self.alone and (self.quiet or not sys.stdout.isatty())
        try:
            with contextlib.closing(_opened(self.todo, self.batch, bar)) as groups:
                for group in groups:
                    for source, result, image in _described(self.captioner, group, self.options):
                        if isinstance(result, InputError):
                            self.fail(source, result)
                        else:
                            self.succeed(source, result, image)
        except KeyboardInterrupt:
            if self.journal is not None and self.journal.path is not None:
                note(f"{shown(self.journal.path)} has {_photos(len(self.journal.places))}; the same command goes on.")
            raise

    def succeed(self, source: str, caption: lstm_models.Caption, image: Any) -> None:
        if self.translator is not None:
            caption = caption.translated(self.translator, n_best=self.n_best)
        if source in self.sheets:  # before the line: a photo with a line is done
            caption.save_attention(image, self.sheets[source])
        if source in self.known:
            return
        self.described += 1
        line = ""
        if self.journal is not None:
            line = self.journal.add(source, caption)
        if self.quiet:
            return
        if self.as_json:
            print(line, end="", flush=True)
        else:
            print_caption(caption, None if self.alone else source)

    def fail(self, source: str, error: InputError) -> None:
        if self.journal is not None:
            line = self.journal.add_failure(source, str(error))
            if self.as_json and not self.quiet:
                print(line, end="", flush=True)
        if self.alone:
            raise error
        self.failures[source] = str(error)
        warn(str(error))

    def write_page(self, path: str) -> None:
        """The page of all captions, those of earlier runs too."""
        from lstm_apps.tasks.captioning.alt_text_page import write_alt_text_page

        journal = self.journal
        assert journal is not None
        there = [source for source in self.found.sources if source in journal.places]
        bar = sys.stderr.isatty() and len(there) > 1
        with contextlib.closing(tracked(there, len(there), "page", bar)) as sources:
            captions = ((source, journal.read(source)) for source in sources)
            write_alt_text_page(path, captions, self.failures.items(), root=self.found.root, language=self.language)

    def _captions(self) -> Iterator[tuple[str, lstm_models.Caption]]:
        """Every photo that has a caption, those of earlier runs too."""
        journal = self.journal
        assert journal is not None
        yield from ((source, journal.read(source)) for source in self.found.sources if source in journal.places)

    def write_table(self, path: str) -> None:
        """A table of all captions, as spreadsheets read it: UTF-8 with a mark, a comma between."""
        from csv import writer

        table = io.StringIO()
        rows = writer(table)
        rows.writerow(["photo", "caption", "confidence", "uncertain", "recognised"])
        for source, caption in self._captions():
            sure = "" if caption.confidence is None else f"{caption.confidence:.4f}"
            seen = "; ".join(one.name for one in caption.objects)
            # A spreadsheet takes a cell that begins so for a formula
            name = f"'{source}" if source[:1] in "=+-@" else source
            rows.writerow([name, caption.text, sure, str(caption.uncertain).lower(), seen])
        write_whole(path, "\ufeff" + table.getvalue())
        note(f"{shown(path)} is written.")

    def write_xmp(self, folder: str) -> None:
        """An XMP file for each photo that has a caption; those of other programs are left as they are."""
        files = targets(folder, self.found.sources, self.found.root, ".xmp", "--xmp")
        written = 0
        for source, caption in self._captions():
            if _is_of_another_program(files[source]):
                warn(f"{shown(files[source])} is of another program and was left as it is; name another folder.")
                continue
            write_whole(files[source], caption.xmp())
            written += 1
        note(f"{shown(folder)} has XMP files of {_photos(written)}.")

    def finish(self, out: str | None, html: str | None) -> None:
        """Say what was done, and raise InputError where a photo failed."""
        if out is not None:
            before = f", {len(self.known)} done before" if self.known else ""
            note(f"{shown(out)}: {_photos(self.described)} described{before}.")
        if html is not None:
            note(f"{shown(html)} is written.")
        if self.failures:
            total = len(self.found.sources) + len(self.found.failures)
            raise InputError(f"{len(self.failures)} of {total} could not be described.")


Opened = tuple[str, Any]  # a photo, and its picture or the InputError


def _opened(sources: Sequence[str], batch: int, bar: bool) -> Generator[list[Opened], None, None]:
    """The photos in batches, the next one opened while the model looks at this one."""
    groups = [sources[first : first + batch] for first in range(0, len(sources), batch)]
    with ThreadPoolExecutor(1) as pool:
        waiting = [pool.submit(_open, group) for group in groups[:1]]
        for number, _ in enumerate(tracked(groups, len(sources), "captions", bar, len), 1):
            now = waiting.pop()
            waiting += [pool.submit(_open, group) for group in groups[number : number + 1]]
            yield now.result()


def _open(sources: Sequence[str]) -> list[Opened]:
    from lstm_models.io.images import open_image

    opened: list[Opened] = []
    for source in sources:
        notes: list[str] = []
        try:
            if source == "-":
                opened.append((source, open_image(standard_input("photo"), name="standard input", notes=notes)))
            else:
                opened.append((source, open_image(source, notes=notes)))
        except InputError as error:
            opened.append((source, error))
        for sentence in notes:
            note(sentence)
    return opened


def _described(
    captioner: lstm_models.Captioner, group: Sequence[Opened], options: dict[str, Any]
) -> Iterator[tuple[str, lstm_models.Caption | InputError, Any]]:
    """Each photo of a batch with its caption, or with what is wrong with it."""
    from dataclasses import replace

    images = [image for _, image in group if not isinstance(image, InputError)]
    captions: list[lstm_models.Caption | InputError] = []
    try:
        captions += captioner.caption(images, **options) if images else []
    except InputError:  # of one of them: no sentence was found that meets the options
        for one in images:
            try:
                captions.append(captioner.caption(one, **options))
            except InputError as error:
                captions.append(error)
    rest = iter(captions)
    for source, image in group:
        result = image if isinstance(image, InputError) else next(rest)
        if not isinstance(result, InputError):
            yield source, replace(result, source=source), image
        elif result is image:
            yield source, result, image
        else:
            yield source, InputError(f"{shown(source)}: {result}", usage=result.usage), image


def _is_of_another_program(path: str) -> bool:
    """Whether an XMP file is there that this one did not write: it may hold a person's ratings and edits."""
    from lstm_models.tasks.captioning.results import XMP_MARK

    try:
        with open(path, "rb") as file:
            return XMP_MARK.encode() not in file.read(2**20)
    except OSError:
        return False


def print_caption(caption: lstm_models.Caption, source: str | None) -> None:
    """Print a caption and its alternatives for people; in colours on a terminal."""
    every = (caption, *caption.alternatives)
    name = "" if source is None else f"{shown(source)}: "
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.text import Text

        lines = []
        for one in every:
            check = ("  please check", "yellow") if one.uncertain else ""
            lines.append(Text.assemble((name, "cyan"), one.text, (f"  {_percent(one)}", "dim"), check))
        Console().print(*lines, sep="\n", soft_wrap=True)
    elif len(every) == 1:
        print(f"{name}{caption.text}", flush=True)
    else:
        print(*(f"{name}{_percent(one):>5}  {one.text}" for one in every), sep="\n", flush=True)
    if caption.uncertain and not sys.stdout.isatty():  # on a terminal it stands beside the sentence
        note(f"{name}the caption is uncertain ({_percent(caption)}): please check it.")


def _percent(caption: lstm_models.Caption) -> str:
    return "" if caption.confidence is None else f"{100 * caption.confidence:.0f} %"


def _photos(count: int) -> str:
    return "1 photo" if count == 1 else f"{count:,} photos"
