"""Training, for every task: a model that computes its own loss, data with the length of each sequence, and Lightning.

A task calls ``fit``; what a run leaves in its folder:

    checkpoints/last.ckpt, best.ckpt   to resume from, written whole or not at all
    logs/version_N/                    metrics.csv and TensorBoard events (tensorboard --logdir RUN/logs), N a restart
    config.json                        the configuration in effect

Several devices and nodes come from Lightning: ``torchrun --nproc-per-node 2 -m lstm_apps train …
--training.devices 2``, or the same command under SLURM with ``--training.nodes``; a job that SLURM requeues resumes.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import math
import os
import signal
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer, callbacks, seed_everything
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from lightning.pytorch.utilities.exceptions import MisconfigurationException
from lightning.pytorch.utilities.rank_zero import rank_zero_only
from torch import Tensor, nn
from torch.utils.data import Dataset

from lstm_apps.training.checkpointing import REMEDY, RunCheckpoints, Stopped, WholeFiles
from lstm_apps.training.config import TrainingConfig
from lstm_apps.training.data_module import Collate, RunData
from lstm_models.checkpoints import hub
from lstm_models.errors import InputError
from lstm_models.io.file_lock import locked
from lstm_models.nn.prepacked_linear import has_bf16

__all__ = ["TrainingConfig", "fit", "is_main_process", "save_trained"]


class _Task(LightningModule):
    """Loops: the model's own loss a frame, and on validation every sum it returns, a frame and a line."""

    def __init__(self, model: nn.Module, config: TrainingConfig) -> None:
        super().__init__()
        self.model, self.config = model, config
        self.sums: dict[str, Tensor] = {}
        self.figures: dict[str, float] = {}  # of the best validation
        self.improved = False  # in the latest

    def configure_optimizers(self) -> Any:
        config = self.config
        # Parts that are trained already may take a share of the learning rate
        whole: list[dict[str, Any]] = [{"params": list(self.parameters())}]
        groups = getattr(self.model, "parameter_groups", lambda: whole)()
        for group in groups:
            group["lr"] = config.learning_rate * group.setdefault("scale", 1.0)
        # Lightning clips no gradients of a fused optimiser under mixed precision
        fused = config.precision == "32"
        optimizer = torch.optim.AdamW(groups, config.learning_rate, weight_decay=config.weight_decay, fused=fused)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, self.rate)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def rate(self, step: int) -> float:
        config = self.config
        if step < config.warmup:
            return (step + 1) / config.warmup
        fraction = min(1.0, (step - config.warmup) / max(1, config.steps - config.warmup))
        return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * fraction))

    def on_train_start(self) -> None:
        # The checkpoint brings its learning rate and weight decay; those asked for now are meant
        for scheduler in self.trainer.lr_scheduler_configs:
            schedule: Any = scheduler.scheduler
            groups = schedule.optimizer.param_groups
            schedule.base_lrs = [self.config.learning_rate * group.get("scale", 1.0) for group in groups]
            for group, rate in zip(groups, schedule.base_lrs, strict=True):
                group["initial_lr"] = rate
                group["lr"] = rate * self.rate(schedule.last_epoch)
                group["weight_decay"] = self.config.weight_decay

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["figures"] = self.figures

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        shapes = {name: value.shape for name, value in self.state_dict().items()}
        if {name: value.shape for name, value in checkpoint["state_dict"].items()} != shapes:
            raise InputError(
                "the run's checkpoint is of another model: resume with the model options and the data it began with"
            )
        self.figures = dict(checkpoint.get("figures", {}))
        # The run may go on beyond the steps it was to have: its last batch then is none, and the validation after it
        # one out of turn, after which Lightning would count the steps in the logs one too low
        loop = checkpoint["loops"]["fit_loop"]
        progress = loop["epoch_loop.batch_progress"]
        progress["is_last_batch"] = False
        validated = progress["total"]["completed"] == progress["total"]["processed"]
        if validated and checkpoint["global_step"] % self.config.validate_every:
            loop["epoch_loop.state_dict"]["_batches_that_stepped"] += 1

    def training_step(self, batch: dict[str, Tensor], _: int) -> Tensor:
        # Dropout by step, so that a resumed run goes on as it would have
        torch.manual_seed((self.config.seed * 1_000_003 + self.global_step) * 4096 + self.global_rank)
        weight = batch.pop("weight")
        result = self.model.loss(batch)  # type: ignore[operator]
        loss: Tensor = result["loss"] * weight
        count = result["points"] * weight
        world = self.trainer.world_size
        totals = torch.stack([loss.detach(), count])
        if world > 1:
            totals = self.trainer.strategy.reduce(totals, reduce_op="sum")
        if not torch.isfinite(totals[0]):  # on one device: all of them end
            raise InputError(f"the loss is no longer finite at step {self.global_step}: {REMEDY}")
        self.log("loss", totals[0] / totals[1], prog_bar=True, batch_size=1)
        # Devices average their gradients: weigh each by its share of the frames, and the mean is over all frames
        return loss * world / totals[1]

    def on_validation_epoch_start(self) -> None:
        self.sums = {}

    def validation_step(self, batch: dict[str, Tensor], _: int) -> None:
        weight = batch.pop("weight")
        for name, value in self.model.loss(batch).items():  # type: ignore[operator]
            value = (value.detach() * weight).double().cpu()
            self.sums[name] = self.sums.get(name, torch.zeros((), dtype=torch.float64)) + value

    def on_validation_epoch_end(self) -> None:
        sums = self.sums
        if self.trainer.world_size > 1:
            together = torch.stack(list(sums.values())).to(self.device)
            together = self.trainer.strategy.reduce(together, reduce_op="sum").cpu()
            sums = dict(zip(sums, together, strict=True))
        points, lines = float(sums["points"]), float(sums["lines"])
        figures = {
            f"validation/{name}": float(value) / lines
            for name, value in sums.items()
            if name not in ("points", "lines")
        }
        figures["validation_loss"] = float(sums["loss"]) / points
        if not math.isfinite(figures["validation_loss"]):
            raise InputError(f"the validation loss is not finite at step {self.global_step}: {REMEDY}")
        for name, value in figures.items():
            several = self.trainer.world_size > 1
            self.log(name, value, prog_bar=name == "validation_loss", batch_size=1, sync_dist=several)
        self.improved = figures["validation_loss"] < self.figures.get("validation_loss", math.inf)
        if self.improved:
            self.figures = figures


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
        model: has ``loss(batch)``, a dict of sums with ``loss``, ``points`` and ``lines``; and, where parts of it learn
            slower, ``parameter_groups()``, dicts of ``params`` and their ``scale`` of the learning rate.
        data: the items to train on; ``data.lengths`` are their frames. Where it has a true ``in_order``, items of one
            length come in their order, for a state that goes on from batch to batch.
        held: the items to validate on, likewise.
        collate: makes a batch of items.
        config: how.
        run: folder of the run.
        resume: go on from the run's last checkpoint.
        settings: written to the run's config.json.
        repeats: how often each item comes in an epoch.

    Returns:
        The figures of the best validation: ``validation_loss`` a frame, and ``validation/…`` a line.

    Raises:
        InputError: the folder holds another run, or one that is still going on; there is nothing to resume, a
            checkpoint cannot be written, the loss is no longer finite, or a device is not there.
        Stopped: Ctrl-C or SIGTERM; a checkpoint to resume from has been written.
    """
    run = Path(run)
    last = run / "checkpoints" / "last.ckpt"
    resume = resume or (last.exists() and int(os.environ.get("SLURM_RESTART_COUNT") or 0) > 0)
    _check(data, held, config, last, resume)
    config = _able(config)
    try:
        last.parent.mkdir(parents=True, exist_ok=True)
        if not os.access(last.parent, os.W_OK):
            raise PermissionError(13, "Permission denied")
    except OSError as error:
        raise InputError(f"the run's folder {run} cannot be written: {error.strerror}") from None
    with _alone(run):
        return _fit(model, data, held, collate, config, run, resume=resume, settings=settings, repeats=repeats)


def _alone(run: Path) -> contextlib.AbstractContextManager[None]:
    """While this training is the only one that writes into the folder; its own other processes take no lock."""
    if int(os.environ.get("LOCAL_RANK") or os.environ.get("SLURM_PROCID") or 0):
        return contextlib.nullcontext()
    message = f"another training is writing into {run}: wait for it, or name another folder"
    return locked(run / "checkpoints" / ".lock", message, remove=True)


def _fit(
    model: nn.Module,
    data: Dataset[Any],
    held: Dataset[Any],
    collate: Collate,
    config: TrainingConfig,
    run: Path,
    *,
    resume: bool,
    settings: Mapping[str, Any] | None,
    repeats: Sequence[int] | None,
) -> dict[str, float]:
    """As `fit`, in a folder that is this training's alone."""
    last, best = run / "checkpoints" / "last.ckpt", run / "checkpoints" / "best.ckpt"
    seed_everything(config.seed, workers=True, verbose=False)
    task = _Task(model, config)
    checkpoints = RunCheckpoints(
        last.parent,
        config.checkpoint_minutes,
        config.steps,
        config.validate_every,
        improved=lambda: task.improved,
        start=lambda: _begin(run, settings),
    )
    with _quiet():
        trainer = _trainer(config, run, checkpoints)
        interrupt = signal.getsignal(signal.SIGINT)
        try:
            trainer.fit(
                task,
                datamodule=RunData(data, held, collate, config, repeats),
                ckpt_path=last if resume else None,
                weights_only=True,
            )
        except Stopped:
            if trainer.global_rank:  # the first process says it for all
                raise SystemExit(0) from None
            raise
        except MisconfigurationException as error:
            raise InputError(f"training cannot start: {error}") from None
        except SystemExit:
            if not trainer.interrupted:
                raise
            signal.signal(signal.SIGINT, interrupt)  # which Lightning leaves off
            raise KeyboardInterrupt from None
    if best.exists() and (task.figures or resume):  # one without figures may be of a run that was killed before
        state = WholeFiles().load_checkpoint(best, map_location="cpu")["state_dict"]
        model.load_state_dict({name.removeprefix("model."): value for name, value in state.items()})
    return task.figures


