"""The documentation is right: fenced blocks of README.md and docs/**/*.md are run or checked, and links lead somewhere.

A page's blocks go in order through one temporary folder, in which the files lie that the pages speak of (`furnish`):

- ``python`` is run, with the bundled weights; all blocks of a page share their names.
- ``sh`` line by line: ``lstm-models`` is parsed by the real command line, and run too if it is no `PARSED` one; of
  ``make``, ``pip``, ``python`` and ``docker`` the targets, extras, files and options are looked up; what else a line
  may call is in `NOT_RUN`, with the reason. Any other program fails the test.
- a block with a title, such as ``python title="numbers.py"``, is a file or command of docs/adding_a_task.md, which
  tests/test_new_task.py writes and runs.
- ``json`` and ``csv`` are read, ``text`` (or no kind) may name only files that exist, and any other kind fails.

Run: pytest tests/test_docs.py
"""

from __future__ import annotations

import csv
import functools
import glob
import io
import json
import re
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest
import soundfile
from markdown_it import MarkdownIt
from markdown_it.token import Token
from PIL import Image

from lstm_apps import cli
from lstm_apps.cli import registry
from lstm_models.checkpoints import hub
from tests.helpers import make_data, tiny_digits, tiny_films, tiny_images, tiny_photos

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]

PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
FOLDERS = ("docs", "benchmarks", "deploy", "lstm_models", "datasets", "apps", "tests")
LINKING = sorted([*ROOT.glob("*.md"), *(file for folder in FOLDERS for file in (ROOT / folder).rglob("*.md"))])

# Commands that are parsed, with all values checked, and not run.
PARSED = {
    "demo": "it serves until it is stopped; tests/lstm_apps/demo/test_interface.py runs it",
    "evaluate": "it takes minutes, and most need a data set; the tests of each task run it on tiny data",
    "synthesize": "it needs the engines of the extra synthesize; tests/lstm_apps/speech runs it",
}
PARSED_LINES = {
    "style notes/*.json": "the line above it fits the same lines, named one by one; fitting takes seconds",
}
# Training is parsed, and run where it says so: with these options after those of the page.
TRAINED = {
    "handwriting --init writer --data lines.jsonl": "--training.steps 1 --training.batch_frames 600",
    "speech-lm": "",
}
STAND_INS = {
    "captioning": "captioner",
    "speech": "recognizer",
    "handwriting": "writer",
    "handwriting-reader": "reader",
    "punctuation": "punctuator",
    "tagging": "tagger",
    "language-modeling": "language-model",
    "translation": "translator-en-de",
    "question-answering": "question-answerer",
    "video-captioning": "video-captioner",
    "video-prediction": "video-predictor",
    "image-generation": "image-generator",
}
# Programs that are not run, and why.
NOT_RUN = {
    "apt": "it would change the machine",
    "caddy": "it is no part of the project; tests/test_deploy.py asks it about deploy/Caddyfile where it is installed",
    "cp": "it copies files of the page's own to places outside",
    "curl": "it asks a server that is not running",
    "ffmpeg": "it is no part of the project; what it would send down the pipe is sent",
    "hf": "it would publish something",
    "nginx": "it is no part of the project; tests/test_deploy.py asks it about deploy/nginx.conf where it is installed",
    "sudo": "it would change the machine",
    "systemctl": "it would change the machine",
    "tensorboard": "it serves until it is stopped",
    "torchrun": "it starts processes; tests/lstm_apps/training/test_fitting.py trains on two",
}
MARKDOWN = MarkdownIt("commonmark").enable("table")


# What the pages say ---------------------------------------------------------------------------------------------------


def blocks(page: Path) -> list[tuple[str, int, str]]:
    """Kind, first line and text of each fenced or indented block."""
    tokens = MARKDOWN.parse(page.read_text("utf-8"))
    return [
        (token.info.strip(), (token.map or [0])[0] + 2, token.content)
        for token in tokens
        if token.type in ("fence", "code_block")
    ]


