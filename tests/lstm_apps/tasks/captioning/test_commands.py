"""``lstm-models caption``: what it prints and writes, that a kill loses nothing, and one sentence for what goes wrong.

Run: python -m pytest tests/lstm_apps/tasks/captioning/test_commands.py"""

from __future__ import annotations

import dataclasses
import inspect
import io
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from PIL import Image

from lstm_apps.cli.resumable_jsonl import ResumableJsonl
from lstm_apps.tasks.captioning import commands
from lstm_models.checkpoints import hub
from lstm_models.errors import InputError
from lstm_models.tasks.captioning.decoding import CaptionOptions
from lstm_models.tasks.captioning.results import Caption
from lstm_models.tasks.handwriting.config import WriterConfig
from lstm_models.tasks.handwriting.model import HandwritingWriter
from tests.helpers.caption_runs import draw, records, run, sources


def test_options_are_those_of_the_library() -> None:
    ours = inspect.signature(commands.caption).parameters
    for field in dataclasses.fields(CaptionOptions):
        assert (ours[field.name].default or ()) == (field.default or ()), field.name


def test_help_brings_in_no_torch() -> None:
    code = (
        "import sys; from lstm_apps.cli import main; assert main(['caption', '--help']) == 0;"
        "assert not {'torch', 'numpy', 'PIL', 'rich', 'gradio'} & sys.modules.keys()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    assert "--max-words" in done.stdout


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (None, ()),
        ([], ()),
        ("dog", ("dog",)),
        (["dog", "red ball"], ("dog", "red ball")),
        ("dog, red ball", ("dog", "red ball")),
        (["dog,ball", "man"], ("dog", "ball", "man")),
        ("1,000", ("1,000",)),
        ("", ("",)),
    ],
)
def test_words(given: Any, words: tuple[str, ...]) -> None:
    assert commands.split_words(given) == words


class TestOnTheScreen:
    def test_one_photo_is_one_sentence(self, loaded, photos, capsys):
        code, out, err = run(capsys, "photos/1.png")
        best = loaded.caption("photos/1.png")
        assert best.uncertain  # a toy, which is sure of nothing
        note = f"lstm-models: the caption is uncertain ({100 * best.confidence:.0f} %): please check it.\n"
        assert (code, out, err) == (0, best.text + "\n", note)
        assert run(capsys, "photos/1.png", json=True)[2] == ""  # which has it as a field

    def test_a_caption_that_is_sure_needs_no_check(self, loaded, photos, capsys, monkeypatch):
        monkeypatch.setattr(Caption, "uncertain", property(lambda caption: False))
        assert run(capsys, "photos/1.png")[2] == ""

    def test_more_sentences_have_their_confidence(self, loaded, photos, capsys):
        code, out, _ = run(capsys, "photos/1.png", n_best=3)
        best = loaded.caption("photos/1.png", n_best=3)
        assert code == 0
        assert [line.split("  ")[-1] for line in out.splitlines()] == [
            best.text, *(other.text for other in best.alternatives),
        ]  # fmt: skip
        assert out.splitlines()[0].strip().startswith(f"{100 * best.confidence:.0f} %  ")

    def test_several_photos_are_named(self, loaded, photos, capsys):
        code, out, err = run(capsys, "photos/1.png", "photos/0.png", "photos/1.png")
        assert code == 0
        assert [line.split(":")[1].strip() for line in err.splitlines()] == ["photos/1.png", "photos/0.png"]
        assert out == "".join(f"{name}: {loaded.caption(name).text}\n" for name in ("photos/1.png", "photos/0.png"))

    def test_every_option_reaches_the_model(self, loaded, photos, capsys):
        options = {
            "beam": 6, "n_best": 2, "min_words": 4, "max_words": 7, "length_penalty": 0.2, "groups": 2,
            "diversity": 0.5, "include": "dog, red ball", "exclude": ["man"], "no_repeat": 2,
            "objects": False,
        }  # fmt: skip
        assert set(options) == {field.name for field in dataclasses.fields(CaptionOptions)}
        code, out, _ = run(capsys, "photos/2.png", json=True, **options)
        options |= {"include": ["dog", "red ball"]}
        (record,) = records(out)
        assert code == 0
        assert record["text"] == loaded.caption("photos/2.png", **options).text
        assert len(record["alternatives"]) == 1
        assert "dog" in record["text"].lower()
        assert "red ball" in record["text"].lower()

    def test_a_terminal_gets_colours_and_a_bar(self, loaded, photos, capsys, monkeypatch):
        monkeypatch.setenv("TERM", "xterm-256color")
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
        _, out, _ = run(capsys, "photos/1.png")
        assert loaded.caption("photos/1.png").text in out
        assert "\x1b[" in out
        assert "%" in out
        monkeypatch.setattr(sys.stdout, "isatty", lambda: False)
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
        _, out, err = run(capsys, "photos")
        assert len(records(out)) == 6
        assert "\x1b" not in out
        assert "6/6" in err
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
        _, out, err = run(capsys, "photos")  # lines and a bar on the same screen
        assert (len(records(out)), err) == (6, "")