def is_main_process() -> bool:
    """Whether this process is the one that saves and prints, of all that train together."""
    return getattr(rank_zero_only, "rank", 0) == 0


def save_trained(
    model: nn.Module, run: str | Path, card: str, figures: Mapping[str, float], *, int8: bool = False
) -> None:
    """Saves a model that was trained in RUN/model, and prints where and how well; in the main process alone.

    Args:
        model: of a class that ``lstm_models.checkpoints.hub.save`` knows.
        run: folder of the run.
        card: the model card.
        figures: those that `fit` gave.
        int8: as for ``hub.save``.

    Raises:
        InputError: the folder cannot be written.
    """
    if is_main_process():
        folder = hub.save(model, Path(run) / "model", card=card, int8=int8)
        print(f"{folder}: " + ", ".join(f"{name} {value:.4f}" for name, value in figures.items()))


def _check(data: Any, held: Any, config: TrainingConfig, last: Path, resume: bool) -> None:
    run = last.parent.parent
    if resume and not last.exists():
        raise InputError(f"there is no run to resume in {run}: {last.name} is missing from its checkpoints")
    if not resume and last.exists():
        raise InputError(f"{run} holds a run already: add --resume to go on with it, or name another folder")
    longest, devices = max([*data.lengths, *held.lengths]), config.devices * config.nodes
    if longest * devices > config.batch_frames:
        times = f" on each of {devices} devices" if devices > 1 else ""
        raise InputError(
            f"the longest sequence has {longest} frames{times}: training.batch_frames must be at least "
            f"{longest * devices}",
            usage=True,
        )


