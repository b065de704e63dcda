"""The exported recogniser in plain onnxruntime against the network itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import lstm_models
from lstm_models.errors import InputError
from lstm_models.nn.acoustic_encoder import AcousticEncoderConfig
from lstm_models.tasks.speech.config import RecognizerConfig
from lstm_models.tasks.speech.model import Recognizer

pytest.importorskip("onnx", reason="onnx is not installed")
onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")


def sound(count: int, loudness: float = 0.1) -> np.ndarray:
    return np.random.default_rng(count).normal(scale=loudness, size=count).astype(np.float32)


def compare(model: Recognizer, path: Path, bound: float) -> None:
    session = onnxruntime.InferenceSession(str(path))
    for samples in (sound(20_000), sound(300), sound(7_777, 0.001), np.zeros(5_000, np.float32)):  # any length
        (found,) = session.run(["log_probs"], {"samples": samples})
        (wanted,) = model.log_probs([samples])
        assert found.shape == wanted.shape
        assert np.abs(np.exp(found) - np.exp(wanted)).max() < bound


@pytest.mark.parametrize(
    ("tuned", "bands", "options"),
    [(0, 0, {"lookahead": 3}), (2, 0, {}), (3, 0, {"bidirectional": True}), (2, 20, {})],
)
def test_the_graph_is_the_network(tuned: int, bands: int, options: dict[str, int | bool], tmp_path: Path) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    rotary = 0 if bands else 4
    encoder = AcousticEncoderConfig(size=16, heads=2, blocks=3, inner=32, rotary=rotary, tuned=tuned, bands=bands)
    sizes = {"hidden_size": 16, "layers": 2, "lookahead": 0, "encoder": encoder, **options}
    model = Recognizer(RecognizerConfig(**sizes)).eval()  # type: ignore[arg-type]
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.2)
    compare(model, model.export_onnx(tmp_path / "recognizer.onnx"), 1e-4)


def test_the_bundled_recogniser(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    model = lstm_models.load("recognizer")
    compare(model, model.export_onnx(tmp_path / "recognizer.onnx"), 1e-3)


def test_without_an_encoder_there_is_no_graph(tmp_path: Path) -> None:
    model = Recognizer(RecognizerConfig(hidden_size=8, layers=1))
    with pytest.raises(InputError, match="acoustic encoder"):
        model.export_onnx(tmp_path / "recognizer.onnx")
    assert not list(tmp_path.iterdir())