class TestLines:
    def test_json_of_one_photo(self, loaded, photos, capsys):
        code, out, err = run(capsys, "photos/1.png", json=True, n_best=2)
        caption = loaded.caption("photos/1.png", n_best=2)
        assert (code, err) == (0, "")
        (record,) = records(out)
        assert {**record, **caption.as_dict(), "alternatives": []} == {**record, "alternatives": []}
        assert [other["text"] for other in record["alternatives"]] == [caption.alternatives[0].text]
        assert Caption.from_json(out).text == caption.text
        assert record["made"].keys() == {"model", "sha256", "n_best"}
        assert "attention" not in record["words"][0]

    def test_a_folder_is_json_lines(self, loaded, photos, capsys):
        code, out, err = run(capsys, "photos", batch=4)
        assert (code, err) == (0, "")
        assert [record["source"] for record in records(out)] == [f"photos/{number}.png" for number in range(6)]
        assert [record["text"] for record in records(out)] == [
            caption.text for caption in loaded.caption([f"photos/{number}.png" for number in range(6)])
        ]

    def test_the_batch_changes_nothing(self, loaded, photos, capsys):
        texts = [[record["text"] for record in records(run(capsys, "photos", batch=size)[1])] for size in (1, 4, 99)]
        assert texts[0] == texts[1] == texts[2]

    def test_folders_in_folders(self, loaded, photos, capsys):
        draw(photos / "more", 2)
        assert len(records(run(capsys, "photos")[1])) == 6
        assert len(records(run(capsys, "photos", recursive=True)[1])) == 8

    def test_a_photo_named_twice_is_described_once(self, loaded, photos, capsys):
        _, out, _ = run(capsys, "photos/3.png", "photos", "photos/3.png")
        assert [record["source"] for record in records(out)] == [
            f"photos/{number}.png" for number in (3, 0, 1, 2, 4, 5)
        ]

    @pytest.mark.parametrize("name", ["[1], {a: b}.png", "null", "é ☃ 😀.png", "a\nb.png", " .png", "a\u2028b.png"])
    def test_any_name(self, name, loaded, photos, capsys):
        (photos / "0.png").rename(photos / name)
        code, out, _ = run(capsys, f"photos/{name}", json=True)
        assert (code, records(out)[0]["source"]) == (0, f"photos/{name}")
        assert run(capsys, f"photos/{name}", out="c.jsonl")[0] == 0
        assert ", 1 done before" in run(capsys, f"photos/{name}", out="c.jsonl")[2]

    def test_a_name_that_is_not_text(self, loaded, photos, capsys):
        name = os.fsdecode(b"photos/\xff.png")
        try:
            os.rename("photos/0.png", name)
        except OSError:
            pytest.skip("this file system wants text for names")
        code, _, _ = run(capsys, "photos", out="c.jsonl", html="p.html", attention="looks")
        assert (code, len(sources(Path("c.jsonl"))), name in sources(Path("c.jsonl"))) == (0, 6, True)
        assert "6 done before" in run(capsys, "photos", out="c.jsonl")[2]
        assert Path(os.fsdecode(b"looks/\xff.attention.png")).is_file()
        code, out, _ = run(capsys, name, "photos/1.png")
        assert (code, out.startswith("photos/\ufffd.png: ")) == (0, True)


