"""The command line: options from signatures, what people type, and one sentence for everything that goes wrong."""

from __future__ import annotations

import errno
import inspect
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import docstring_parser
import pytest
import torch

import lstm_models
from lstm_apps import cli
from lstm_apps.cli import parser, registry
from lstm_models.checkpoints import hub
from lstm_models.errors import InputError

CALLS: list[dict[str, Any]] = []


@dataclass(frozen=True)
class Sizes:
    """Sizes of a toy.

    Attributes:
        hidden_size: cells of a layer.
        rate: how fast.
    """

    hidden_size: int = 4
    rate: float = 0.5

    def __post_init__(self) -> None:
        if self.hidden_size < 1:
            raise InputError("hidden_size must be at least 1")


def play(
    text: str,
    out: str = "a.svg",
    kind: Literal["plain", "fancy"] = "plain",
    slant: float = 0.0,
    open_browser: bool = False,
    keep: bool = True,
    seed: int | None = None,
    sizes: Sizes = Sizes(),
) -> None:
    """Play a text.

    Args:
        text: what to play.
        out: where to.
        kind: which way.
        slant: how steep.
        open_browser: show it at once.
        keep: keep it.
        seed: of the dice.
        sizes: how large.
    """
    CALLS.append(dict(locals()))


FAILURE: list[BaseException] = []


def fail() -> None:
    """Fail in the way of FAILURE."""
    raise FAILURE[0]


def train(data: str, model: Sizes = Sizes()) -> None:
    """Train a toy.

    Args:
        data: the data.
        model: how large.
    """
    CALLS.append({"data": data, "model": model})


@pytest.fixture(autouse=True)
def toys(monkeypatch: pytest.MonkeyPatch) -> None:
    CALLS.clear()
    FAILURE.clear()
    verbs = {
        "play": registry.Command(
            f"{__name__}:play", "play a text", positional=("text",), short={"out": "o"}, aliases={"output": "out"}
        ),
        "fail": registry.Command(f"{__name__}:fail", "fail"),
    }
    toy = registry.Task("toy", "a toy", f"{__name__}:train", f"{__name__}:train", verbs)
    monkeypatch.setitem(registry.TASKS, "toy", toy)
    monkeypatch.delenv("LSTM_MODELS_DEBUG", raising=False)


def played(*argv: str) -> dict[str, Any]:
    assert cli.main(["play", *argv]) == 0
    (call,) = CALLS
    return call


def refused(capsys: pytest.CaptureFixture[str], *argv: str, code: int = 2) -> str:
    """The one sentence on stderr; nothing on stdout, no traceback, no call."""
    assert cli.main(list(argv)) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("lstm-models: ")
    assert captured.err.count("\n") == 1
    assert not CALLS
    return captured.err


