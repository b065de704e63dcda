"""The acoustic encoder against its equations written out anew, and against onnxruntime where its file is at hand."""

from __future__ import annotations

import math
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from lstm_models.nn.acoustic_encoder import AcousticEncoder, AcousticEncoderConfig, level
from tests.helpers.encoder_checks import check_batch, check_trunk_and_tail

SIZES = AcousticEncoderConfig(size=24, heads=2, blocks=3, inner=40, rotary=8, tuned=2)


@pytest.fixture(scope="module")
def encoder() -> AcousticEncoder:
    torch.set_num_threads(1)
    torch.manual_seed(5)
    made = AcousticEncoder(SIZES).eval()
    with torch.no_grad():  # norms that are not the identity
        for name, value in made.named_parameters():
            if "norm" in name:
                value.add_(0.3 * torch.randn_like(value))
    return made


def sound(count: int, seed: int = 0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(scale=0.1, size=count).astype(np.float32))


def plain(encoder: AcousticEncoder, samples: np.ndarray) -> list[np.ndarray]:
    """What the encoder computes of one recording, by loops, complex numbers and float64."""
    weights = {name: value.detach().numpy().astype(np.float64) for name, value in encoder.state_dict().items()}

    def gelu(x: np.ndarray) -> np.ndarray:
        return x * 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))

    def convolved(x: np.ndarray, name: str, stride: int) -> np.ndarray:  # x [channels, time]
        kernel = weights[f"{name}.weight"]
        count = (x.shape[1] - kernel.shape[2]) // stride + 1
        columns = [np.tensordot(kernel, x[:, t * stride : t * stride + kernel.shape[2]], 2) for t in range(count)]
        return np.stack(columns, 1) + weights.get(f"{name}.bias", np.zeros(len(kernel)))[:, None]

    def normalized(x: np.ndarray, name: str) -> np.ndarray:
        return (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-5) * weights[f"{name}.weight"]

    x = np.tanh(convolved(samples.astype(np.float64)[None], "conv1", 64))
    x = (x - x.mean()) / np.sqrt(x.var() + 1e-5)
    x = x * weights["groupnorm.weight"][:, None] + weights["groupnorm.bias"][:, None]
    x = gelu(convolved(gelu(convolved(x, "conv2", 3)), "conv3", 2)).T
    config, states = encoder.config, [x]
    size = config.size // config.heads
    rates = np.array([10_000 ** (-2 * k / config.rotary) for k in range(config.rotary // 2)])
    for number in range(config.blocks):
        block = f"blocks.{number}"
        q, k, v = np.split(normalized(x, f"{block}.norm1") @ weights[f"{block}.qkv.weight"].T, 3, 1)
        found = []
        for head in range(config.heads):
            place = slice(head * size, (head + 1) * size)
            turned = []
            for values in (q[:, place], k[:, place]):
                pairs = values[:, 0 : config.rotary : 2] + 1j * values[:, 1 : config.rotary : 2]
                pairs = pairs * np.exp(1j * np.arange(len(x))[:, None] * rates)
                parts = [np.stack([pairs.real, pairs.imag], 2).reshape(len(x), -1), values[:, config.rotary :]]
                turned.append(np.concatenate(parts, 1))
            scores = np.exp(turned[0] @ turned[1].T / math.sqrt(size))
            found.append(scores / scores.sum(1, keepdims=True) @ v[:, place])
        x = x + np.concatenate(found, 1) @ weights[f"{block}.out.weight"].T
        inner = gelu(normalized(x, f"{block}.norm2") @ weights[f"{block}.up.weight"].T + weights[f"{block}.up.bias"])
        x = x + inner @ weights[f"{block}.down.weight"].T + weights[f"{block}.down.bias"]
        states.append(x)
    states[-1] = normalized(x, "norm")
    return states


def test_equals_its_equations(encoder: AcousticEncoder) -> None:
    samples = sound(9_000)
    with torch.no_grad():
        found = encoder(samples[None])
    wanted = plain(encoder, samples.numpy())
    assert len(found) == len(wanted) == SIZES.blocks + 1
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one[0].numpy(), other, atol=2e-4)


def test_trunk_and_tail_are_the_whole(encoder: AcousticEncoder) -> None:
    check_trunk_and_tail(encoder, sound(9_000)[None])


def test_a_batch_gives_what_each_recording_gives_alone(encoder: AcousticEncoder) -> None:
    check_batch(encoder, [sound(count, seed) for seed, count in enumerate((9_000, 5_001, 900))])


@pytest.mark.parametrize(("samples", "frames"), [(0, 0), (894, 0), (895, 1), (1278, 1), (1279, 2), (16_000, 40)])
def test_counts_frames(encoder: AcousticEncoder, samples: int, frames: int) -> None:
    assert encoder.frames(samples) == frames
    if frames:
        with torch.no_grad():
            assert encoder(sound(samples)[None])[-1].shape == (1, frames, SIZES.size)


def test_trains_only_what_is_to_be_tuned(encoder: AcousticEncoder) -> None:
    tuned = {name.rpartition(".")[0] for name, value in encoder.named_parameters() if value.requires_grad}
    assert {name for name in tuned if name.startswith(("conv", "groupnorm", "blocks.0"))} == set()
    assert {"norm", "blocks.1.qkv", "blocks.2.down"} <= tuned
    frozen = encoder.trunk(sound(2_000)[None])
    assert not frozen.requires_grad
    assert encoder.tail(frozen)[-1].requires_grad


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"size": 0}, "size must be at least 1"),
        ({"heads": 7}, "multiple of heads"),
        ({"rotary": 3}, "rotary must be even"),
        ({"rotary": 38}, "within a head's features"),
        ({"tuned": 7}, "between 0 and 6"),
    ],
)
def test_sizes_that_cannot_be(options: dict[str, int], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        AcousticEncoderConfig(**options)


def test_level_is_the_same_for_loud_and_quiet_recordings() -> None:
    samples = sound(16_000).numpy()
    np.testing.assert_allclose(np.sqrt(np.mean(level(samples) ** 2)), 0.05, rtol=1e-5)
    np.testing.assert_allclose(level(samples * 0.01), level(samples), rtol=1e-4)
    assert not level(np.zeros(10, np.float32)).any()
    assert level(np.zeros(0, np.float32)).shape == (0,)
    assert np.abs(level(np.full(10, 1e-6, np.float32))).max() < 1e-3  # no noise out of nothing


@pytest.mark.skipif("MOONSHINE_ENCODER" not in os.environ, reason="MOONSHINE_ENCODER names no encoder_model.ort")
def test_is_near_onnxruntime() -> None:
    """As near as its 8-bit activations allow."""
    onnxruntime = pytest.importorskip("onnxruntime")
    from lstm_apps.tasks.speech.convert_encoder import read_ort

    path = os.environ["MOONSHINE_ENCODER"]
    made = AcousticEncoder(AcousticEncoderConfig()).eval()
    made.load_state_dict(read_ort(Path(path)))
    samples = (sound(48_000) * torch.linspace(0, 1, 48_000)).numpy()[None]
    inputs = {"input_values": samples, "attention_mask": np.ones(samples.shape, np.int64)}
    (wanted,) = onnxruntime.InferenceSession(path).run(None, inputs)
    with torch.no_grad():
        found = made(torch.from_numpy(samples))[-1].numpy()
    assert found.shape == wanted.shape
    assert np.corrcoef(found.ravel(), wanted.ravel())[0, 1] > 0.99


def test_trains_after_inference_mode(encoder: AcousticEncoder) -> None:
    samples = sound(30_001)[None]  # of a length that nobody had before
    with torch.inference_mode():
        encoder(samples)
    sum(one.sum() for one in encoder.tail(encoder.trunk(samples))).backward()  # type: ignore[union-attr]
    assert encoder.blocks[1].qkv.weight.grad is not None  # type: ignore[union-attr]
