"""What goes wrong in a training run: full disks, losses that are no numbers, folders that hold another run."""

from __future__ import annotations

import errno
import math
import os
import resource
import subprocess

import filelock
import pytest
import torch
from torch import nn

from lstm_apps.training.checkpointing import Stopped, WholeFiles
from lstm_apps.training.config import TrainingConfig
from lstm_models.errors import InputError
from tests.helpers import toy_training
from tests.helpers.toy_training import last


def fails_to_save(monkeypatch, error: BaseException) -> None:
    def save(checkpoint, file) -> None:
        file.write(b"half")
        raise error

    monkeypatch.setattr(torch, "save", save)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "the disk is full"),
        (OSError(errno.EDQUOT, "Quota exceeded"), "the disk is full"),
        (OSError(errno.EIO, "Input/output error"), "Input/output error"),
        (RuntimeError("PytorchStreamWriter failed writing file data/0: file write failed"), "the disk is full"),
    ],
    ids=["full", "quota", "broken", "torch"],
)
def test_failing_checkpoint_leaves_the_old_one(error, said, tmp_path, monkeypatch):
    with pytest.raises(Stopped):
        toy_training.train(tmp_path, toy_training.stopping(2))
    before = (tmp_path / "checkpoints" / "last.ckpt").read_bytes()
    fails_to_save(monkeypatch, error)
    with pytest.raises(InputError, match=f"last.ckpt could not be written: {said}; the last one is kept") as caught:
        toy_training.train(tmp_path, resume=True, checkpoint_minutes=0)
    assert caught.value.exit_code == 1
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["last.ckpt"]
    assert (tmp_path / "checkpoints" / "last.ckpt").read_bytes() == before


def test_first_checkpoint_that_fails(tmp_path, monkeypatch):
    fails_to_save(monkeypatch, OSError(errno.ENOSPC, ""))
    with pytest.raises(InputError, match=r"the disk is full; make room and run it again$"):
        toy_training.train(tmp_path, checkpoint_minutes=0)
    assert list((tmp_path / "checkpoints").iterdir()) == []


def test_other_errors_of_saving_are_not_taken_for_a_full_disk(tmp_path, monkeypatch):
    fails_to_save(monkeypatch, RuntimeError("storage of another device"))
    with pytest.raises(RuntimeError, match="storage of another device"):
        WholeFiles().save_checkpoint({}, tmp_path / "last.ckpt")
    assert list(tmp_path.iterdir()) == []


def test_file_that_grows_too_large_for_the_system(tmp_path):
    """A write that the system itself refuses, in the middle of the file."""
    path, files = tmp_path / "last.ckpt", WholeFiles()
    files.save_checkpoint({"old": torch.zeros(3)}, path)
    before, limits = path.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(InputError, match="could not be written"):
            files.save_checkpoint({"new": torch.zeros(200_000)}, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_full_disk(tmp_path):
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(tmp_path)]
    if not hasattr(os, "geteuid") or os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("needs the right to mount a small file system")
    try:
        path, files = tmp_path / "last.ckpt", WholeFiles()
        files.save_checkpoint({"old": torch.zeros(3)}, path)
        before = path.read_bytes()
        with pytest.raises(InputError, match="the disk is full; the last one is kept"):
            files.save_checkpoint({"new": torch.zeros(200_000)}, path)
        assert path.read_bytes() == before
        assert list(tmp_path.iterdir()) == [path]
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


def test_loss_that_is_no_number(tmp_path):
    model = toy_training.Model()

    def on_step(step: int) -> None:
        if step == 3:
            model.factor = math.nan

    model.on_step = on_step
    with pytest.raises(
        InputError, match="the loss is no longer finite at step 2: start anew, or --resume, with a lower"
    ):
        toy_training.train(tmp_path, model, checkpoint_minutes=0)
    assert last(tmp_path)["global_step"] == 2


def test_weights_that_are_no_numbers_are_not_kept(tmp_path):
    model = toy_training.Model()

    def on_step(step: int) -> None:
        if step == 3:  # a finite loss with a gradient that is not
            model.a.weight.register_hook(lambda gradient: gradient * math.inf)

    model.on_step = on_step
    with pytest.raises(InputError, match="the weights are no longer finite at step 3"):
        toy_training.train(tmp_path, model, checkpoint_minutes=0)
    assert torch.isfinite(last(tmp_path)["state_dict"]["model.a.weight"]).all()


