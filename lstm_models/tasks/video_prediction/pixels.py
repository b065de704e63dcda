"""``PixelNetwork``: a film goes on pixel by pixel, for films that are not a few rigid objects.

- A ConvLSTM reads patches frame by frame and then its own forecasts (Shi et al. 2015; patches: PredRNN).
- Each next frame is the last one, displaced place by place by what the network learned (Liang et al. 2017), where a
  mask says so; elsewhere what it draws itself. It says how far off each pixel may be, as a variance.
- Reverse scheduled sampling (Wang et al. 2021): while training, given frames are at first often its own forecasts,
  later the truth; and the other way round for the frames to forecast.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from lstm_models.nn.conv_lstm import ConvLSTM, ConvLSTMState
from lstm_models.tasks.video_prediction.config import VideoPredictorConfig

__all__ = ["NextFrame", "PixelNetwork", "PixelOutlook", "displaced"]

_PATCH = 4
_VARIANCE_WEIGHT = 1e-3  # of the variances' likelihood in the loss, a pixel
_SURE = 1e-4  # the least variance


class NextFrame(NamedTuple):
    """What a step says: expected values [batch, height, width], from 0 to 1, and the log of their variance."""

    frame: Tensor
    log_variance: Tensor


def displaced(image: Tensor, displacement: Tensor) -> Tensor:
    """Images [batch, height, width] with each pixel from ``displacement`` [batch, 2, height, width] pixels away.

    Row and column; between pixels it is interpolated, beyond the edge the edge goes on.
    """
    height, width = image.shape[-2:]
    rows = torch.arange(height, device=image.device)[:, None] + displacement[:, 0]
    columns = torch.arange(width, device=image.device) + displacement[:, 1]
    grid = torch.stack([columns * 2 / max(width - 1, 1) - 1, rows * 2 / max(height - 1, 1) - 1], -1)
    return functional.grid_sample(image[:, None], grid, padding_mode="border", align_corners=True)[:, 0]


class PixelOutlook(NamedTuple):
    """A forecast: expected values [batch, steps, height, width], from 0 to 1, and their variance."""

    frames: Tensor
    variance: Tensor


class PixelNetwork(nn.Module):
    """See the module; settings in ``VideoPredictorConfig``."""

    trained: Tensor

    def __init__(self, config: VideoPredictorConfig) -> None:
        super().__init__()
        self.config = config
        patch = _PATCH * _PATCH
        self.embedding = nn.Conv2d(2 * patch, config.stem_channels, 3, padding=1)
        self.lstm = ConvLSTM(
            config.stem_channels,
            config.hidden_channels,
            config.kernel_size,
            config.layers,
            layer_norm=config.layer_norm,
            spatiotemporal=config.spatiotemporal,
        )
        # Two coordinates, a mask, what it draws, a log variance: of each pixel
        self.head = nn.Conv2d(config.hidden_channels + config.stem_channels, 5 * patch, 3, padding=1)
        with torch.no_grad():
            self.head.weight *= 0.1
            assert self.head.bias is not None
            self.head.bias[2 * patch : 3 * patch] = 2.0  # the last frame, to begin with
            self.head.bias[3 * patch : 5 * patch] = -2.0
        # Steps of training until now, for scheduled sampling, which a resumed run continues
        self.register_buffer("trained", torch.zeros((), dtype=torch.long))

    def step(self, frame: Tensor, before: Tensor, state: ConvLSTMState | None) -> tuple[NextFrame, ConvLSTMState]:
        """The frame after ``frame`` [batch, height, width], which came after ``before``, and the state."""
        seen = functional.pixel_unshuffle(torch.stack([frame, frame - before], 1), _PATCH)
        maps = functional.gelu(self.embedding(seen))
        output, state = self.lstm.step(maps, state)
        found = functional.pixel_shuffle(self.head(torch.cat([output.to(maps.dtype), maps], 1)), _PATCH).float()
        kept = found[:, 2].sigmoid()
        drawn = found[:, 3].sigmoid()
        new = kept * displaced(frame, 4 * found[:, :2]) + (1 - kept) * drawn
        return NextFrame(new, found[:, 4].clamp(-9.0, 0.0)), state

    def forward(self, frames: Tensor, steps: int) -> PixelOutlook:
        """The next ``steps`` frames of films [batch, time, height, width] of values from 0 to 1."""
        return self.read(frames, steps)[0]

    def read(self, frames: Tensor, steps: int) -> tuple[PixelOutlook, Tensor]:
        """As `forward`; and the given frames from the second on, each as it was forecast from those before."""
        state, before = None, frames[:, 0]
        found: list[NextFrame] = []
        for time in range(frames.size(1)):
            new, state = self.step(frames[:, time], before, state)
            before = frames[:, time]
            found.append(new)
        for _ in range(steps - 1):
            now = found[-1].frame
            new, state = self.step(now, before, state)
            before = now
            found.append(new)
        made = torch.stack([each.frame for each in found], 1)
        spread = torch.stack([each.log_variance for each in found[frames.size(1) - 1 :]], 1)
        known = frames.size(1) - 1
        return PixelOutlook(made[:, known:], spread.exp().clamp(min=_SURE)), made[:, :known]

    def loss(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Squared error a frame after the first, summed over films; ``mse`` is that of the frames not given alone."""
        frames, given = batch["frames"].float() / 255, int(batch["given"])
        time = frames.size(1)
        truth = self._truth(len(frames), time, given, frames.device)
        state, before, now = None, frames[:, 0], frames[:, 0]
        found = []
        for step in range(time - 1):
            new, state = self.step(now, before, state)
            found.append(new)
            before = now
            now = torch.where(truth[:, step + 1, None, None], frames[:, step + 1], new.frame)
        squared = (torch.stack([each.frame for each in found], 1) - frames[:, 1:]).square()
        spread = torch.stack([each.log_variance for each in found], 1)
        likely = (0.5 * (squared.detach() * (-spread).exp() + spread)).sum((2, 3))
        errors = squared.sum((2, 3))
        count = frames.new_tensor(float(len(frames)))
        loss = errors.mean(1).sum() + _VARIANCE_WEIGHT * likely.mean(1).sum()
        return {"loss": loss, "mse": errors[:, given - 1 :].mean(1).sum(), "points": count, "lines": count}

    def _truth(self, films: int, time: int, given: int, device: torch.device) -> Tensor:
        """Which frames [films, time] are read as they are, the others as forecast: those given, if nothing is drawn."""
        known = torch.arange(time, device=device) < given
        if not self.training or not self.config.sampling_steps:
            return known.expand(films, -1)
        done = min(1.0, float(self.trained) / self.config.sampling_steps)
        self.trained += 1
        chance = torch.where(known, 0.5 + 0.5 * done, 0.5 - 0.5 * done)
        drawn = torch.rand(films, time, device=device) < chance
        drawn[:, 0] = True
        return drawn
