"""Images as items of a batch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.utils.data import Dataset

from lstm_datasets.image_generation.readers import LabelledImages
from lstm_models.tasks.image_generation.features import binarized
from lstm_models.tasks.image_generation.network import Item

__all__ = ["Images"]


class Images(Dataset[Item]):
    """Images as items; each counts as one frame of a batch.

    Args:
        found: what was read.
        names: names of the kinds; an image of another kind counts as one of an unknown kind.
        fixed: binarise them once, by this seed; None leaves that to the network's loss, which does it anew each time.
        kl_warmup: epochs in which the weight of the Gaussians' nats climbs to 1.
    """

    def __init__(
        self, found: LabelledImages, names: Sequence[str], *, fixed: int | None = None, kl_warmup: int = 0
    ) -> None:
        numbers = {name: number for number, name in enumerate(names)}
        self.images = torch.from_numpy(found.images.copy() if fixed is None else binarized(found.images, fixed))
        self.labels = [numbers.get(label, -1) for label in found.labels]
        self.lengths = [1] * len(self.labels)
        self.kl_warmup, self.kl_weight = kl_warmup, 1.0
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Another epoch, another weight of the Gaussians' nats."""
        self.kl_weight = min(1.0, (epoch + 1) / (self.kl_warmup + 1))

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> Item:
        return Item(self.images[index], self.labels[index], self.kl_weight)
