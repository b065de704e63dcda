"""A recogniser with an encoder: one pass, batches, and streams by windows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from lstm_models.nn.acoustic_encoder import AcousticEncoderConfig, level
from lstm_models.tasks.speech.config import RecognizerConfig
from lstm_models.tasks.speech.model import Recognizer

SMALL = AcousticEncoderConfig(size=16, heads=2, blocks=3, inner=32, rotary=4, tuned=2)
BANDS = AcousticEncoderConfig(size=16, heads=2, blocks=3, inner=32, rotary=0, tuned=2, bands=20)


def recognizer(**options: object) -> Recognizer:
    torch.set_num_threads(1)
    torch.manual_seed(3)
    given = {"hidden_size": 16, "layers": 2, "lookahead": 0, "windows": (20, 4, 5), "encoder": SMALL, **options}
    return Recognizer(RecognizerConfig(**given)).eval()  # type: ignore[arg-type]


def sound(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(scale=0.1, size=count).astype(np.float32)


def pushed(model: Recognizer, samples: np.ndarray, cuts: Sequence[int]) -> np.ndarray:
    """All outputs of a stream, which after each push has given all but those it may be behind."""
    stream, made, place = model.acoustics(), [], 0
    for count in (*cuts, len(samples) - sum(cuts)):
        made.append(stream.push(samples[place : place + count]))
        place += count
        assert model.encoder is not None
        whole = place // (model.config.cell * model.encoder.hop) * model.config.cell
        assert sum(map(len, made)) == max(0, whole - model.config.delay)
    made.append(stream.finish())
    return np.concatenate(made)


@pytest.mark.parametrize(("lookahead", "encoder", "outputs"), [(0, SMALL, 102), (3, SMALL, 102), (0, BANDS, 125)])
def test_a_stream_gives_the_same_however_it_is_cut(
    lookahead: int, encoder: AcousticEncoderConfig, outputs: int
) -> None:
    model, samples = recognizer(lookahead=lookahead, encoder=encoder), sound(40_000)
    wanted = pushed(model, samples, [])
    assert wanted.shape == (outputs, model.labels)
    for cuts in ([1] * 300, [777] * 50, [1_920] * 20, [30_000]):
        np.testing.assert_allclose(pushed(model, samples, cuts), wanted, atol=1e-4)


@pytest.mark.parametrize("encoder", [SMALL, BANDS])
def test_one_window_is_the_whole_recording(encoder: AcousticEncoderConfig) -> None:
    model, samples = recognizer(windows=(200, 200, 300), encoder=encoder), sound(40_000)
    (whole,) = model.log_probs([samples])
    np.testing.assert_allclose(pushed(model, samples, [9_999]), whole, atol=1e-4)


def test_windows_are_those_of_the_config() -> None:
    """The encoder by hand on each window, then the layers over all of it at once."""
    model, samples = recognizer(), sound(20_000)
    assert model.encoder is not None
    back, ahead, new = model.config.windows
    parts, end, frames = [], 0, model.encoder.frames(len(samples))
    behind = ahead + 2
    for whole in range(new, len(samples) // 384 // new * new + 1, new):
        if whole - behind > end:
            start = max(0, end - back)
            wave = torch.from_numpy(level(samples[start * 384 : whole * 384]))
            with torch.no_grad():
                parts.append(model.mix(model.encoder.trunk(wave[None]))[:, end - start : whole - behind - start])
            end = whole - behind
    start = max(0, end - back)
    with torch.no_grad():
        rest = model.mix(model.encoder.trunk(torch.from_numpy(level(samples[start * 384 :]))[None]))
        hidden = torch.cat([*parts, rest[:, end - start :]], 1)
        steps = torch.tensor([frames])
        wanted = model.outputs(model.run_layers(hidden, steps, torch.ones(1, frames, 1)))[0].numpy()
    np.testing.assert_allclose(pushed(model, samples, []), wanted, atol=1e-4)


@pytest.mark.parametrize(("encoder", "outputs"), [(SMALL, [50, 0, 1, 18]), (BANDS, [63, 0, 3, 24])])
def test_recordings_in_a_batch_are_heard_as_alone(encoder: AcousticEncoderConfig, outputs: list[int]) -> None:
    model = recognizer(encoder=encoder)
    recordings = [sound(20_000, 1), sound(0), sound(300, 2), sound(7_777, 3)]
    found = model.log_probs(recordings)
    assert [len(one) for one in found] == outputs
    for one, samples in zip(found, recordings, strict=True):
        np.testing.assert_allclose(one, model.log_probs([samples])[0], atol=1e-4)


def test_loudness_changes_nothing() -> None:
    model, samples = recognizer(), sound(20_000)
    np.testing.assert_allclose(model.log_probs([samples / 50])[0], model.log_probs([samples])[0], atol=1e-3)


def test_the_loss_reaches_all_that_is_trained_and_nothing_else() -> None:
    model = recognizer().train()
    items = [{"features": torch.randn(n, 16), "text": torch.tensor([3, 4, 5])} for n in (30, 20)]
    model.loss(Recognizer.collate(items))["loss"].backward()
    groups = model.parameter_groups()
    assert [group["scale"] for group in groups] == [1.0, 0.25]
    trained = {id(one) for group in groups for one in group["params"]}
    for name, value in model.named_parameters():
        assert (id(value) in trained) == value.requires_grad == (value.grad is not None), name


def test_padding_of_a_batch_changes_no_loss() -> None:
    model = recognizer()
    items = [{"features": torch.randn(n, 16), "text": torch.tensor([3, 4, 5])} for n in (30, 20)]
    with torch.no_grad():
        alone = sum(float(model.loss(Recognizer.collate([one]))["loss"]) for one in items)
        together = float(model.loss(Recognizer.collate(items))["loss"])
    np.testing.assert_allclose(together, alone, rtol=1e-5)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"windows": (0, 4, 5)}, "windows must be"),
        ({"convolution": (4, 4, 4)}, "not for an encoder"),
        ({"gap": 0.0}, "gap must be above 0"),
    ],
)
def test_options_that_cannot_be(options: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        recognizer(**options)
