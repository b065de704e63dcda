"""What people type becomes a command's options; wrong calls end in a sentence and code 2."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lstm_apps import cli
from lstm_apps.cli import parser, registry
from tests.helpers import toy_commands
from tests.helpers.toy_commands import CALLS, Sizes, refused

pytestmark = pytest.mark.usefixtures("toys")


def played(*argv: str) -> dict[str, Any]:
    assert cli.main(["play", *argv]) == 0
    (call,) = CALLS
    return call


def test_defaults() -> None:
    assert played("hello") == {
        "text": "hello",
        "out": "a.svg",
        "kind": "plain",
        "slant": 0.0,
        "open_browser": False,
        "keep": True,
        "seed": None,
        "sizes": Sizes(),
    }


@pytest.mark.parametrize(
    "text",
    ["null", "true", "1e5", "[1, 2]", "{a", "a: b", "é ☃", "-5 °C", "-", "=", "--out of order", "a=b", "x\ny", " "],
)
def test_a_text_stays_as_it_is_typed(text: str) -> None:
    assert played(text)["text"] == text


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["-o", "b.svg", "hi"], {"out": "b.svg", "text": "hi"}),
        (["hi", "--out=b=c.svg"], {"out": "b=c.svg"}),
        (["hi", "--output", "b.svg"], {"out": "b.svg"}),
        (["hi", "--slant", "-0.25"], {"slant": -0.25}),
        (["--open-browser", "hi"], {"open_browser": True, "text": "hi"}),
        (["--open_browser", "hi"], {"open_browser": True, "text": "hi"}),
        (["hi", "--open-browser", "true", "--keep", "false"], {"open_browser": True, "keep": False}),
        (["hi", "--no-keep"], {"keep": False}),
        (["hi", "--seed", "7"], {"seed": 7}),
        (["--", "-x"], {"text": "-x"}),
        (["--", "--out"], {"text": "--out"}),
        (["--text", "-x"], {"text": "-x"}),
        (["hi", "--kind", "fancy"], {"kind": "fancy"}),
        (["hi", "--sizes.hidden_size", "9"], {"sizes": Sizes(hidden_size=9)}),
        (["hi", "--sizes.hidden-size=9"], {"sizes": Sizes(hidden_size=9)}),
    ],
)
def test_spellings(argv: list[str], expected: dict[str, Any]) -> None:
    assert played(*argv).items() >= expected.items()


def test_a_config_file_and_options_after_it(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("text: from the file\nslant: 2\nsizes: {rate: 3}\n")
    (tmp_path / "b.json").write_text('{"slant": 4}')
    files = ["--config", f"{tmp_path}/a.yaml", "--config", f"{tmp_path}/b.json"]
    call = played(*files, "--sizes.hidden_size", "8")
    assert call["text"] == "from the file"
    assert call["slant"] == 4.0
    assert call["sizes"] == Sizes(hidden_size=8, rate=3.0)


def test_a_preset_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    module = tmp_path / "task.py"
    module.touch()
    monkeypatch.setattr(toy_commands, "__file__", str(module))
    (tmp_path / "presets").mkdir()
    for name, size in {"base": 100, "tiny": 2, "small": 10}.items():
        (tmp_path / "presets" / f"{name}.yaml").write_text(f"model: {{hidden_size: {size}}}\n")
    assert cli.main(["train", "toy", "--config", "small", "--data", "d", "--model.rate", "1"]) == 0
    (call,) = CALLS
    assert call == {"data": "d", "model": Sizes(hidden_size=10, rate=1.0)}
    assert cli.main(["train", "toy", "--help"]) == 0
    assert "(presets: tiny, small, base)" in capsys.readouterr().out
    assert cli.main(["evaluate", "toy", "--help"]) == 0
    assert "presets" not in capsys.readouterr().out


@pytest.mark.parametrize("task", [name for name, task in registry.TASKS.items() if name != "toy" and task.presets])
def test_every_shipped_preset_is_accepted(task: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("lightning")
    command = registry.command("train", task)
    function = command.resolve()
    options, presets = parser.options_of(command, function), parser.presets_of(command, function)
    assert presets
    for preset in presets:
        argv = parser.normalized(options, ["--config", preset, "--data", "x"], presets=presets)
        train = parser.build_parser(command, function, "train")
        train.instantiate(train.parse_args(argv))


def test_every_task_has_a_tiny_and_a_base_preset() -> None:
    pytest.importorskip("lightning")
    for task in (task for name, task in registry.TASKS.items() if name != "toy" and task.presets):
        command = registry.command("train", task.name)
        presets = parser.presets_of(command, command.resolve())
        assert {"tiny", "base", *command.preset_aliases.values()} <= set(presets), task.name
        assert not presets.keys() & command.preset_aliases.keys()


def test_an_earlier_name_of_a_preset(capsys: pytest.CaptureFixture[str]) -> None:
    """It gives the same config, and the help does not show it."""
    pytest.importorskip("lightning")
    configs = []
    for name in ("encoder", "base"):
        assert cli.main(["train", "speech", "--config", name, "--data", "x", "--print-config"]) == 0
        configs.append(capsys.readouterr().out)
    assert configs[0] == configs[1]
    assert "tuned: 3" in configs[0]
    assert cli.main(["train", "speech", "--help"]) == 0
    assert "(presets: tiny, base, encoder-tuned, " in " ".join(capsys.readouterr().out.split())


def test_print_config_is_a_config_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["play", "hi", "--slant", "3", "--print-config"]) == 0
    (tmp_path / "c.yaml").write_text(capsys.readouterr().out)
    assert played("--config", f"{tmp_path}/c.yaml")["slant"] == 3.0


@pytest.mark.parametrize(
    ("argv", "part"),
    [
        (["pley"], "there is no command “pley”; did you mean “play”?"),
        (["zzz"], "there is no command “zzz”; there is demo, "),
        (["--verbose", "play"], "options come after a command"),
        (["train"], "train needs a task: captioning, video-captioning, speech, speech-lm, handwriting"),
        (["train", "handwritng"], "did you mean “handwriting”?"),
        (["evaluate", "zzz"], "there is no task “zzz”"),
        (["train", "toy"], "--data is missing (see lstm-models train toy --help)"),
        (["play"], "TEXT is missing"),
        (["play", "a", "b"], "b is not understood"),
        (["play", "a", "--otu", "b"], "--otu is not understood; is --out meant?"),
        (["play", "a", "--sizes.hiden_size", "3"], "is not understood"),
        (["play", "a", "--slant", "steep"], "--slant is steep; a number would be right"),
        (["play", "a", "--seed", "1.5"], "--seed is 1.5; a whole number would be right"),
        (["play", "a", "--sizes.hidden_size", "x"], "--sizes.hidden_size is x; a whole number would be right"),
        (["play", "a", "--sizes.hidden_size", "0"], "hidden_size must be at least 1"),
        (["play", "a", "--keep", "--out"], "--out needs a value"),
        (["play", "a", "--out", "--keep"], "--out needs a value"),
        (["play", "a", "--kind", "odd"], "--kind is odd; one of 'plain', 'fancy' would be right"),
        (["play", "a", "--config", "/nowhere/c.yaml"], "/nowhere/c.yaml"),
    ],
)
def test_wrong_calls(argv: list[str], part: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert part in refused(capsys, *argv)


def test_no_command_shows_the_help_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("usage: lstm-models COMMAND")


@pytest.mark.parametrize("content", ["text: [a", "txt: a", "\0", "- a", "3", "slant: steep\ntext: a"])
def test_wrong_config_files(content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "c.yaml").write_text(content)
    refused(capsys, "play", "--config", f"{tmp_path}/c.yaml")