# --- help ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("argv", [["--help"], ["-h"], ["help"]])
def test_help_lists_every_verb_and_task(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(argv) == 0
    out = capsys.readouterr().out
    for name in ["demo", "write", "models", "export", "train TASK", "evaluate TASK", "handwriting", "play"]:
        assert f"\n  {name} " in out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"lstm-models {lstm_models.__version__}\n"


@pytest.mark.parametrize("verb", ["train", "evaluate"])
def test_help_of_a_verb_with_tasks(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([verb, "--help"]) == 0
    assert "\n  handwriting  " in capsys.readouterr().out


def test_help_explains_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["play", "--help"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("usage: lstm-models play TEXT [OPTIONS]\n")
    for part in ["--open-browser", "-o", "what to play", "where to", "which way", "show it at once", "of the dice"]:
        assert part in out
    assert "--sizes.hidden_size" in out
    assert "--output" not in out  # an alias works and is not shown
    assert "cells of a layer" in out


def command_names() -> list[tuple[str, str | None]]:
    names: list[tuple[str, str | None]] = [(verb, None) for verb in registry.verbs()]
    return names + [(verb, task) for verb in registry.PER_TASK for task in registry.TASKS]


@pytest.mark.parametrize(("verb", "task"), command_names())
def test_every_option_of_every_command_is_documented(verb: str, task: str | None) -> None:
    """Nothing in the table is a stub: the function is there, and its docstring explains each of its options."""
    pytest.importorskip("lightning")
    command = registry.command(verb, task)
    function = command.resolve()
    options = {option.name for option in parser.options_of(command, function).values()}
    text = re.sub(r"\s", "", parser.build_parser(command, function, verb).format_help())
    explained = {
        each.arg_name: each.description or "" for each in docstring_parser.parse(function.__doc__ or "").params
    }
    for name in inspect.signature(function).parameters:
        explanation = re.sub(r"\s", "", explained.get(name, "").rstrip("."))
        assert explanation, f"{verb} {task or ''}: --{name} is not explained"
        assert explanation in text
    assert set(command.positional) <= options


def test_help_and_models_import_no_torch() -> None:
    code = (
        "import sys; from lstm_apps.cli import main; codes = [main([verb]) for verb in ('--help', 'models')];"
        "assert codes[0] == 0; assert not {'torch', 'gradio', 'numpy', 'lightning'} & sys.modules.keys()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr


def test_as_a_module() -> None:
    command = [sys.executable, "-m", "lstm_apps", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert (done.returncode, done.stdout) == (0, f"lstm-models {lstm_models.__version__}\n")


# --- what people type ----------------------------------------------------------------------------------------------


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
    monkeypatch.setattr(sys.modules[__name__], "__file__", str(module))
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
    assert "tuned: 4" in configs[0]
    assert cli.main(["train", "speech", "--help"]) == 0
    assert "(presets: tiny, base, encoder-tuned, " in " ".join(capsys.readouterr().out.split())


def test_print_config_is_a_config_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["play", "hi", "--slant", "3", "--print-config"]) == 0
    (tmp_path / "c.yaml").write_text(capsys.readouterr().out)
    assert played("--config", f"{tmp_path}/c.yaml")["slant"] == 3.0


# --- wrong calls: exit code 2 --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("argv", "part"),
    [
        (["pley"], "there is no command “pley”; did you mean “play”?"),
        (["zzz"], "there is no command “zzz”; there is demo, "),
        (["--verbose", "play"], "options come after a command"),
        (["train"], "train needs a task: captioning, speech, speech-lm, handwriting"),
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


# --- what goes wrong while running ---------------------------------------------------------------------------------


class OutOfMemoryError(RuntimeError):
    """Named as torch names its own."""


def enclosing(error: BaseException, cause: BaseException) -> BaseException:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "code", "part"),
    [
        (InputError("the file a.json is damaged."), 1, "the file a.json is damaged."),
        (InputError("two\nlines", usage=True), 2, "two lines"),
        (KeyboardInterrupt(), 130, "stopped"),
        (
            OSError(errno.ENOSPC, "No space left on device", "/run/last.ckpt"),
            1,
            "no space left on the disk (writing /run",
        ),
        (OSError(errno.ENOSPC, "No space left on device"), 1, "no space left on the disk; make room"),
        (enclosing(RuntimeError("x"), OSError(errno.ENOSPC, "full")), 1, "no space left"),
        (RuntimeError("[enforce fail] PytorchStreamWriter failed writing file data/0"), 1, "the disk is full"),
        (PermissionError(errno.EACCES, "Permission denied", "/srv/a.svg"), 1, "/srv/a.svg: Permission denied."),
        (MemoryError(), 1, "out of memory"),
        (OutOfMemoryError("CUDA out of memory. Tried"), 1, "out of memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), 1, "out of memory"),
        (ModuleNotFoundError("No module named 'onnx'", name="onnx"), 1, "pip install 'lstm-models[export]'"),
        (ModuleNotFoundError("No module named 'lightning.x'", name="lightning.x"), 1, "lstm-models[train]"),
        (ModuleNotFoundError("No module named 'zzz'", name="zzz"), 1, "internal error: ModuleNotFoundError"),
        (ZeroDivisionError("division\nby zero"), 1, "internal error: ZeroDivisionError: division by zero; run again"),
        (AssertionError(), 1, "internal error: AssertionError:"),
    ],
)
def test_every_failure_is_one_sentence(
    error: BaseException, code: int, part: str, capsys: pytest.CaptureFixture[str]
) -> None:
    FAILURE.append(error)
    assert part in refused(capsys, "fail", code=code)


def test_debug_shows_the_traceback(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LSTM_MODELS_DEBUG", "1")
    FAILURE.append(ZeroDivisionError("oops"))
    assert cli.main(["fail"]) == 1
    err = capsys.readouterr().err
    assert "Traceback (most recent call last)" in err
    assert "raise FAILURE[0]" in err
    assert "internal error: ZeroDivisionError: oops" in err


def test_torch_really_reports_a_lack_of_memory(capsys: pytest.CaptureFixture[str]) -> None:
    """Torch's own error, not a text of ours: more memory than an address space has."""
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**46)
    FAILURE.append(caught.value)
    assert "out of memory" in refused(capsys, "fail", code=1)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_disk_for_real(tmp_path: Path) -> None:
    """stdout on a full disk."""
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "lstm_apps", "--help"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=240)
    assert done.returncode == 1
    assert "no space left on the disk" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(os.name != "posix", reason="pipes of POSIX")
def test_a_reader_that_ends_is_no_error() -> None:
    """`lstm-models --help | true`: no traceback, no sentence, the exit code of SIGPIPE."""
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "lstm_apps", "--help"]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, timeout=240)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


# --- models and export ---------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkpoint of a small writer, as if bundled."""
    torch.manual_seed(0)
    writer = lstm_models.HandwritingWriter(lstm_models.WriterConfig(alphabet="ab ", hidden_size=8))
    return hub.save(writer, tmp_path / "weights" / "scribe", card="# Scribe\n\nWrites a and b.\n\nMore.\n")


def test_models(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(hub, "WEIGHTS", folder.parent)
    assert cli.main(["models"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("scribe  ")
    assert out.rstrip().endswith("Writes a and b.")
    assert cli.main(["models", "scribe"]) == 0
    assert capsys.readouterr().out == "# Scribe\n\nWrites a and b.\n\nMore.\n"
    assert "did you mean “scribe”?" in refused(capsys, "models", "scrib")


def test_weights_are_counted_from_the_header(folder: Path) -> None:
    from lstm_apps.cli.models import weight_count

    model = hub.load(folder)
    assert weight_count(folder / "model.safetensors") == sum(value.numel() for value in model.state_dict().values())


def test_models_without_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr(hub, "WEIGHTS", tmp_path)
    assert "no bundled models" in refused(capsys, "models", code=1)


def test_export(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "mine"
    assert cli.main(["export", str(folder), "--to", str(target), "--no-half"]) == 0
    capsys.readouterr()
    assert (target / "README.md").read_text() == (folder / "README.md").read_text()
    ours, theirs = hub.load(target).state_dict(), hub.load(folder).state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    assert json.loads((target / "config.json").read_text())["model"] == "handwriting-writer"
    assert "is a file" in refused(capsys, "export", str(folder), "--to", str(folder / "config.json"))


@pytest.mark.parametrize("int8", [False, True])
def test_export_of_the_stack_as_onnx(int8: bool, folder: Path, tmp_path: Path, capsys: Any) -> None:
    """The file gives in onnxruntime what the model's own stack gives."""
    onnxruntime = pytest.importorskip("onnxruntime")
    target = tmp_path / "stack.onnx"
    assert cli.main(["export", str(folder), "--to", str(target), *(["--int8"] if int8 else [])]) == 0
    assert "“upper”" in capsys.readouterr().out
    stack = hub.load(folder).upper
    torch.manual_seed(1)
    x, state = torch.randn(2, 5, stack.input_size), stack.initial_state(2)
    with torch.no_grad():
        expected, _ = stack(x)
    session = onnxruntime.InferenceSession(str(target), providers=["CPUExecutionProvider"])
    lengths = torch.tensor([5, 5])
    feed = {"x": x.numpy(), "lengths": lengths.numpy(), "h": state.h.numpy(), "c": state.c.numpy()}
    output = torch.from_numpy(session.run(["output"], feed)[0])
    assert torch.allclose(output, expected, atol=0.05 if int8 else 1e-5)
    assert output.abs().max() > 0.05


def test_export_of_a_stack_that_is_not_there(folder: Path, tmp_path: Path, capsys: Any) -> None:
    to = ["--to", str(tmp_path / "stack.onnx")]
    assert "it has “upper”" in refused(capsys, "export", str(folder), *to, "--part", "lower")
    assert "end" in refused(capsys, "export", str(folder), "--to", str(tmp_path / "copy"), "--int8")
    flat = lstm_models.HandwritingWriter(lstm_models.WriterConfig(alphabet="ab ", hidden_size=8, layers=1))
    hub.save(flat, tmp_path / "flat", card="# Flat\n")
    assert "has no LSTM stack" in refused(capsys, "export", str(tmp_path / "flat"), *to)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["flat", "weights"]
