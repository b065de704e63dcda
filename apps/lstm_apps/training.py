"""Training, for every task: a model that computes its own loss, data that says how long each sequence is, and Lightning.

A task calls ``fit``; what a run leaves in its folder:

    checkpoints/last.ckpt, best.ckpt   to resume from, written whole or not at all
    logs/                              metrics.csv and TensorBoard events (tensorboard --logdir RUN/logs)
    config.json                        the configuration in effect

Several devices and nodes come from Lightning: ``torchrun --nproc-per-node 2 -m lstm_apps train …
--training.devices 2``, or the same command under SLURM with ``--training.nodes``.
"""

from __future__ import annotations

import dataclasses
import errno
import json
import math
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer, callbacks, seed_everything
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from lightning.pytorch.plugins.io import TorchCheckpointIO
from lstm_datasets.batching import FrameBatchSampler
from lstm_models.errors import InputError
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

__all__ = ["TrainingConfig", "fit"]

Collate = Callable[[Sequence[Mapping[str, Any]]], dict[str, Tensor]]


@dataclass(frozen=True)
class TrainingConfig:
    """How a model is trained.

    Attributes:
        steps: optimiser steps in all.
        batch_frames: padded frames of a step, over all devices.
        learning_rate: highest learning rate of Adam.
        warmup: steps in which the rate climbs to it; it then falls to a hundredth along a cosine.
        weight_decay: of AdamW.
        clip: largest norm of the gradient; 0 for no limit.
        ema: decay of the moving average of the weights that is validated and kept; 0 for none.
        precision: 32 or bf16 (matrix products in bfloat16).
        validate_every: steps between two validations.
        checkpoint_minutes: minutes between two checkpoints; what a killed run can lose.
        patience: validations without progress after which training stops; 0 for never.
        seed: of the weights, the batches and the augmentation.
        accelerator: cpu, gpu or auto.
        devices: processes on this machine.
        nodes: machines.
        workers: processes that load data, on each device.
    """

    steps: int = 10_000
    batch_frames: int = 16_000
    learning_rate: float = 2e-3
    warmup: int = 200
    weight_decay: float = 0.0
    clip: float = 1.0
    ema: float = 0.0
    precision: str = "bf16"
    validate_every: int = 500
    checkpoint_minutes: float = 5.0
    patience: int = 0
    seed: int = 1
    accelerator: str = "auto"
    devices: int = 1
    nodes: int = 1
    workers: int = 0


class _Task(LightningModule):
    """Loops: the model's own loss a frame, and on validation every sum it returns, a frame and a line."""

    def __init__(
        self, model: nn.Module, data: Dataset[Any], held: Dataset[Any], collate: Collate, config: TrainingConfig,
        repeats: Sequence[int] | None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.model, self.config, self.data, self.held, self.collate = model, config, data, held, collate
        self.repeats = repeats
        self.skip = 0
        self.sums: dict[str, Tensor] = {}

    def configure_optimizers(self) -> Any:
        config = self.config
        optimizer = torch.optim.AdamW(self.parameters(), config.learning_rate, weight_decay=config.weight_decay)

        def rate(step: int) -> float:
            if step < config.warmup:
                return (step + 1) / config.warmup
            share = min(1.0, (step - config.warmup) / max(1, config.steps - config.warmup))
            return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * share))

        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _loader(self, data: Any, *, train: bool) -> DataLoader[Any]:
        sampler = FrameBatchSampler(
            data.lengths,
            self.config.batch_frames,
            shuffle=train,
            seed=self.config.seed,
            repeats=self.repeats if train else None,
            rank=self.trainer.global_rank,
            world=self.trainer.world_size,
            follow=getattr(data, "set_epoch", None) if train else None,
        )
        sampler.start = self.skip if train else 0
        return DataLoader(data, batch_sampler=sampler, collate_fn=self.collate, num_workers=self.config.workers)

    def train_dataloader(self) -> DataLoader[Any]:
        return self._loader(self.data, train=True)

    def val_dataloader(self) -> DataLoader[Any]:
        return self._loader(self.held, train=False)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        # A run resumed within an epoch goes on at the batch it stopped at
        progress = checkpoint["loops"]["fit_loop"]["epoch_loop.batch_progress"]
        self.skip = 0 if progress["is_last_batch"] else int(progress["current"]["processed"])

    def training_step(self, batch: dict[str, Tensor], _: int) -> Tensor:
        result = self.model.loss(batch)  # type: ignore[operator]
        count = result["points"].to(result["loss"].dtype)
        # Devices average their gradients: weigh each by its share of the frames, and the mean is over all frames
        total = self.trainer.strategy.reduce(count.clone(), reduce_op="sum") if self.trainer.world_size > 1 else count
        loss = result["loss"] * self.trainer.world_size / total
        if not torch.isfinite(loss):
            raise InputError(
                f"the loss is no longer finite at step {self.global_step}: resume with a lower --training.learning_rate"
            )
        self.log("loss", loss, prog_bar=True)
        return loss

    def on_validation_epoch_start(self) -> None:
        self.sums = {}

    def validation_step(self, batch: dict[str, Tensor], _: int) -> None:
        for name, value in self.model.loss(batch).items():  # type: ignore[operator]
            self.sums[name] = self.sums.get(name, torch.zeros((), dtype=torch.float64)) + value.detach().double().cpu()

    def on_validation_epoch_end(self) -> None:
        sums = {
            name: self.trainer.strategy.reduce(value.to(self.device), reduce_op="sum").cpu()
            if self.trainer.world_size > 1
            else value
            for name, value in self.sums.items()
        }
        points, lines = sums.pop("points"), sums.pop("lines")
        for name, value in sums.items():
            self.log(f"validation/{name}", (value / lines).float(), prog_bar=name == "loss", rank_zero_only=False)
        self.log("validation_loss", (sums["loss"] / points).float(), prog_bar=True)


