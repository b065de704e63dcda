"""The exported punctuator in plain onnxruntime against the network itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import lstm_models
from lstm_models.tasks.punctuation.config import PunctuatorConfig
from lstm_models.tasks.punctuation.model import Punctuator

pytest.importorskip("onnx", reason="onnx is not installed")
onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")

TEXTS = ("hello how are you i am fine", "in march anna went to rome", "yes")


def check(model: Punctuator, path: Path, bound: float, int8: bool = False) -> None:
    torch.set_num_threads(1)
    session = onnxruntime.InferenceSession(str(model.export_onnx(path / "punctuator.onnx", int8=int8)))
    encoded = [model.encode(text.split()) for text in TEXTS]
    words, endings = (
        torch.nn.utils.rnn.pad_sequence(list(each), batch_first=True) for each in zip(*encoded, strict=True)
    )
    lengths = torch.tensor([len(ids) for ids, _ in encoded])
    with torch.no_grad():
        wanted = model(words, endings, lengths)
    given = {"words": words.numpy(), "endings": endings.numpy(), "lengths": lengths.numpy()}
    names = {each.name for each in session.get_inputs()}
    found = session.run(["marks", "cases"], {name: value for name, value in given.items() if name in names})
    for ours, theirs in zip(found, wanted, strict=True):
        assert ours.shape == theirs.shape
        for row, length in enumerate(lengths):
            assert np.abs(np.exp(ours[row, :length]) - theirs[row, :length].exp().numpy()).max() < bound


@pytest.mark.parametrize(("int8", "bound"), [(False, 1e-4), (True, 0.25)])
def test_the_graph_is_the_network(int8: bool, bound: float, tmp_path: Path) -> None:
    model = lstm_models.load("punctuator")
    assert isinstance(model, Punctuator)
    check(model, tmp_path, bound, int8)


@pytest.mark.parametrize("ending_size", [0, 4])
def test_one_that_looks_ahead(ending_size: int, tmp_path: Path) -> None:
    """In one direction, with words of look-ahead; with and without vectors of endings."""
    torch.manual_seed(1)
    config = PunctuatorConfig(
        vocabulary="hello\nhow\nare\nyou",
        embedding_size=6,
        ending_size=ending_size,
        hidden_size=8,
        layers=2,
        lookahead=3,
    )
    check(Punctuator(config).eval(), tmp_path, 1e-5)
