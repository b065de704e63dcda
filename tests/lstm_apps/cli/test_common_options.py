"""Options that every command takes, and the completion of commands.

Run: python -m pytest tests/lstm_apps/cli/test_common_options.py
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from lstm_apps import cli
from lstm_apps.cli import batch_files, common_options, registry
from lstm_apps.cli.common_options import take_common_options
from lstm_models.checkpoints import hub
from lstm_models.errors import InputError


@pytest.fixture(autouse=True)
def as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(hub, "_default_device", "cpu")
    monkeypatch.setenv("LSTM_MODELS_DEBUG", "")
    yield
    common_options.set_quiet(False)


def test_they_are_taken_from_among_the_others() -> None:
    assert take_common_options(["a.jpg", "-q", "--device", "cpu", "--json"], set()) == ["a.jpg", "--json"]
    assert common_options.is_quiet()
    assert take_common_options(["a.jpg", "--device=cpu"], set()) == ["a.jpg"]
    assert not common_options.is_quiet()  # of this call
    assert take_common_options(["--", "-q"], set()) == ["--", "-q"]
    assert take_common_options(["-v"], {"-v"}) == ["-v"]  # the command's own comes first
    assert take_common_options(["--device", "x"], set(), device=False) == ["--device", "x"]


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["--device"], "--device needs a value"),
        (["--device", "abacus"], "there is no device 'abacus' here; there is cpu"),
        (["-q", "-v"], "--quiet and --verbose do not go together"),
    ],
)
def test_what_goes_wrong(argv: list[str], told: str) -> None:
    with pytest.raises(InputError, match=told) as error:
        take_common_options(argv, set())
    assert error.value.exit_code == 2


def test_quiet_leaves_out_notes_and_keeps_errors(capsys: pytest.CaptureFixture[str]) -> None:
    for quiet, told in ((False, "lstm-models: a.\nlstm-models: b.\n"), (True, "lstm-models: b.\n")):
        common_options.set_quiet(quiet)
        batch_files.note("a")
        batch_files.warn("b")
        assert capsys.readouterr().err == told
    assert cli.main(["read", "nowhere.json", "-q"]) == 1
    assert "nowhere.json does not exist" in capsys.readouterr().err


def test_verbose_shows_the_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["models", "nothing", "-v"]) == 2
    assert "Traceback" in capsys.readouterr().err
    assert os.environ["LSTM_MODELS_DEBUG"] == "1"


def test_the_help_has_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["read", "--help"]) == 0
    assert "--device DEVICE" in (told := capsys.readouterr().out)
    assert "-q, --quiet" in told
    assert cli.main(["models", "--help"]) == 0
    assert "--device" not in capsys.readouterr().out


def test_a_script_completes_commands_and_options(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("shtab")
    pytest.importorskip("lightning")
    assert cli.main(["completion", "bash"]) == 0
    script = capsys.readouterr().out
    for verb in registry.verbs():
        assert verb in script
    for option in ("--n-best", "--hotword", "--candidates"):
        assert option in script
    if bash := shutil.which("bash"):
        assert subprocess.run([bash, "-n"], input=script, text=True).returncode == 0
