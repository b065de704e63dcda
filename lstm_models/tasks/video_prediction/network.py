"""The network: a film is taken apart into objects that move, and their paths go on.

- A bidirectional ConvLSTM over maps of an eighth of the frame says of each pixel of each frame to which of a few
  transparent layers it belongs.
- Each layer is one rigid object. Its centres of mass are a path, which an LSTM continues, with how sure it is; how the
  object looks is put together from all frames, shifted onto each other.
- A forecast is the objects drawn at the places expected, blurred by how uncertain these are: the mean over all paths,
  which has the least squared error. Nothing is drawn from a drawing, so forecasts of any length stay sharp where the
  place is known.

Objects as layers that move: Jojic and Frey 2001; a recurrent network on each one's position: DDPAE (Hsieh et al. 2018).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from lstm_models.nn.conv_lstm import ConvLSTM
from lstm_models.tasks.video_prediction.config import VideoPredictorConfig
from lstm_models.tasks.video_prediction.geometry import centroids, crops, render
from lstm_models.tasks.video_prediction.paths import PathForecaster

__all__ = ["ObjectNetwork", "Objects", "Outlook", "collate"]

_PATCH = 4
_LAYER_WEIGHT = 0.3  # of the layers' cross-entropy in the loss, a pixel
_FAR = 3.0  # standard deviations
_PATH_WEIGHT = 2.0  # of the paths' negative log-likelihood, a coordinate
_DRILL_WEIGHT = 2.0  # of the same for true paths


@dataclass(frozen=True)
class Objects:
    """What was found in a film.

    Attributes:
        logits: of each pixel belonging to a layer [batch, time, objects, height, width].
        places: centres of mass in pixels [batch, objects, time, 2], row and column.
        corners: of the square of an object [batch, objects, time, 2], whole pixels.
        masses: of each object in each frame [batch, objects, time].
        appearance: of each object in its square [batch, objects, size, size].
    """

    logits: Tensor
    places: Tensor
    corners: Tensor
    masses: Tensor
    appearance: Tensor


@dataclass(frozen=True)
class Outlook:
    """A forecast.

    Attributes:
        frames: expected values [batch, steps, height, width], from 0 to 1.
        variance: of each pixel, likewise.
        layers: each object by itself [batch, objects, steps, height, width].
        places: expected centres [batch, objects, time - 1 + steps, 2] from the second observed frame on.
        spreads: their log standard deviations, likewise.
    """

    frames: Tensor
    variance: Tensor
    layers: Tensor
    places: Tensor
    spreads: Tensor


class ObjectNetwork(nn.Module):
    """See the module; settings in ``VideoPredictorConfig``."""

    def __init__(self, config: VideoPredictorConfig) -> None:
        super().__init__()
        self.config = config
        stem, hidden, looks = config.stem_channels, config.hidden_channels, config.appearance_channels
        patch = _PATCH * _PATCH
        self.stem = nn.Conv2d(3 * patch, stem, 3, padding=1)
        self.down = nn.Conv2d(stem, 2 * hidden, 3, stride=2, padding=1)
        self.encoder = ConvLSTM(
            2 * hidden, hidden, config.kernel_size, config.layers, bidirectional=True, layer_norm=config.layer_norm
        )
        self.up = nn.Conv2d(2 * hidden, 4 * stem, 1)
        self.merge = nn.Conv2d(2 * stem, stem, 3, padding=1)
        self.masks = nn.Conv2d(stem, config.objects * patch, 3, padding=1)
        self.appearance = nn.Sequential(
            nn.Conv2d(5, looks, 3, padding=1),
            nn.GELU(),
            nn.Conv2d(looks, looks, 3, padding=1),
            nn.GELU(),
            nn.Conv2d(looks, 1, 3, padding=1),
        )
        self.paths = PathForecaster(config.path_size, config.path_layers)

    def forward(self, frames: Tensor, steps: int) -> tuple[Objects, Outlook]:
        """The objects of films [batch, time, height, width] of values from 0 to 1, and the next ``steps`` frames."""
        logits = self.separate(frames)
        with torch.autocast(frames.device.type, enabled=False):  # places need more than eight bits
            objects = self.find(frames, logits.float())
            return objects, self.forecast(objects, steps)

    def separate(self, frames: Tensor) -> Tensor:
        """Logits [batch, time, objects, height, width] that a pixel belongs to a layer."""
        batch, time = frames.shape[:2]
        before = torch.cat([frames[:, :1], frames[:, :-1]], 1)
        after = torch.cat([frames[:, 1:], frames[:, -1:]], 1)
        seen = functional.pixel_unshuffle(torch.stack([frames, before, after], 2).flatten(0, 1), _PATCH)
        fine = functional.gelu(self.stem(seen))
        coarse = functional.gelu(self.down(fine))
        states, _ = self.encoder(coarse.unflatten(0, (batch, time)))
        wide = functional.pixel_shuffle(functional.gelu(self.up(states.flatten(0, 1))), 2)
        merged = functional.gelu(self.merge(torch.cat([fine, wide], 1)))
        logits: Tensor = functional.pixel_shuffle(self.masks(merged), _PATCH).unflatten(0, (batch, time))
        return logits

    def find(self, frames: Tensor, logits: Tensor) -> Objects:
        """Places and looks of the objects of films, given to which layers their pixels belong."""
        layers = (logits.sigmoid() * frames[:, :, None]).transpose(1, 2)
        places, masses = centroids(layers, self.config.object_size)
        size = self.config.object_size
        with torch.no_grad():
            # Objects are drawn at whole pixels: they all have one fraction of a pixel, their centres' circular mean
            turn = 2 * torch.pi * places
            weight = masses[..., None]
            phase = torch.atan2((turn.sin() * weight).sum(2), (turn.cos() * weight).sum(2))[:, :, None] / 2 / torch.pi
            corners = (places - phase).round() - (size // 2)
        whole = crops(frames[:, None].expand_as(layers), corners, size)
        parts = crops(layers, corners, size)
        sorted_whole, sorted_parts = whole.sort(2).values, parts.sort(2).values
        middle = frames.size(1) // 2
        mean = parts.mean(2)
        seen = [sorted_whole[:, :, 0], sorted_whole[:, :, middle], mean, sorted_parts[:, :, middle], parts[:, :, -1]]
        change = self.appearance(torch.stack(seen, 2).flatten(0, 1))[:, 0].unflatten(0, mean.shape[:2])
        appearance = (seen[3] + change).clamp(0, 1) * (parts.amax((2, 3, 4)) > 0.05)[..., None, None]
        return Objects(logits, places, corners, masses, appearance)

    def forecast(self, objects: Objects, steps: int) -> Outlook:
        """The next ``steps`` frames of films with these objects."""
        height, width = self.config.height, self.config.width
        batch, count, time = objects.places.shape[:3]
        paths = objects.places.transpose(2, 3).flatten(0, 2)  # [batch * objects * 2, time]
        clarity = objects.masses / objects.masses.amax(2, keepdim=True).clamp(min=1.0)
        lengths = paths.new_tensor([height, width]).repeat(batch * count)
        found = self.paths(paths, clarity.repeat_interleave(2, 1).flatten(0, 1), steps, lengths)
        places, spreads = (each.unflatten(0, (batch, count, 2)).transpose(2, 3) for each in found)
        # The centre within the square, of which the corner is a whole number in all observed frames
        within = (objects.places - objects.corners).mean(2, keepdim=True)
        ahead = places[:, :, time - 1 :]
        looks = objects.appearance[:, :, None].expand(-1, -1, steps, -1, -1)
        spread = spreads[:, :, time - 1 :].exp()
        layers, squares = render(looks, ahead - within, spread, height, width)
        clear, clear_square = (1 - layers).prod(1), (1 - 2 * layers + squares).prod(1)
        variance = (clear_square - clear.square()).clamp(min=0)
        return Outlook(1 - clear, variance, layers, places, spreads)

    def redrawn(self, objects: Objects) -> Tensor:
        """The given frames [batch, time, height, width] as the objects explain them."""
        count = objects.places.size(2)
        looks = objects.appearance[:, :, None].expand(-1, -1, count, -1, -1)
        within = (objects.places - objects.corners).mean(2, keepdim=True)
        spread = torch.full_like(objects.places, 0.25)
        layers, _ = render(looks, objects.places - within, spread, self.config.height, self.config.width)
        return 1 - (1 - layers).prod(1)

    def loss(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Sums over films: ``mse``, the squared error of a forecast frame summed over its pixels, and the ``loss``.

        While training that has more terms: how well the given frames are taken apart and how likely the paths are,
        where the objects are known; otherwise how well the given frames are drawn.
        """
        frames, given = batch["frames"].float() / 255, int(batch["given"])
        time = frames.size(1)
        objects, outlook = self(frames[:, :given], time - given)
        squared = (outlook.frames - frames[:, given:]).square().sum((2, 3))
        loss = squared.mean(1).sum()
        if not self.training:
            pass
        elif "layers" in batch:
            loss = loss + self._layer_loss(objects, outlook, frames, batch["layers"].float() / 255, given)
        else:
            loss = loss + (self.redrawn(objects) - frames[:, :given]).square().sum((2, 3)).mean(1).sum()
        count = frames.new_tensor(float(len(frames)))
        return {"loss": loss, "mse": squared.mean(1).sum(), "points": count, "lines": count}

    def _layer_loss(self, objects: Objects, outlook: Outlook, frames: Tensor, layers: Tensor, given: int) -> Tensor:
        """Cross-entropy of the pixels' layers, and likelihood of the paths, for the best assignment of the objects."""
        seen = frames[:, :given]
        wanted = (layers[:, :, :given] / seen[:, None].clamp(min=1e-3)).clamp(0, 1)
        logits = objects.logits.transpose(1, 2)
        orders = torch.tensor(list(itertools.permutations(range(layers.size(1)))), device=frames.device)
        # cost[b, found, true]; a binary cross-entropy is linear in what is wanted
        weight = seen[:, None]
        base = (functional.softplus(logits) * weight).sum((2, 3, 4))
        match = torch.einsum("bkthw,bjthw->bkj", logits * weight, wanted)
        cost = base[:, :, None] - match
        found = torch.arange(layers.size(1), device=frames.device)
        totals = torch.stack([cost[:, found, order].sum(1) for order in orders], 1)
        best = orders[totals.detach().argmin(1)]  # [batch, objects]
        total = totals.min(1).values.sum() / given
        true = layers.gather(1, best[:, :, None, None, None].expand_as(layers))
        places, masses = centroids(true[:, :, 1:], self.config.object_size, rounds=0)
        real = (masses > 1)[..., None]
        likely = _unlikely(places, outlook.places, outlook.spreads) * real
        ahead, known = likely[:, :, given - 1 :].mean(2).sum(), likely[:, :, : given - 1].mean(2).sum()
        paths = _PATH_WEIGHT * (ahead + 0.3 * known) + _DRILL_WEIGHT * self._drill(true, given)
        return _LAYER_WEIGHT * total + paths

    def _drill(self, layers: Tensor, given: int) -> Tensor:
        """How unlikely true paths are, forwards, backwards and mirrored, from places seen as badly as layers give them.

        Motion between walls is learned from many more paths than the films of a batch have.
        """
        centres, masses = centroids(layers, self.config.object_size, rounds=0)
        real = (masses.amin(2) > 1).flatten()
        paths = centres.flatten(0, 1)[real].transpose(1, 2)  # [objects, 2, time]
        lengths = paths.new_tensor([self.config.height, self.config.width]).expand(len(paths), 2)
        mirrored = lengths[..., None] - 1 - paths
        paths = torch.cat([paths, mirrored, paths.flip(2), mirrored.flip(2)]).flatten(0, 1)
        lengths = lengths.repeat(4, 1).flatten()
        seen = paths[:, :given]
        hidden = (torch.rand_like(seen) < 0.15).to(seen.dtype)
        noise = torch.randn_like(seen) * (0.15 + torch.rand_like(seen[:, :1]) * (0.35 + 2.0 * hidden))
        found = self.paths(seen + noise, 1 - 0.3 * hidden, paths.size(1) - given, lengths)
        return _unlikely(paths[:, 1:], *found)[:, given - 1 :].mean(1).sum() / 4


def _unlikely(places: Tensor, expected: Tensor, spreads: Tensor) -> Tensor:
    """Negative log-likelihood of places, up to a constant; Huber's, so that a wrong turn does not outweigh the rest."""
    error = (places - expected).abs() / spreads.exp()
    return torch.where(error < _FAR, 0.5 * error.square(), _FAR * (error - 0.5 * _FAR)) + spreads


def collate(items: Sequence[NDArray[np.uint8]], given: int) -> dict[str, Tensor]:
    """The batch that ``loss`` takes, of films whose first ``given`` frames are given.

    Films are uint8 [time, height, width]; or [objects, time, height, width], each object by itself.
    """
    films = torch.from_numpy(np.stack(list(items)))
    batch = {"given": torch.tensor(given)}
    return {**batch, "frames": films.amax(1), "layers": films} if films.dim() == 5 else {**batch, "frames": films}
