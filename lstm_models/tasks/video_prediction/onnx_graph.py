"""A video predictor's network as one ONNX graph: given frames in, the next frames and their variance out.

The numbers of frames, given and forecast, are fixed: they are those that it was trained on.
"""

from __future__ import annotations

import contextlib
import io
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from lstm_models.export.onnx import write_model

if TYPE_CHECKING:
    import onnx

    from lstm_models.tasks.video_prediction.model import VideoPredictor

__all__ = ["export"]

_OPSET = 18


def export(predictor: VideoPredictor, path: str | os.PathLike[str], *, int8: bool = False) -> Path:
    """Write a video predictor; see ``VideoPredictor.export_onnx``."""
    return write_model(lambda: _model(predictor), Path(path), int8=int8)


class _Frames(nn.Module):
    """Frames to frames, for the trace."""

    def __init__(self, predictor: VideoPredictor) -> None:
        super().__init__()
        self.predictor = predictor

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        with torch.enable_grad():  # with gradients steps of an LSTM are plain products, which ONNX has
            return self.predictor.next_frames(frames, self.predictor.config.ahead)


def _model(predictor: VideoPredictor) -> onnx.ModelProto:
    import onnx

    config, made = predictor.config, io.BytesIO()
    frames = torch.zeros(1, config.given, config.height, config.width, device=next(predictor.parameters()).device)
    frames[..., config.height // 4 : config.height // 2, config.width // 4 : config.width // 2] = 1.0
    was_training = predictor.training
    try:
        with torch.no_grad(), warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")  # sizes that the trace takes for constants: they are
            torch.onnx.export(
                _Frames(predictor).eval(), (frames,), made, input_names=["frames"],
                output_names=["forecast", "variance"], opset_version=_OPSET, dynamo=False,
            )  # fmt: skip
    finally:
        predictor.train(was_training)
    model = onnx.load_from_string(made.getvalue())
    onnx.checker.check_model(model)
    return model
