"""A writer of a few cells that learnt three styles, for tests; its weights are random."""

from __future__ import annotations

import dataclasses
import string

import numpy as np
import torch

from lstm_models.tasks.handwriting.config import WriterConfig
from lstm_models.tasks.handwriting.features import StrokeFeatures
from lstm_models.tasks.handwriting.model import HandwritingWriter

CONFIG = WriterConfig(
    alphabet=" !\"'(),-.:;?" + string.digits + string.ascii_letters, hidden_size=12, layers=2, text_size=6,
    components=3, mixtures=4, step=0.25, style_size=3, styles=("10001", "10002", "10003"), names={"round": "10003"},
    features=StrokeFeatures(mean=(0.3, 0.0), std=(0.5, 0.6)),
)  # fmt: skip


def make(seed: int = 0, **changes) -> HandwritingWriter:
    torch.manual_seed(seed)
    model = HandwritingWriter(dataclasses.replace(CONFIG, **changes))
    with torch.no_grad():
        model.head.bias[-2:] = -1.5  # lifts the pen now and then, as a trained one does
    return model.eval()


def strokes_equal(one, two) -> bool:
    return len(one.strokes) == len(two.strokes) and all(map(np.array_equal, one.strokes, two.strokes))
