"""Lines of handwriting as a writer is trained on them: offsets of the pen and the letters of the text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch.utils.data import Dataset

from lstm_datasets.handwriting.readers import ILLEGIBLE, HandwritingLine
from lstm_models.tasks.handwriting.config import WriterConfig
from lstm_models.tasks.handwriting.features import StrokeFeatures
from lstm_models.tasks.handwriting.model import HandwritingWriter
from lstm_models.text.spelling import spell

__all__ = ["WriterLines"]


class WriterLines(Dataset[dict[str, Any]]):
    """Lines as a writer sees them: {"offsets" [points, 3], "text" [characters], "style"}, encoded once.

    Args:
        lines: the lines; characters outside the alphabet are spelt with those inside, or left out.
        model: whose alphabet, styles and stroke features are used.
        slant: largest random slant while training, as x per y; 0 for none.
        scale: largest random change of size while training, as a share; 0 for none.
    """

    def __init__(
        self,
        lines: Sequence[HandwritingLine],
        model: HandwritingWriter,
        *,
        slant: float = 0.0,
        scale: float = 0.0,
        seed: int = 0,
    ) -> None:
        config: WriterConfig = model.config
        styles = {writer: number for number, writer in enumerate(config.styles, 1)}
        self.features: StrokeFeatures = config.features
        self.slant, self.scale, self.seed, self.epoch = slant, scale, seed, 0
        self.items: list[dict[str, Any]] = []
        for line in lines:
            text = line.text.replace(ILLEGIBLE, "") if ILLEGIBLE not in config.alphabet else line.text
            spelt = spell(text, config.alphabet)[0]
            self.items.append(
                {
                    "offsets": self.features.encode(line.strokes),
                    "text": model.encode(spelt),
                    "style": styles.get(line.writer, 0) if config.style_size else 0,
                }
            )
        self.lengths = [len(item["offsets"]) for item in self.items]

    def __len__(self) -> int:
        return len(self.items)

    def set_epoch(self, epoch: int) -> None:
        """Another epoch, other random slants and sizes."""
        self.epoch = epoch

    def __getitem__(self, index: int) -> dict[str, Any]:
        item = self.items[index]
        if not (self.slant or self.scale):
            return item
        generator = np.random.default_rng((self.seed, self.epoch, index))
        slant, size = generator.uniform(-1, 1, 2) * (self.slant, self.scale)
        std, mean = np.array(self.features.std, np.float32), np.array(self.features.mean, np.float32)
        offsets = item["offsets"].copy()
        moves = (offsets[:, :2] * std + mean) * np.float32(1 + size)
        moves[:, 0] += np.float32(slant) * moves[:, 1]
        offsets[:, :2] = (moves - mean) / std
        return {**item, "offsets": offsets}
