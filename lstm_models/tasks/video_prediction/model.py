"""``VideoPredictor``: the frames that come next, and how sure each pixel is.

predictor = lstm_models.load("video-predictor")
print(predictor.predict(frames, steps=10).shape)      # frames [10, 64, 64] → [10, 64, 64]
predictor.forecast("digits.gif").save("forecast.gif")
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lstm_models.devices import move_to
from lstm_models.errors import InputError
from lstm_models.tasks.video_prediction.config import VideoPredictorConfig
from lstm_models.tasks.video_prediction.features import are_films, grey_frames, last_frames
from lstm_models.tasks.video_prediction.network import ObjectNetwork
from lstm_models.tasks.video_prediction.pixels import PixelNetwork
from lstm_models.tasks.video_prediction.results import Forecast

__all__ = ["MOST_STEPS", "VideoPredictor"]

MOST_STEPS = 1000
_DARK, _MOSTLY = 0.1, 0.7  # a value that counts as black; fraction of a film of shapes on black that is, at least
_EXPLAINED = 0.5  # fraction of the given frames' energy
_FEW = 4


class VideoPredictor(nn.Module):
    """Forecasts films; see ``VideoPredictorConfig``."""

    Config = VideoPredictorConfig

    def __init__(self, config: VideoPredictorConfig) -> None:
        super().__init__()
        self.config = config
        self.network: ObjectNetwork | PixelNetwork = ObjectNetwork(config) if config.objects else PixelNetwork(config)

    def loss(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """What is minimised while training, a sum over films; see the network's ``loss``."""
        return self.network.loss(batch)

    def predict(self, frames: Any, steps: int = 10, *, device: str | torch.device | None = None) -> Any:
        """The frames that come next.

        Args:
            frames: a film: an array or tensor [time, height, width] or [time, height, width, 3], uint8 or floats from 0
                to 1; a file (.mp4, .gif, .webp, .npy, …), a folder of frames, or a list of pictures. Of a long film the
                last ``config.given`` frames are read; of another size they are scaled to the model's. A list of films
                gives a list.
            steps: how many frames to forecast, from 1 to 1,000; those beyond what the model was trained for are less
                sure.
            device: where the network runs; it is moved there. Where it is now if None.

        Returns:
            float32 [steps, height, width] from 0 to 1, the expected value of each pixel.

        Raises:
            InputError: it is no film, has fewer than 2 frames, or ``steps`` is out of its range.

        >>> predictor.predict(np.zeros((10, 64, 64)), steps=3).shape      # doctest: +SKIP
        (3, 64, 64)
        """
        found = self.forecast(frames, steps, device=device)
        return [each.frames for each in found] if isinstance(found, list) else found.frames

    def forecast(
        self,
        frames: Any,
        steps: int = 10,
        *,
        every: float = 0.0,
        end: float | None = None,
        device: str | torch.device | None = None,
    ) -> Any:
        """As `predict`, with how sure each pixel is, and the path of each object.

        Args:
            frames: as for `predict`.
            steps: likewise.
            every: seconds from one frame to the next at least; 0 for all of them.
            end: seconds; later frames are passed over.
            device: as for `predict`.

        Returns:
            A `Forecast`; a list of them for a list of films.

        Raises:
            InputError: as `predict`.
        """
        if not isinstance(steps, int) or not 1 <= steps <= MOST_STEPS:
            raise InputError(f"steps must be a whole number from 1 to {MOST_STEPS:,}, not {steps}", usage=True)
        move_to(self, device)
        if are_films(frames):
            return [self._forecast(film, steps, every, end) for film in frames]
        return self._forecast(frames, steps, every, end)

    def _forecast(self, film: Any, steps: int, every: float, end: float | None) -> Forecast:
        config = self.config
        read = last_frames(film, config.given, every=every, end=end)
        pixels = read.pixels
        seen = grey_frames(pixels, config.height, config.width)
        notes = [sentence.rstrip(".") for sentence in read.notes]
        if pixels.shape[1:3] != (config.height, config.width):
            notes.append(
                f"frames of {pixels.shape[2]} × {pixels.shape[1]} pixels were scaled to fit into {config.width} × "
                f"{config.height}, which the model reads"
            )
        if len(pixels) < _FEW:
            notes.append(f"{len(pixels)} frames show little of the motion: the model was trained on {config.given}")
        given = torch.from_numpy(seen)[None].to(next(self.parameters()).device)
        with torch.no_grad():
            outlook, explained = self._outlook(given, steps)
        notes += self._doubts(given, explained)
        paths, layers = (
            (outlook.places[0, :, -steps:], outlook.layers[0])
            if isinstance(self.network, ObjectNetwork)
            else (given.new_zeros(0, steps, 2), given.new_zeros(0, steps, config.height, config.width))
        )
        found = (outlook.frames[0].clamp(0, 1), outlook.variance[0].sqrt(), paths, layers)
        frames, spread, centres, objects = (each.float().cpu().numpy() for each in found)
        return Forecast(seen, frames, spread, centres, objects, tuple(notes), read.rate)

    def _outlook(self, given: Tensor, steps: int) -> tuple[Any, float]:
        """The outlook, and the fraction of the given frames' energy that the network explains."""
        if isinstance(self.network, ObjectNetwork):
            objects, outlook = self.network(given, steps)
            drawn, truth = self.network.redrawn(objects), given
        else:
            outlook, drawn = self.network.read(given, steps)
            truth = given[:, 1:]
        energy = truth.square().sum().clamp(min=1e-6)
        return outlook, 1 - float((drawn - truth).square().sum() / energy)

    def next_frames(self, frames: Tensor, steps: int) -> tuple[Tensor, Tensor]:
        """Expected values and variances [batch, steps, height, width] after films [batch, time, height, width], 0 to 1.

        What `forecast` does between reading a film and its result, for batches.
        """
        outlook = (
            self.network(frames, steps)[1] if isinstance(self.network, ObjectNetwork) else self.network(frames, steps)
        )
        return outlook.frames.clamp(0, 1), outlook.variance

    def _doubts(self, given: Tensor, explained: float) -> list[str]:
        """Sentences that say why a forecast may be wrong."""
        if not float(given.square().sum()):
            return ["the film is black: there is nothing to forecast"]
        if self.config.objects:
            dark = float((given < _DARK).float().mean())
            if dark < _MOSTLY:
                kind = f"up to {self.config.objects} bright shapes that move on black"
                return [f"{dark:.0%} of the film is black: the model knows {kind}, and this is a film of another kind"]
        if explained < _EXPLAINED:
            return [
                f"the model explains {max(explained, 0.0):.0%} of the given frames, so its forecast may well be wrong"
            ]
        return []

    def export_onnx(self, path: str | os.PathLike[str], *, int8: bool = False) -> Path:
        """Write the network as an ONNX graph; see ``lstm_models.tasks.video_prediction.onnx_graph``.

        Input: ``frames`` [1, config.given, height, width] float from 0 to 1. Outputs: the next frames ``forecast`` and
        the ``variance`` of their pixels, both [1, config.ahead, height, width].

        Raises:
            InputError: onnx (or, for int8, onnxruntime) is missing, or the file cannot be written.
        """
        from lstm_models.tasks.video_prediction.onnx_graph import export

        return export(self, path, int8=int8)