class TestOut:
    def test_lines_go_to_the_file(self, loaded, photos, capsys):
        code, out, err = run(capsys, "photos", out="c.jsonl")
        assert (code, out, err) == (0, "", "lstm-models: c.jsonl: 6 photos described.\n")
        assert Path("c.jsonl").read_text() == run(capsys, "photos")[1]
        assert sorted(os.listdir()) == ["c.jsonl", "photos"]

    def test_a_second_run_only_adds_what_is_new(self, loaded, photos, capsys, monkeypatch):
        run(capsys, "photos/1.png", "photos/4.png", out="c.jsonl")
        before = Path("c.jsonl").read_text()
        code, _, err = run(capsys, "photos", out="c.jsonl")
        assert (code, err) == (0, "lstm-models: c.jsonl: 4 photos described, 2 done before.\n")
        assert Path("c.jsonl").read_text().startswith(before)
        assert sorted(sources(Path("c.jsonl"))) == [f"photos/{number}.png" for number in range(6)]
        monkeypatch.setattr("lstm_models.io.images.open_image", lambda *_, **__: pytest.fail("nothing is to be opened"))
        assert "0 photos described, 6 done before" in run(capsys, "photos", out="c.jsonl")[2]

    def test_cut_anywhere_it_goes_on(self, loaded, photos, capsys):
        """As a kill in the middle of a write leaves it: what is whole stays, the rest is made again."""
        run(capsys, "photos", out="whole.jsonl")
        whole = Path("whole.jsonl").read_bytes()
        ends = [0, *(place + 1 for place, byte in enumerate(whole) if byte == ord("\n"))]
        steps = [*range(ends[2], ends[3] + 1, 41), ends[3] - 2, ends[3] - 1, ends[3]]
        for cut in steps:
            Path("cut.jsonl").write_bytes(whole[:cut])
            code, _, err = run(capsys, "photos", out="cut.jsonl")
            assert code == 0
            assert records(Path("cut.jsonl").read_text()) == records(whole.decode())
            # only the line's end missing: the caption is whole
            assert ("cut short" in err) == (cut not in ends and cut + 1 not in ends)

    def test_a_failure_is_kept_once_and_tried_again(self, loaded, photos, capsys):
        bad = photos / "2.png"
        good = bad.read_bytes()
        bad.write_bytes(b"")
        for _ in range(2):
            code, _, err = run(capsys, "photos", out="c.jsonl")
            assert code == 1
            assert "lstm-models: photos/2.png is empty" in err
            assert err.endswith("lstm-models: 1 of 6 could not be described.\n")
        kept = records(Path("c.jsonl").read_text())
        assert [record for record in kept if "error" in record] == [
            {"source": "photos/2.png", "error": "photos/2.png is empty: it has no bytes."}
        ]
        assert len(kept) == 6
        bad.write_bytes(good)
        assert run(capsys, "photos", out="c.jsonl")[0] == 0
        assert records(Path("c.jsonl").read_text())[:-1] == kept
        assert records(Path("c.jsonl").read_text())[-1]["text"] == loaded.caption(str(bad)).text
        assert "6 done before" in run(capsys, "photos", out="c.jsonl")[2]

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"beam": 3}, "another --beam"),
            ({"max_words": 4}, "another --max-words"),
            ({"include": "dog"}, "another --include"),
            ({"beam": 5, "n_best": 1, "include": [], "batch": 3}, None),
        ],
    )
    def test_other_options_are_noticed(self, options, message, loaded, photos, capsys):
        run(capsys, "photos/1.png", out="c.jsonl")
        before = Path("c.jsonl").read_bytes()
        code, out, err = run(capsys, "photos", out="c.jsonl", **options)
        if message is None:
            assert code == 0
            return
        assert (code, out) == (1, "")
        assert f"c.jsonl, line 1: it was made with {message}" in err
        assert Path("c.jsonl").read_bytes() == before

    def test_another_model_is_noticed(self, loaded, photos, capsys, monkeypatch, model):
        run(capsys, "photos/1.png", out="c.jsonl")
        other = hub.load(model)
        with torch.no_grad():
            other.bias[3] += 1e-3
        monkeypatch.setattr(hub, "load_as", lambda kind, name: other)
        code, _, err = run(capsys, "photos", out="c.jsonl")
        assert code == 1
        assert "another model made it" in err

    @pytest.mark.parametrize(
        "content",
        [
            "{ ",
            "my notes",
            '{"image": "1.png", "caption": "a dog"}\n',
            '{"image": "1.png"',
            '[]\n{"format": "lstm-mo',
            '{"source": "a"}\n',
            '{"format": "lstm-models caption", "version": 1, "source": "a", "text": "b", "words": [], "log_proba\n',
            '{"source": "a", "text": "b", "words": [], "log_probability": -1}\n',
            '{"source": "a", "text": "b", "words": [], "log_probability": -1, "made": 3}\n',
            "\n",
            "\0",
            b"\xff\xfe",
            "[" * 100_000 + "\n",
        ],
    )
    def test_a_file_of_something_else_is_left_alone(self, content, loaded, photos, capsys):
        content = content if isinstance(content, bytes) else content.encode()
        Path("c.jsonl").write_bytes(content)
        code, out, err = run(capsys, "photos", out="c.jsonl")
        assert (code, out) == (1, "")
        assert re.fullmatch(r"lstm-models: c\.jsonl, line 1: .*; nothing was changed, name another file\.\n", err)
        assert Path("c.jsonl").read_bytes() == content

    def test_damage_in_the_middle_gets_a_message_with_its_line(self, loaded, photos, capsys):
        run(capsys, "photos", out="c.jsonl")
        lines = Path("c.jsonl").read_bytes().splitlines(keepends=True)
        Path("c.jsonl").write_bytes(b"".join([*lines[:2], lines[2][:40] + b"\n", *lines[3:]]))
        assert "c.jsonl, line 3: " in run(capsys, "photos", out="c.jsonl")[2]

    def test_ctrl_c_keeps_what_is_done(self, loaded, photos, capsys, monkeypatch):
        calls = []
        real = loaded.caption

        def interrupted(images, **options):
            calls.append(images)
            if len(calls) == 3:
                signal.raise_signal(signal.SIGINT)
            return real(images, **options)

        monkeypatch.setattr(loaded, "caption", interrupted, raising=False)
        before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job of a shell ignores it
        try:
            code, out, err = run(capsys, "photos", out="c.jsonl", html="p.html", batch=2)
        finally:
            signal.signal(signal.SIGINT, before)
        assert (code, out) == (130, "")
        assert err == "lstm-models: c.jsonl has 4 photos; the same command goes on.\nlstm-models: stopped.\n"
        assert len(records(Path("c.jsonl").read_text())) == 4
        assert not Path("p.html").exists()
        code, _, err = run(capsys, "photos", out="c.jsonl", html="p.html", batch=2)
        assert (code, "2 photos described, 4 done before" in err) == (0, True)
        assert Path("p.html").read_text().count("<article") == 6

    def test_two_runs_at_once(self, loaded, photos, capsys):
        kind = {"to_json": str, "from_json": bytes.decode, "kind": "caption", "of": "photo"}
        with ResumableJsonl("c.jsonl", {"sha256": ""}, **kind):
            code, _, err = run(capsys, "photos", out="c.jsonl")
        assert (code, err) == (1, "lstm-models: c.jsonl: another run is writing to it.\n")

    def test_a_full_disk_leaves_whole_lines(self, loaded, photos, capsys):
        resource = pytest.importorskip("resource", reason="limits of POSIX")
        run(capsys, "photos/0.png", out="c.jsonl")
        before = Path("c.jsonl").read_bytes()
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) * 5 // 2, limits[1]))
        try:
            code, _, err = run(capsys, "photos", out="c.jsonl")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert code == 1
        assert "c.jsonl cannot be written" in err
        assert sources(Path("c.jsonl")) == ["photos/0.png", "photos/1.png"]
        assert run(capsys, "photos", out="c.jsonl")[0] == 0
        assert sources(Path("c.jsonl")) == [f"photos/{number}.png" for number in range(6)]