def test_run_folder_that_holds_a_run(whole):
    before = (whole[0] / "checkpoints" / "last.ckpt").read_bytes()
    with pytest.raises(InputError, match="holds a run already: add --resume to go on with it") as error:
        toy_training.train(whole[0])
    assert error.value.exit_code == 1
    assert (whole[0] / "checkpoints" / "last.ckpt").read_bytes() == before


def test_a_run_folder_that_another_training_writes_into(tmp_path):
    """The lock is the system's: it is held here as another process would."""
    (tmp_path / "checkpoints").mkdir()
    with (
        filelock.FileLock(tmp_path / "checkpoints" / ".lock"),
        pytest.raises(InputError, match=r"another training is writing into .*: wait for it, or name another folder"),
    ):
        toy_training.train(tmp_path)
    assert not (tmp_path / "checkpoints" / "last.ckpt").exists()


def test_nothing_to_resume(tmp_path):
    with pytest.raises(InputError, match=r"there is no run to resume in .*: last.ckpt is missing"):
        toy_training.train(tmp_path / "run", resume=True)
    assert not (tmp_path / "run").exists()


def test_resuming_with_another_model_or_a_damaged_file(whole, tmp_path):
    with pytest.raises(Stopped):
        toy_training.train(tmp_path, toy_training.stopping(2))
    wider = toy_training.Model()
    wider.b = nn.Linear(4, 2, bias=False)
    settings = (tmp_path / "config.json").read_bytes()
    with pytest.raises(InputError, match="the run's checkpoint is of another model"):
        toy_training.train(tmp_path, wider, resume=True, steps=12)
    assert (tmp_path / "config.json").read_bytes() == settings  # still that of the checkpoint
    saved = tmp_path / "checkpoints" / "last.ckpt"
    saved.write_bytes(saved.read_bytes()[:300])
    with pytest.raises(InputError, match=r"last\.ckpt is damaged or no checkpoint"):
        toy_training.train(tmp_path, resume=True)


def test_checkpoints_are_never_run_as_code(tmp_path):
    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "made"),)

    torch.save({"state_dict": Evil()}, tmp_path / "last.ckpt")
    with pytest.raises(InputError, match="is damaged or no checkpoint"):
        WholeFiles().load_checkpoint(tmp_path / "last.ckpt")
    assert not (tmp_path / "made").exists()


def test_sequence_longer_than_a_batch(tmp_path):
    with pytest.raises(InputError, match=r"longest sequence has 8 frames: training.batch_frames must be .* 8") as error:
        toy_training.train(tmp_path / "run", batch_frames=7)
    assert error.value.exit_code == 2
    with pytest.raises(InputError, match=r"8 frames on each of 3 devices: .* at least 24"):
        toy_training.train(tmp_path / "run", batch_frames=23, devices=3)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("steps", 0), ("batch_frames", -1), ("validate_every", 0), ("devices", 0), ("nodes", 0), ("warmup", -1),
        ("weight_decay", -0.1), ("clip", math.nan), ("checkpoint_minutes", -1), ("patience", -1), ("workers", -1),
        ("learning_rate", 0), ("learning_rate", math.inf), ("ema", 1.0), ("ema", -0.1), ("seed", -1),
        ("precision", "16"), ("precision", "fp8"),
    ],
)  # fmt: skip
def test_settings_out_of_range(field, value):
    with pytest.raises(InputError, match=rf"training\.{field} must") as error:
        TrainingConfig(**{field: value})
    assert error.value.exit_code == 2


@pytest.mark.parametrize("accelerator", ["abacus", "tpu"])
def test_accelerator_that_is_not_there(accelerator, tmp_path):
    with pytest.raises(InputError, match="training cannot start"):
        toy_training.train(tmp_path, accelerator=accelerator)


def test_run_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"the run's folder .*file/run cannot be written: Not a directory"):
        toy_training.train(tmp_path / "file" / "run")


def test_errors_of_the_model_are_not_hidden(tmp_path):
    def on_step(step: int) -> None:
        raise ZeroDivisionError("a mistake in the model")

    with pytest.raises(ZeroDivisionError, match="a mistake in the model"):
        toy_training.train(tmp_path, toy_training.Model(on_step=on_step))
