"""Checkpoints of a training run: when they are taken, that they are whole, and how a run is stopped.

``RunCheckpoints`` takes every checkpoint between two steps (after the validation that belongs to the step, if one
does), so that a resumed run repeats nothing and skips nothing. Ctrl-C and SIGTERM wait for that moment, too.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer, callbacks
from lightning.pytorch.plugins.io import TorchCheckpointIO

from lstm_models.errors import InputError

__all__ = ["REMEDY", "RunCheckpoints", "Stopped", "WholeFiles"]

REMEDY = "start anew, or --resume, with a lower --training.learning_rate"

_DUE = 1  # below every signal's number


class Stopped(InputError):
    """The run was stopped by a signal and can be resumed; the exit code is the one a shell gives that signal."""

    def __init__(self, message: str, number: int) -> None:
        super().__init__(message)
        self.number = number

    @property
    def exit_code(self) -> int:
        """130 for Ctrl-C, 143 for SIGTERM."""
        return 128 + self.number


class WholeFiles(TorchCheckpointIO):
    """Checkpoints appear under their name only once they are whole, and are read as data, not as code."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        path = Path(path)
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(part, "wb") as file:
                torch.save(checkpoint, file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, path)
        except (OSError, RuntimeError) as error:
            if not isinstance(error, OSError) and not re.search("write|StreamWriter|inline_container", str(error)):
                raise
            # torch reports a failed write as RuntimeError, without the reason; the disk being full is the usual one
            number = error.errno if isinstance(error, OSError) and error.errno else errno.ENOSPC
            reason = "the disk is full" if number in (errno.ENOSPC, errno.EDQUOT) else os.strerror(number)
            advice = "make room and run it again"
            if path.with_name("last.ckpt").exists():
                advice = "the last one is kept: make room and run it again with --resume"
            raise InputError(f"the checkpoint {path} could not be written: {reason}; {advice}") from None
        finally:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)

    def load_checkpoint(self, path: Any, map_location: Any = None, weights_only: bool | None = None) -> dict[str, Any]:
        try:
            state: dict[str, Any] = torch.load(path, map_location=map_location, weights_only=True)
            return state
        except Exception:
            raise InputError(f"{path} is damaged or no checkpoint of a training run") from None


class RunCheckpoints(callbacks.Checkpoint):
    """Keeps ``last.ckpt``, to resume from, and ``best.ckpt``, the weights that validated best, in a folder.

    ``last.ckpt`` is written every ``minutes``, at the end, when training stops early, and on Ctrl-C or SIGTERM, which
    end the run with ``Stopped`` after the step at hand; a second Ctrl-C, a second later, ends it at once.

    Args:
        folder: of the checkpoints.
        minutes: between two of them.
        steps: of the run.
        validate_every: steps between two validations; there is one more at the end.
        improved: whether the validation that has just ended was the best.
        start: called once the run starts from nothing or from its checkpoint.
    """

    def __init__(
        self,
        folder: Path,
        minutes: float,
        steps: int,
        validate_every: int,
        improved: Callable[[], bool],
        start: Callable[[], None],
    ) -> None:
        self.last, self.best = folder / "last.ckpt", folder / "best.ckpt"
        self.seconds, self.steps, self.validate_every = minutes * 60, steps, validate_every
        self.improved, self.start = improved, start
        self.received, self.received_at = 0, 0.0  # by which signal, and when
        self.reason = 0  # what the devices agreed on before the validation that is running
        self.saved = time.monotonic()
        self.process = os.getpid()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.received = signal.SIGTERM if trainer.received_sigterm else 0
        self.saved = time.monotonic()
        if threading.current_thread() is threading.main_thread():  # the trainer puts back what was there before
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, self._on_signal)
        self.start()

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        self.reason = self._agree(trainer)
        if trainer.global_step >= self.steps:
            trainer.should_stop = True  # has the last step validated, too
        elif trainer.global_step % self.validate_every:
            self._keep(trainer, self.reason)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self.improved():
            self._save(trainer, self.best)
        if trainer.should_stop:  # the end, or no progress any more
            self._save(trainer, self.last)
        else:
            self._keep(trainer, max(self.reason, self._agree(trainer)))

    def _agree(self, trainer: Trainer) -> int:
        """A signal's number, ``_DUE`` or 0; the same on every device."""
        reason = self.received or (_DUE if time.monotonic() - self.saved >= self.seconds else 0)
        if trainer.world_size > 1:
            reasons = torch.tensor(reason, device=trainer.strategy.root_device)
            reason = int(trainer.strategy.reduce(reasons, reduce_op="max"))
        return reason

    def _keep(self, trainer: Trainer, reason: int) -> None:
        if reason:
            self._save(trainer, self.last)
        if reason > _DUE:
            raise Stopped(
                f"stopped after step {trainer.global_step} of {self.steps}: the same command with --resume goes on",
                reason,
            )

    def _save(self, trainer: Trainer, path: Path) -> None:
        weights = trainer.lightning_module.parameters()
        if not all(bool(torch.isfinite(weight).all()) for weight in weights):
            raise InputError(f"the weights are no longer finite at step {trainer.global_step}: {REMEDY}")
        trainer.save_checkpoint(path, weights_only=False)
        if path == self.last:  # what a killed run resumes from
            self.saved = time.monotonic()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() != self.process:  # a data-loading process: SIGINT is its parent's to handle
            if number == signal.SIGTERM:
                os._exit(128 + number)
        elif not self.received:
            self.received, self.received_at = number, time.monotonic()
        elif number == signal.SIGINT and time.monotonic() - self.received_at > 1:
            raise KeyboardInterrupt  # launchers pass a signal on that the terminal sent already: those come at once
