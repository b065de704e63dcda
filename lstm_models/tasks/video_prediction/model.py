"""``VideoPredictor``: the frames that come next, and how sure each pixel is."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from lstm_models.tasks.video_prediction.config import VideoPredictorConfig
from lstm_models.tasks.video_prediction.network import ObjectNetwork
from lstm_models.tasks.video_prediction.pixels import PixelNetwork

__all__ = ["VideoPredictor"]


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