class TestWrong:
    @pytest.mark.parametrize(
        ("paths", "options", "code", "said"),
        [
            ([], {}, 2, "PATHS is missing"),
            (["gone.png"], {}, 1, "gone.png does not exist."),
            ([""], {}, 2, "The name of the picture is empty."),
            (["http://a.de/b.jpg"], {}, 1, "nothing is fetched from the network"),
            (["text.png"], {}, 1, "text.png is a text file"),
            (["empty"], {}, 1, "empty has no pictures"),
            (["photos/1.png"], {"include": "dgo"}, 2, "does not know the word “dgo”; it knows dog"),
            (["photos/1.png"], {"exclude": ["zebra"]}, 2, "does not know the word “zebra”"),
            (["photos/1.png"], {"exclude": "red ball"}, 2, "“red ball” is a phrase"),
            (["photos/1.png"], {"include": "dog", "exclude": "dog"}, 2, "“dog” cannot"),
            (["photos/1.png"], {"include": "red ball, dog", "max_words": 2}, 2, "3 tokens"),
            (["photos/1.png"], {"min_words": 9, "max_words": 4}, 2, "9 at least and 4 at most"),
            (["photos/1.png"], {"max_words": 1000}, 2, "at most 60 words"),
            (["photos/1.png"], {"beam": 0}, 2, "beam"),
            (["photos/1.png"], {"n_best": 9}, 2, "n_best is 9"),
            (["photos/1.png"], {"groups": 2, "beam": 5, "diversity": 1}, 2, "equal groups"),
            (["photos/1.png"], {"groups": 5}, 2, "--diversity"),
            (["photos/1.png"], {"diversity": 0.5}, 2, "--groups"),
            (["photos/1.png"], {"batch": 0}, 2, "batch must be 1 or more"),
            (["photos/1.png"], {"out": "none/c.jsonl"}, 1, "the folder none does not exist"),
            (["photos/1.png"], {"out": "photos/1.png"}, 2, "name a .jsonl file"),
            (["photos/1.png"], {"out": "folder.jsonl"}, 1, "folder.jsonl is a folder"),
            (["photos/1.png"], {"html": "folder.html"}, 1, "folder.html is a folder"),
            (["photos/1.png"], {"html": "photos"}, 2, "name a .html file"),
            (["photos/1.png"], {"attention": "text.png"}, 1, "text.png is no folder"),
            (["photos/1.png"], {"attention": "text.png/a"}, 1, "text.png/a cannot be made"),
            (["photos"], {"attention": "photos/../photos"}, 2, "would be taken for photos"),
            (["photos"], {"attention": "photos/new", "recursive": True}, 2, "would be taken for photos"),
        ],
    )  # fmt: skip
    def test_one_sentence_and_nothing_written(self, paths, options, code, said, loaded, photos, capsys, monkeypatch):
        for folder in ("empty", "folder.jsonl", "folder.html"):
            Path(folder).mkdir()
        Path("text.png").write_text("text")
        before = sorted(Path().rglob("*"))
        if paths == ["photos/1.png"]:  # the message about the options comes before a photo is opened
            monkeypatch.setattr("lstm_models.io.images.open_image", lambda *_, **__: pytest.fail("a photo was opened"))
        got, out, err = run(capsys, *paths, **options)
        assert got == code, err
        assert out == ""
        assert said in err
        assert err.count("\n") == 1
        assert sorted(Path().rglob("*")) == before

    def test_models_that_are_none(self, photos, capsys, tmp_path):
        writer = HandwritingWriter(WriterConfig(alphabet="ab ", hidden_size=8))
        hub.save(writer, tmp_path / "scribe", card="A test.")
        assert run(capsys, "photos/1.png", model="scribe") == (2, "", "lstm-models: scribe is not a captioner.\n")
        assert "there is no model" in run(capsys, "photos/1.png", model="captionner2")[2]

    def test_a_bad_file_among_good_ones(self, loaded, photos, capsys):
        (photos / "1.png").write_bytes((photos / "1.png").read_bytes()[:60])
        code, out, err = run(capsys, "photos")
        assert code == 1
        assert [list(record) for record in records(out)][1] == ["source", "error"]
        assert len(records(out)) == 6
        assert err.count("\n") == 2
        code, out, err = run(capsys, "photos/0.png", "photos/1.png", "photos/2.png")
        assert (code, out.count("\n"), err.count("\n")) == (1, 2, 4)
        assert err.count("the caption is uncertain") == 2
        code, out, err = run(capsys, "photos/1.png", json=True)
        assert (code, records(out)[0]["source"], err.count("\n")) == (1, "photos/1.png", 1)

    def test_a_photo_without_a_sentence_that_meets_the_options(self, loaded, photos, capsys, monkeypatch):
        real = loaded.caption

        def refusing(images, **options):
            several = isinstance(images, list)
            if any(image.getpixel((0, 0)) == bad for image in (images if several else [images])):
                raise InputError("no sentence was found", usage=True)
            return real(images, **options)

        bad = Image.open(photos / "3.png").getpixel((0, 0))
        monkeypatch.setattr(loaded, "caption", refusing, raising=False)
        code, out, _ = run(capsys, "photos")
        assert code == 1
        assert len([record for record in records(out) if "text" in record]) == 5
        assert records(out)[3] == {"source": "photos/3.png", "error": "photos/3.png: no sentence was found"}


def test_a_photo_from_standard_input(loaded, photos, capsys, monkeypatch) -> None:
    """One rule for all verbs: - is standard input, and --out - the screen."""
    _, told, noted = run(capsys, str(photos / "0.png"))
    content = (photos / "0.png").read_bytes()
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(content)))
    assert run(capsys, "-") == (0, told, noted)
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(content)))
    code, lines, _ = run(capsys, "-", out="-")
    assert (code, records(lines)[0]["text"]) == (0, told.strip())
    for content, sentence in ((b"", "standard input is empty"), (b"la la", "standard input is")):
        monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(content)))
        code, out, err = run(capsys, "-")
        assert (code, out) == (1, "")
        assert sentence in err
    code, _, err = run(capsys, "-", out="a.jsonl")
    assert (code, "standard input has no name" in err) == (2, True)
