"""How a model is trained: the options of every ``lstm-models train``."""

from __future__ import annotations

import math
from dataclasses import dataclass

from lstm_models.errors import InputError

__all__ = ["TrainingConfig"]


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
        precision: 32 or bf16 (matrix products in bfloat16; 32 on a processor that has no arithmetic for it).
        validate_every: steps between two validations; the last step is validated, too.
        checkpoint_minutes: minutes between two checkpoints; what a killed run can lose.
        ascending: the first pass over the data goes from short to long sequences (SortaGrad).
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
    ascending: bool = False
    patience: int = 0
    seed: int = 1
    accelerator: str = "auto"
    devices: int = 1
    nodes: int = 1
    workers: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "batch_frames", "validate_every", "devices", "nodes"):
            if getattr(self, name) < 1:
                raise InputError(f"training.{name} must be at least 1, not {getattr(self, name)}", usage=True)
        for name in ("warmup", "weight_decay", "clip", "checkpoint_minutes", "patience", "workers"):
            if not 0 <= getattr(self, name) < math.inf:
                raise InputError(f"training.{name} must be 0 or more, not {getattr(self, name)}", usage=True)
        if not 0 < self.learning_rate < math.inf:
            raise InputError(f"training.learning_rate must be above 0, not {self.learning_rate:g}", usage=True)
        if not 0 <= self.ema < 1:
            raise InputError(f"training.ema must lie between 0 and 1, not {self.ema:g}", usage=True)
        if not 0 <= self.seed < 2**32:
            raise InputError(f"training.seed must be a whole number from 0 to {2**32 - 1}, not {self.seed}", usage=True)
        if self.precision not in ("32", "bf16"):
            raise InputError(f"training.precision must be 32 or bf16, not {self.precision}", usage=True)
