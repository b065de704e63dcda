"""``lstm-models style``: a style from drawings and their texts, and what it says when there is none."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from lstm_apps import cli
from lstm_models.checkpoints import hub
from lstm_models.tasks.handwriting.styles import Style
from tests.helpers.tiny_writer import make


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> str:
    return str(hub.save(make(), tmp_path_factory.mktemp("models") / "model", card="A test."))


@pytest.fixture
def drawings(tmp_path) -> list[str]:
    """Two lines, the text of the first beside it, that of the second in it."""
    steps = np.arange(80)
    strokes = [np.stack([3.0 * steps, 20.0 * (steps % 2)], 1).tolist()]
    (tmp_path / "one.json").write_text(json.dumps({"strokes": strokes}))
    (tmp_path / "one.txt").write_text("some words here\n")
    (tmp_path / "two.json").write_text(json.dumps({"strokes": strokes, "text": "and more"}))
    return [str(tmp_path / "one.json"), str(tmp_path / "two.json")]


def run(capsys, *arguments: str) -> tuple[int, str, str]:
    code = cli.main(list(arguments))
    out, err = capsys.readouterr()
    return code, out.strip(), err.strip()


def test_from_drawings_to_a_letter(drawings, model, tmp_path, capsys):
    path = tmp_path / "me.style.json"
    code, out, err = run(capsys, "style", *drawings, "--model", model, "--reader", "", "-o", str(path))
    assert (code, err) == (0, "")
    assert out.startswith(f"{path} (“me”)")
    style = Style.load(path)
    assert (style.name, style.facts["lines"], style.facts["characters"]) == ("me", 2, 23)
    letter = tmp_path / "letter.json"
    code, _, err = run(capsys, "write", "abc", "--style", str(path), "--model", model, "--seed", "1", "-o", str(letter))
    assert (code, err) == (0, "")
    assert json.loads(letter.read_text())["style"] == "me"


def test_texts_that_are_given_win(drawings, model, tmp_path, capsys):
    path = tmp_path / "me.json"
    options = ["--text", "other words", "--text", "and even more", "--name", "My hand"]
    code, _, err = run(capsys, "style", *drawings, *options, "--model", model, "--reader", "", "-o", str(path))
    assert (code, err) == (0, "")
    assert Style.load(path).facts["characters"] == 24
    assert Style.load(path).name == "My hand"


def test_mixtures_on_the_command_line(model, tmp_path, capsys):
    drawn = {}
    for mixture in ("10001", "10002", "10001+10002", "10001:0+10002:1"):
        path = tmp_path / "letter.json"
        assert run(capsys, "write", "abc", "--style", mixture, "--model", model, "--seed", "1", "-o", str(path))[0] == 0
        read = json.loads(path.read_text())
        assert read["style"] == mixture
        drawn[mixture] = json.dumps(read["strokes"])
    assert drawn["10002"] == drawn["10001:0+10002:1"]
    assert drawn["10001+10002"] not in (drawn["10001"], drawn["10002"])
    code, out, err = run(capsys, "write", "abc", "--style", "10001+steep", "--model", model)
    assert (code, out) == (2, "")
    assert "there is no style “steep”" in err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 2, "PATHS is missing"),
        (["one.json", "--text", "a", "--text", "b"], 2, "--text is given 2 times for 1 drawings"),
        (["one.json", "-o", "me.txt"], 2, "--out is me.txt; a name that ends in .style.json would be right"),
        (["two.json", "-o", "two.json"], 2, "--out two.json is one of the files that are read"),
        (["one.json", "-o", "nowhere/me.json"], 1, "the folder nowhere does not exist"),
        (["none.json"], 1, "none.json does not exist"),
        (["bare.json"], 1, "bare.json has no text: say with --text what is written, or in bare.txt beside it"),
        (["odd.json"], 1, "odd.txt is no text in UTF-8"),
        (["empty.json", "--text", "some words"], 1, "empty.json has no strokes"),
        (["one.json", "--text", "   "], 1, "one.json has no text"),
        (["one.json", "--reader", "words"], 2, "words is not a handwriting reader"),
        (["one.json", "--model", "reader"], 2, "reader is not a handwriting writer"),
    ],
)
def test_what_cannot_be_done(arguments, code, said, drawings, model, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("bare.json").write_text('{"strokes": [[[0, 0], [1, 1]]]}')
    Path("odd.json").write_text('{"strokes": [[[0, 0], [1, 1]]]}')
    Path("odd.txt").write_bytes(b"\xff\xfe\xff")
    Path("empty.json").write_text('{"strokes": []}')
    before = sorted(each.name for each in tmp_path.iterdir())
    given = arguments if "--model" in arguments else [*arguments, "--model", model]
    found, out, err = run(capsys, "style", *given)
    assert (found, out) == (code, "")
    assert said in err
    assert err.count("\n") == 0
    assert sorted(each.name for each in tmp_path.iterdir()) == before


def test_scribbles_get_a_message_with_what_they_seem_to_say(drawings, model, tmp_path, capsys):
    code, out, err = run(capsys, "style", drawings[0], "--model", model, "-o", str(tmp_path / "me.json"))
    assert (code, out) == (1, "")
    assert f"The strokes of {drawings[0]} do not say “some words here” " in err
    assert not (tmp_path / "me.json").exists()
