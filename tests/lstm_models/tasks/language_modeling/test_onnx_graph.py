"""The exported language model in plain onnxruntime against the network itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import lstm_models
from lstm_models.tasks.language_modeling.model import LanguageModel
from lstm_models.text.word_pieces import END

pytest.importorskip("onnx", reason="onnx is not installed")
onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")

TEXT = "The committee in Berlin had not yet answered the letter."


@pytest.mark.parametrize(("int8", "bound"), [(False, 1e-4), (True, 0.2)])
def test_the_graph_is_the_network(int8: bool, bound: float, tmp_path: Path) -> None:
    """A text at once, and the same token by token with the state that came out."""
    torch.set_num_threads(1)
    model = lstm_models.load("language-model")
    assert isinstance(model, LanguageModel)
    session = onnxruntime.InferenceSession(str(model.export_onnx(tmp_path / "lm.onnx", int8=int8)))
    tokens = np.array([[END, *model.vocabulary.encode(TEXT)], [END, *model.vocabulary.encode(TEXT)[::-1]]])
    with torch.no_grad():
        wanted, state = model(torch.from_numpy(tokens))
    zeros = np.zeros(state.h.shape, np.float32)
    found, h, _ = session.run(None, {"tokens": tokens, "h": zeros, "c": zeros})
    assert found.shape == wanted.shape
    assert np.abs(np.exp(found) - wanted.exp().numpy()).max() < bound
    if int8:
        return
    assert np.abs(h - state.h.numpy()).max() < 1e-4
    h = c = zeros
    for time in range(tokens.shape[1]):
        step, h, c = session.run(None, {"tokens": tokens[:, time : time + 1], "h": h, "c": c})
        assert np.abs(step[:, 0] - wanted[:, time].numpy()).max() < 1e-3


def test_the_graph_gives_the_score_of_a_text(tmp_path: Path) -> None:
    """Summed, its log probabilities are what `log_probs` says."""
    torch.set_num_threads(1)
    model = lstm_models.load("language-model")
    assert isinstance(model, LanguageModel)
    session = onnxruntime.InferenceSession(str(model.export_onnx(tmp_path / "lm.onnx")))
    line = [END, *model.vocabulary.encode(TEXT), END]
    zeros = np.zeros((len(model.lstm.cells), 1, model.lstm.hidden_size), np.float32)
    (found, *_) = session.run(None, {"tokens": np.array([line[:-1]]), "h": zeros, "c": zeros})
    total = found[0, np.arange(len(line) - 1), line[1:]].sum()
    assert float(total) == pytest.approx(model.log_probs([TEXT])[0], abs=1e-2)