def _able(config: TrainingConfig) -> TrainingConfig:
    """bfloat16 only where there is arithmetic for it: without, it is several times as slow as float32."""
    on_cpu = config.accelerator == "cpu" or (config.accelerator == "auto" and not torch.accelerator.is_available())
    if config.precision == "bf16" and on_cpu and not has_bf16():
        if is_main_process():
            print("This processor has no bfloat16 arithmetic: training in 32 bits instead.")
        return dataclasses.replace(config, precision="32")
    return config


def _trainer(config: TrainingConfig, run: Path, checkpoints: RunCheckpoints) -> Trainer:
    class Bar(callbacks.RichProgressBar):
        """Lightning's bar without the last epoch, of which there is none, and the number of the log."""

        def _get_train_description(self, current_epoch: int) -> str:
            return f"Epoch {current_epoch}"

        def get_metrics(self, trainer: Any, module: Any) -> dict[str, Any]:
            return {name: value for name, value in super().get_metrics(trainer, module).items() if name != "v_num"}

    hooks: list[callbacks.Callback] = [callbacks.LearningRateMonitor(), checkpoints, Bar()]
    if config.patience:
        hooks.append(callbacks.EarlyStopping("validation_loss", patience=config.patience))
    if config.ema:
        hooks.append(callbacks.EMAWeightAveraging(decay=config.ema))
    numbers = [path.name.removeprefix("version_") for path in (run / "logs").glob("version_*")]
    version = 1 + max((int(number) for number in numbers if number.isdigit()), default=-1)
    try:
        return Trainer(
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
            logger=[CSVLogger(run, "logs", version=version), TensorBoardLogger(run, "logs", version=version)],
            callbacks=hooks,
            plugins=[WholeFiles()],
            log_every_n_steps=min(20, config.steps),
            enable_model_summary=False,
        )
    except (MisconfigurationException, ImportError, ValueError, RuntimeError) as error:
        raise InputError(f"training cannot start: {error}", usage=True) from None


@rank_zero_only
def _begin(run: Path, settings: Mapping[str, Any] | None) -> None:
    """Clears up after a killed process and writes the configuration in effect, now that it fits the run."""
    for part in (run / "checkpoints").glob(".*.part"):
        part.unlink(missing_ok=True)
    if settings is None:
        return
    part = run / ".config.json.part"
    try:
        part.write_text(json.dumps(settings, indent=2, default=_plain, ensure_ascii=False) + "\n", encoding="utf-8")
        part.replace(run / "config.json")
    except OSError as error:
        part.unlink(missing_ok=True)
        raise InputError(f"the run's folder {run} cannot be written: {error.strerror}") from None


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Leaves out messages of Lightning that are advertisements, internal, or wrong here."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            for message in (
                ".*does not have many workers.*",  # the data lie in memory, encoded
                ".*exists and is not empty.*",  # the folder of the logs: ours
                ".*treespec.*LeafSpec.*",  # between Lightning and torch
                ".*in eval mode at the start of training.*",
            ):
                warnings.filterwarnings("ignore", message=message)
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _plain(value: Any) -> Any:
    return dataclasses.asdict(value) if dataclasses.is_dataclass(value) and not isinstance(value, type) else str(value)