def inner(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from inner(token.children or [])


def commands(text: str) -> Iterator[tuple[list[str], str]]:
    """Each simple command of shell lines as its words, and the operator before it ("" at the start of a line)."""
    for line in text.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        operator, words = "", []
        for word in [*lexer, ";"]:
            if not set(word) <= set("|&;<>"):
                words.append(word)
                continue
            if words:
                yield words, operator
            operator, words = word, []


def furnish(folder: Path) -> None:
    """Make the small files that the pages speak of."""
    example = tiny_photos.jpeg(tiny_photos.photo("red", "ball", size=(160, 120)))
    for name in ("photo.jpg", "beach.jpg"):
        (folder / name).write_bytes(example)
    tiny_photos.folder(folder / "my_photos", 4)
    shutil.copytree(folder / "my_photos", folder / "photos")
    (folder / "photos" / "captions.csv").unlink()
    speech = ROOT / "apps" / "lstm_apps" / "tasks" / "speech" / "examples"
    sound, rate = soundfile.read(speech / "station.ogg", dtype="float32")
    talk = sound[: round(1.3 * rate)]  # “Good morning.”
    for name in ("talk.wav", "talk.flac", "talk.mp3", "poem.wav", "poem.flac", "talks/1.wav", "interviews/1/a.wav"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / name, talk, rate)
    (folder / "poem.txt").write_text("Good morning.", "utf-8")
    (folder / "letter.txt").write_text("Dear reader,\n\nthis is a letter.\n", "utf-8")
    (folder / "transcript.txt").write_text("hello how are you i am fine", "utf-8")
    (folder / "talk.srt").write_text("1\n00:00:01,000 --> 00:00:02,000\ngood morning\n", "utf-8")
    (folder / "sentences.conllu").write_text("1\tAnna\t" + "\t".join("_" * 8) + "\n\n", "utf-8")
    for name in ("reports.txt", "books.txt"):
        (folder / name).write_text("the report is ready\nthe train leaves at nine\n" * 30, "utf-8")
    for name in ("film.mp4", "films/1.mp4"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(tiny_films.video(tiny_films.square_frames(8), sound=True))
    tiny_digits.gif(folder / "digits.gif", tiny_digits.crossing(20))
    (folder / "frames").mkdir()
    for number, frame in enumerate(tiny_digits.crossing(12)):
        Image.fromarray(frame).save(folder / "frames" / f"{number}.png")
    tiny_images.half(folder / "half.png")
    make_data.handwriting(folder / "lines.jsonl", 12)
    lines = (folder / "lines.jsonl").read_text("utf-8").replace("hand-0", "me")
    (folder / "lines.jsonl").write_text(lines, "utf-8")
    drawing = hub.load("writer").write("a note", seed=2)
    drawing.save(folder / "note.svg")
    (folder / "notes").mkdir()
    for number, text in enumerate(("Dear reader,", "a line of mine"), 1):
        drawing = hub.load("writer").write(text, seed=number, style="ada")
        (folder / "notes" / f"{number}.json").write_text(drawing.json(), "utf-8")
        shutil.copy(folder / "notes" / f"{number}.json", folder / f"{('one', 'two')[number - 1]}.json")


@pytest.fixture(scope="session")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docs")
    furnish(folder)
    return folder


# How they are checked -------------------------------------------------------------------------------------------------


class Reader:
    """Goes through the commands of a page."""

    def __init__(self, where: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.where, self.monkeypatch, self.capsys = where, monkeypatch, capsys

    def check(self, text: str) -> None:
        """Run or look up every command of a ``sh`` block."""
        self.echoed = b""
        for words, operator in commands(text):
            if operator in ("<", ">", ">>"):
                continue  # the name of a file
            words = [word for word in words if not re.fullmatch(r"[A-Z_]+=\S*", word)] or ["true"]
            program, rest = words[0].removeprefix(".venv/bin/"), words[1:]
            check = getattr(self, f"check_{re.sub(r'[^a-z]', '_', program.rstrip('3'))}", None)
            if check is not None:
                check(rest, operator)
            else:
                assert program in (*NOT_RUN, "true"), f"{self.where}: nothing says what to do with {program}"

    def check_lstm_models(self, words: list[str], operator: str = "") -> None:
        told_twice = any(" ".join(words).startswith(line) for line in PARSED_LINES)
        words = [path for word in words for path in (sorted(glob.glob(word)) if "*" in word else [word])]
        self.parse(words)
        verb = " ".join(words[: 2 if words[0] in registry.PER_TASK else 1])
        if words[0] == "train":
            if "--print_config" in words:
                return
            extra = next((extra for start, extra in TRAINED.items() if " ".join(words[1:]).startswith(start)), None)
            if extra is None:
                self.stand_in(words)
                return
            small = shlex.split("--training.validate_every 1 --training.accelerator cpu --training.precision 32")
            words = words + shlex.split(extra) + (small if extra else [])
        elif words[0] in PARSED or told_twice or "--microphone" in words:
            return
        if operator == "|":
            sent = self.echoed or Path("talk.wav").read_bytes()
            self.monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(sent)))
        code = cli.main(words)
        output = self.capsys.readouterr()
        assert code == 0, f"{self.where}: lstm-models {shlex.join(words)} ended with {code}: {output.err}"
        assert verb == "write" or output.out or output.err or Path(words[-1]).exists()

    def parse(self, words: list[str], *, part: bool = False) -> None:
        """All that happens before the command's function is called; of a part of a line, what is missing is put in."""
        called = []

        def resolve(command: registry.Command) -> Callable[..., None]:
            function = real(command)

            @functools.wraps(function)
            def stub(**options: Any) -> None:
                called.append(options)

            return stub

        real = registry.Command.resolve
        with self.monkeypatch.context() as patch:
            patch.setattr(registry.Command, "resolve", resolve)
            code = cli.main(words)
            output = self.capsys.readouterr()
            if part and code == 2 and "missing" in output.err and words[0] not in registry.PER_TASK:
                code = cli.main([*words, *("x" for _ in registry.command(words[0]).positional)])
                output = self.capsys.readouterr()
        assert code == 0, f"{self.where}: lstm-models {shlex.join(words)}: {output.err}"
        assert called or "--help" in words or "--print_config" in words or words[0] == "--version"

    def stand_in(self, words: list[str]) -> None:
        """The model that training would have left, for the lines that follow: a bundled one of the task."""
        task, run = words[1], words[words.index("--run") + 1]
        shutil.rmtree(Path(run, "model"), ignore_errors=True)
        shutil.copytree(hub.WEIGHTS / STAND_INS[task], Path(run, "model"))

    def check_echo(self, words: list[str], operator: str = "") -> None:
        self.echoed = " ".join(words).encode()

    def check_make(self, words: list[str], operator: str = "") -> None:
        targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
        for word in words:
            assert word in targets or "=" in word, f"{self.where}: make has no target {word}"

    def check_pip(self, words: list[str], operator: str = "") -> None:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
        extras = project["optional-dependencies"]
        known = {re.split(r"[^\w-]", each)[0] for each in sum(extras.values(), project["dependencies"])}
        assert words[0] in ("install", "wheel"), f"{self.where}: pip {words[0]}?"
        skip = False
        for word in words[1:]:
            if skip or word.startswith("-"):  # an option, or the folder it names
                skip = word in ("--target", "--wheel-dir")
                continue
            match = re.fullmatch(r"(\.|lstm-models|[\w-]+)(?:\[([\w,]+)\])?", word)
            assert match, f"{self.where}: pip install {word}?"
            if match[1] in (".", "lstm-models"):
                for extra in (match[2] or "").split(",") if match[2] else ():
                    assert extra in extras, f"{self.where}: there is no extra {extra}"
            else:
                assert match[1] in known, f"{self.where}: {match[1]} is not among the project's dependencies"

    def check_python(self, words: list[str], operator: str = "") -> None:
        if words[0] == "-m":
            if words[1] == "lstm_apps":
                self.check_lstm_models(words[2:], operator)
                return
            if words[1] == "pip":
                self.check_pip(words[2:], operator)
                return
            if words[1] in ("venv", "pytest"):
                return
            path = f"{words[1].replace('.', '/')}.py"
            root = next((root for root in (".", "apps", "datasets") if (ROOT / root / path).is_file()), ".")
            words = [f"{root}/{path}", *words[2:]]
        file = ROOT / words[0]
        assert file.is_file(), f"{self.where}: there is no {words[0]}"
        source = file.read_text("utf-8")
        for word in words[1:]:
            if re.fullmatch(r"--[a-z-]+|[a-z0-9]+", word):
                assert word in source, f"{self.where}: {words[0]} knows no {word}"

    def check_docker(self, words: list[str], operator: str = "") -> None:
        """``docker build``, or ``docker run … lstm-models COMMAND``, whose command is looked at like any other."""
        assert words[0] in ("build", "run"), f"{self.where}: docker {words[0]}?"
        assert "lstm-models" in words, f"{self.where}: the image is called lstm-models"
        rest = words[words.index("lstm-models") + 1 :]
        if words[0] == "run" and rest:
            self.parse(rest)
        elif words[0] == "build":
            assert rest == ["."]
            assert (ROOT / "Dockerfile").is_file()


def check_text(text: str, where: str) -> None:
    """A block that shows the tree of the project names files that are there."""
    names = {path.name for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")}
    for name in re.findall(r"(?<![\w/])\w+\.py\b", text):
        assert name in names, f"{where}: there is no {name}"
    for path in re.findall(r"\b(?:lstm_models|datasets|apps|tests|benchmarks|docs)/(?:\w+/)*", text):
        assert (ROOT / path).is_dir(), f"{where}: there is no {path}"


def check_json(text: str, where: str) -> None:
    try:
        json.loads(text)
    except ValueError:
        for line in text.splitlines():
            json.loads(line)


def check_csv(text: str, where: str) -> None:
    rows = list(csv.reader(text.splitlines()))
    assert len(rows) > 1, f"{where}: no row"
    assert len({len(row) for row in rows}) == 1, f"{where}: rows of unequal length"


OTHERS: Mapping[str, Callable[[str, str], None]] = {
    "json": check_json,
    "csv": check_csv,
    "text": check_text,
    "": check_text,
}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_blocks_of(
    page: Path,
    furnished: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In order; a page without blocks passes."""
    shutil.copytree(furnished, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    names: dict[str, Any] = {"__name__": "page"}
    for kind, line, text in blocks(page):
        where = f"{page.name}:{line}"
        if ' title="' in kind:
            assert page.name == "adding_a_task.md", f"{where}: only a block of adding_a_task.md may have a title"
        elif kind == "python":
            exec(compile("\n" * (line - 1) + text, str(page), "exec"), names)
            capsys.readouterr()
        elif kind == "sh":
            Reader(where, monkeypatch, capsys).check(text)
        else:
            assert kind in OTHERS, f"{where}: a block of the kind “{kind}” is neither run nor checked"
            OTHERS[kind](text, where)


@pytest.mark.parametrize("page", LINKING, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_between_words(
    page: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Commands in `code` are parsed; a verb alone, or with a TASK or COMMAND that stands for any, must be known."""
    reader = Reader(page.name, monkeypatch, capsys)
    for token in inner(MARKDOWN.parse(page.read_text("utf-8"))):
        if token.type != "code_inline" or not re.match(r"(lstm-models|python|make) \S", token.content):
            continue
        for words, operator in commands(token.content):
            if words[0] != "lstm-models":
                if operator == "" and "…" not in words:
                    reader.check(shlex.join(words))
            elif words[1] == "COMMAND" or len(words) == 2 or (len(words) == 3 and words[1] in registry.PER_TASK):
                if words[1] in registry.PER_TASK:
                    assert words[2:] in ([], ["TASK"]) or registry.command(words[1], words[2])
                elif words[1] not in ("COMMAND", "--help", "--version"):
                    registry.command(words[1])
            elif "…" not in words:
                reader.parse(words[1:], part=True)


# Links ----------------------------------------------------------------------------------------------------------------


def targets(page: Path) -> list[str]:
    """Where the links and pictures of a page lead."""
    found = inner(MARKDOWN.parse(page.read_text("utf-8")))
    return [
        str(token.attrs.get("href") or token.attrs.get("src"))
        for token in found
        if token.type in ("link_open", "image")
    ]


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    tokens = MARKDOWN.parse(page.read_text("utf-8"))
    titles = [after.content for token, after in pairwise(tokens) if token.type == "heading_open"]
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", LINKING, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_of(page: Path) -> None:
    for target in targets(page):
        parts = urlsplit(target)
        if parts.scheme:
            assert parts.scheme in ("https", "http", "mailto"), f"{target} is no address"
            continue
        file = (page.parent / unquote(parts.path)).resolve() if parts.path else page
        assert file.exists(), f"{page.name} links to {target}, which is not there"
        assert file.is_relative_to(ROOT), f"{page.name} links to {target}, outside of the project"
        if parts.fragment:
            assert parts.fragment in anchors(file), f"{page.name} links to {target}, which has no such heading"


def test_every_page_can_be_found() -> None:
    """From README.md, or from a page that it leads to."""
    found, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        found.add(page)
        for target in targets(page):
            file = (page.parent / unquote(urlsplit(target).path)).resolve()
            if file.suffix == ".md" and file.is_file() and file not in found:
                waiting.append(file)
    assert set(PAGES) <= found


@pytest.mark.parametrize("page", sorted((ROOT / "docs" / "tasks").glob("*.md")), ids=lambda page: page.stem)
def test_pages_of_tasks_have_one_template(page: Path) -> None:
    sections = re.findall("^## (.+)$", page.read_text("utf-8"), re.MULTILINE)
    assert sections == ["What it does", "Use it", "How it works", "Data", "Train", "Results", "Limits"]


def test_this_test_sees_what_is_wrong(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    reader = Reader("here", monkeypatch, capsys)
    for wrong in (
        "lstm-models write hello --no-such-option 1",
        "lstm-models write hello --legibility much",
        "lstm-models train handwriting --config no-such-preset --data lines.jsonl --run x",
        "lstm-models nothing",
        "make nothing",
        "pip install 'lstm-models[nothing]'",
        "pip install no-such-package",
        "python benchmarks/nothing.py",
        "python -m benchmarks.backbone.speed --nothing",
        "docker run --rm lstm-models nothing",
        "rm -rf folder",
        "true && make nothing",
    ):
        with pytest.raises(AssertionError):
            reader.check(wrong)
    found = list(commands('a "b c" | d > e  # f\ng \\\n h'))
    assert found == [(["a", "b c"], ""), (["d"], "|"), (["e"], ">"), (["g", "h"], "")]


def test_sound_of_the_pages_is_speech(furnished: Path) -> None:
    """The talk that the pages transcribe is loud enough to be heard."""
    sound, _ = soundfile.read(furnished / "talk.wav")
    assert np.abs(sound).max() > 0.05
