"""The exported reader in plain onnxruntime against the network itself.

Run: python -m pytest tests/lstm_models/tasks/handwriting_reader/test_onnx_graph.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import lstm_models
from lstm_models.tasks.handwriting_reader.model import HandwritingReader
from tests.helpers import tiny_handwriting

pytest.importorskip("onnx", reason="onnx is not installed")
onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")


@pytest.mark.parametrize(("int8", "bound", "off"), [(False, 1e-4, 0.0), (True, 0.2, 0.01)])
def test_the_graph_is_the_network(int8: bool, bound: float, off: float, tmp_path: Path) -> None:
    """Lines of any length, also of one that the steps do not divide; in 8 bits a few outputs may be further off."""
    torch.set_num_threads(1)
    model = lstm_models.load("reader")
    assert isinstance(model, HandwritingReader)
    session = onnxruntime.InferenceSession(str(model.export_onnx(tmp_path / "reader.onnx", int8=int8)))
    counts, errors = set(), []
    for line in tiny_handwriting.lines(6, seed=1):
        features = model.config.features.encode(line["strokes"])
        counts.add(len(features) % model.config.stride)
        (found,) = session.run(["log_probs"], {"features": features})
        (wanted,) = model.log_probs([line["strokes"]])
        assert found.shape == wanted.shape
        errors.append(np.abs(np.exp(found) - np.exp(wanted)).max(-1))
    assert (np.concatenate(errors) >= bound).mean() <= off
    assert len(counts) > 1