class _WholeFiles(TorchCheckpointIO):
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
        except (OSError, RuntimeError) as error:  # torch reports a failed write as RuntimeError
            part.unlink(missing_ok=True)
            full = getattr(error, "errno", None) in (None, errno.ENOSPC)
            reason = "the disk is full" if full else os.strerror(error.errno or 0)  # type: ignore[union-attr]
            raise InputError(
                f"the checkpoint {path} could not be written: {reason}; the one before it is kept, "
                "make room and run again with --resume"
            ) from None

    def load_checkpoint(self, path: Any, map_location: Any = None, weights_only: bool | None = None) -> dict[str, Any]:
        try:
            return torch.load(path, map_location=map_location, weights_only=True)
        except Exception:
            raise InputError(f"{path} is damaged or no checkpoint of a training run") from None


class _SaveOnExit(callbacks.Callback):
    """The end, Ctrl-C, SIGTERM and errors leave a checkpoint to resume from."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        if trainer.global_step == trainer.max_steps:
            trainer.save_checkpoint(self.path)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        # Not from an error of the run itself: its state may be what is wrong
        if trainer.global_step and not isinstance(exception, InputError):
            trainer.save_checkpoint(self.path)


def fit(
    model: nn.Module,
    data: Dataset[Any],
    held: Dataset[Any],
    collate: Collate,
    config: TrainingConfig,
    run: str | Path,
    *,
    resume: bool = False,
    settings: Mapping[str, Any] | None = None,
    repeats: Sequence[int] | None = None,
) -> dict[str, float]:
    """Trains ``model`` in place and leaves it with the weights that validated best.

    Args:
        model: has ``loss(batch)``, a dict of sums with ``loss``, ``points`` and ``lines``.
        data: the items to train on; ``data.lengths`` are their frames.
        held: the items to validate on, likewise.
        collate: makes a batch of items.
        config: how.
        run: folder of the run.
        resume: go on from the run's last checkpoint.
        settings: written to the run's config.json.
        repeats: how often each item comes in an epoch.

    Returns:
        The figures of the best validation.

    Raises:
        InputError: the folder holds another run, there is nothing to resume, or a checkpoint cannot be written.
    """
    run = Path(run)
    last, best = run / "checkpoints" / "last.ckpt", run / "checkpoints" / "best.ckpt"
    if resume and not last.exists():
        raise InputError(f"there is no run to resume in {run}: {last.name} is missing from its checkpoints")
    if not resume and last.exists():
        raise InputError(f"{run} holds a run already: add --resume true to go on with it, or name another folder")
    if config.precision not in ("32", "bf16"):
        raise InputError(f"precision must be 32 or bf16, not {config.precision}", usage=True)
    longest = max([*data.lengths, *held.lengths])  # type: ignore[attr-defined]
    if longest > config.batch_frames:
        raise InputError(
            f"the longest sequence has {longest} frames: training.batch_frames must be at least that", usage=True
        )
    try:
        run.mkdir(parents=True, exist_ok=True)
        if settings is not None:
            text = json.dumps(settings, indent=2, default=_plain, ensure_ascii=False)
            (run / "config.json").write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise InputError(f"the run's folder {run} cannot be written: {error.strerror}") from None
    seed_everything(config.seed, workers=True, verbose=False)
    task = _Task(model, data, held, collate, config, repeats)
    keep_best = callbacks.ModelCheckpoint(
        best.parent, "best", monitor="validation_loss", save_top_k=1, enable_version_counter=False
    )
    keep_last = callbacks.ModelCheckpoint(
        last.parent, "last", train_time_interval=_minutes(config.checkpoint_minutes), save_top_k=1,
        enable_version_counter=False,
    )  # fmt: skip
    hooks: list[callbacks.Callback] = [keep_best, keep_last, callbacks.LearningRateMonitor(), _SaveOnExit(last)]
    if config.patience:
        hooks.append(callbacks.EarlyStopping("validation_loss", patience=config.patience))
    if config.ema:
        hooks.append(callbacks.EMAWeightAveraging(decay=config.ema))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        warnings.filterwarnings("ignore", message=".*exists and is not empty.*")
        trainer = Trainer(
            default_root_dir=run,
            max_steps=config.steps,
            max_epochs=-1,
            accelerator=config.accelerator,
            devices=config.devices,
            num_nodes=config.nodes,
            precision="bf16-mixed" if config.precision == "bf16" else "32-true",
            gradient_clip_val=config.clip or None,
            val_check_interval=config.validate_every,
            check_val_every_n_epoch=None,
            num_sanity_val_steps=0,
            use_distributed_sampler=False,
            logger=[CSVLogger(run, "logs"), TensorBoardLogger(run, "logs")],
            callbacks=hooks,
            plugins=[_WholeFiles()],
            log_every_n_steps=20,
            enable_model_summary=False,
        )
        trainer.fit(task, ckpt_path=last if resume else None)
    if trainer.global_step < config.steps and trainer.interrupted:
        raise KeyboardInterrupt
    if best.exists():
        state = torch.load(best, map_location="cpu", weights_only=True)["state_dict"]
        model.load_state_dict({name.removeprefix("model."): value for name, value in state.items()})
    figures = {name: float(value) for name, value in trainer.callback_metrics.items() if name.startswith("valid")}
    if keep_best.best_model_score is not None:
        figures["validation_loss"] = float(keep_best.best_model_score)
    return figures


def _minutes(count: float) -> Any:
    from datetime import timedelta

    return timedelta(minutes=count)


def _plain(value: Any) -> Any:
    return dataclasses.asdict(value) if dataclasses.is_dataclass(value) and not isinstance(value, type) else str(value)
