"""A video predictor's network as one ONNX graph: given frames in, the next frames and their variance out.

The numbers of frames, given and forecast, are fixed: they are those that it was trained on.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor, nn

from lstm_models.export.onnx import write_model
from lstm_models.export.traced import traced
from lstm_models.tasks.video_prediction.config import VideoPredictorConfig

if TYPE_CHECKING:
    import onnx

__all__ = ["export"]

_OPSET = 18


class Forecaster(Protocol):
    """What is written: a ``VideoPredictor``."""

    config: VideoPredictorConfig
    training: bool

    def next_frames(self, frames: Tensor, steps: int) -> tuple[Tensor, Tensor]: ...

    def parameters(self) -> Iterator[nn.Parameter]: ...

    def train(self, mode: bool = True) -> object: ...


def export(predictor: Forecaster, path: str | os.PathLike[str], *, int8: bool = False) -> Path:
    """Write a video predictor; see ``VideoPredictor.export_onnx``."""
    return write_model(lambda: _model(predictor), Path(path), int8=int8)


class _Frames(nn.Module):
    """Frames to frames, for the trace."""

    def __init__(self, predictor: Forecaster) -> None:
        super().__init__()
        self.predictor = predictor

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        with torch.enable_grad():  # with gradients steps of an LSTM are plain products, which ONNX has
            return self.predictor.next_frames(frames, self.predictor.config.ahead)


def _model(predictor: Forecaster) -> onnx.ModelProto:
    import onnx

    config = predictor.config
    frames = torch.zeros(1, config.given, config.height, config.width, device=next(predictor.parameters()).device)
    frames[..., config.height // 4 : config.height // 2, config.width // 4 : config.width // 2] = 1.0
    was_training = predictor.training
    try:
        network = _Frames(predictor).eval()
        model = traced(network, (frames,), ["frames"], ["forecast", "variance"], opset=_OPSET)
    finally:
        predictor.train(was_training)
    onnx.checker.check_model(model)
    return model
