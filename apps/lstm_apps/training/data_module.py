"""The batches of a training run, as each device sees them: one pass over the steps, from the step it stands at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from lightning.pytorch import LightningDataModule, Trainer
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from lstm_apps.training.config import TrainingConfig
from lstm_datasets.batching import EpochItems, FrameBatchSampler, StepBatchSampler

__all__ = ["Collate", "RunData"]

Collate = Callable[[Sequence[Any]], dict[str, Tensor]]


class _Loader(DataLoader[Any]):
    """Resumable, which Lightning asks for by these methods: the place in the data follows from the trainer's step."""

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        pass


class _Collate:
    """A batch of ``EpochItems``, with its ``weight``: 0 where they do not count because another device has them."""

    def __init__(self, collate: Collate) -> None:
        self.collate = collate

    def __call__(self, items: Sequence[tuple[Mapping[str, Any], bool]]) -> dict[str, Tensor]:
        batch = self.collate([item for item, _ in items])
        return {**batch, "weight": torch.tensor(float(items[0][1]))}


class RunData(LightningDataModule):
    """The batches, as this device's share of them; training is one pass of ``config.steps`` batches."""

    def __init__(
        self,
        data: Dataset[Any],
        held: Dataset[Any],
        collate: Collate,
        config: TrainingConfig,
        repeats: Sequence[int] | None,
    ) -> None:
        super().__init__()
        self.data, self.held, self.collate, self.config, self.repeats = data, held, collate, config, repeats

    def train_dataloader(self) -> DataLoader[Any]:
        config = self.config
        shuffle = not getattr(self.data, "in_order", False)
        batches = self._batches(
            self.data, shuffle=shuffle, seed=config.seed, repeats=self.repeats, ascending=config.ascending
        )
        steps = StepBatchSampler(batches, config.steps, start=self._trainer().global_step)
        return self._loader(self.data, steps)

    def val_dataloader(self) -> DataLoader[Any]:
        return self._loader(self.held, self._batches(self.held))

    def _trainer(self) -> Trainer:
        assert self.trainer is not None
        return self.trainer

    def _batches(self, data: Any, **options: Any) -> FrameBatchSampler:
        trainer = self._trainer()
        return FrameBatchSampler(
            data.lengths, self.config.batch_frames, rank=trainer.global_rank, world=trainer.world_size, **options
        )

    def _loader(self, data: Any, batches: Any) -> DataLoader[Any]:
        return _Loader(
            EpochItems(data),
            batch_sampler=batches,
            collate_fn=_Collate(self.collate),
            num_workers=self.config.workers,
        )
