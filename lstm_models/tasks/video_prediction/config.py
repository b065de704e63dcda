"""Sizes of a video predictor."""

from __future__ import annotations

from dataclasses import dataclass

from lstm_models.field_checks import check_at_least

__all__ = ["VideoPredictorConfig"]


@dataclass(frozen=True)
class VideoPredictorConfig:
    """Sizes of the network.

    Attributes:
        given: frames that a forecast starts from; of a longer film the last ones.
        ahead: frames that it learned to forecast.
        height: of a frame, in pixels; a multiple of 8.
        width: likewise.
        objects: transparent layers a film is taken apart into, each a rigid object with a path of its own. 0 for none:
            then a convolutional LSTM forecasts pixels, by local displacement and what it draws itself.
        object_size: side in pixels of the square that an object fits into.
        stem_channels: channels of the maps of a quarter of the height and width.
        hidden_channels: channels of each ConvLSTM layer, in each direction, on maps of an eighth.
        layers: ConvLSTM layers.
        kernel_size: of their convolutions.
        layer_norm: normalise their sums.
        spatiotemporal: PredRNN's memory in the forecaster; only without objects.
        path_size: units of the LSTM that follows the path of an object.
        path_layers: its layers.
        appearance_channels: channels of the network that restores how an object looks.
        sampling_steps: without objects, steps of training after which given frames are always read as they are and the
            others always as forecast (reverse scheduled sampling); 0 for that from the start.
    """

    given: int = 10
    ahead: int = 10
    height: int = 64
    width: int = 64
    objects: int = 2
    object_size: int = 32
    stem_channels: int = 64
    hidden_channels: int = 48
    layers: int = 2
    kernel_size: int = 3
    layer_norm: bool = False
    spatiotemporal: bool = False
    path_size: int = 128
    path_layers: int = 1
    appearance_channels: int = 16
    sampling_steps: int = 0

    def __post_init__(self) -> None:
        sizes = ("height", "width", "object_size", "stem_channels", "hidden_channels", "layers", "kernel_size")
        check_at_least(self, 1, *sizes, "path_size", "path_layers", "appearance_channels")
        for name in ("height", "width"):
            if getattr(self, name) % 8:
                raise ValueError(f"model: {name} must be a multiple of 8, not {getattr(self, name)}")
        if self.given < 2 or self.ahead < 1:
            raise ValueError(f"model: given must be at least 2 and ahead 1, not {self.given} and {self.ahead}")
        if not 0 <= self.objects <= 5:
            raise ValueError(f"model: objects must be from 0 to 5, not {self.objects}")
        check_at_least(self, 0, "sampling_steps")
        if self.kernel_size % 2 == 0:
            raise ValueError(f"model: kernel_size must be odd, not {self.kernel_size}")
        if self.spatiotemporal and self.objects:
            raise ValueError("model: spatiotemporal goes only with objects 0")
