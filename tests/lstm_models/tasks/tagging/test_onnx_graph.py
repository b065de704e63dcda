"""The exported tagger in plain onnxruntime against the network and its chains."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import lstm_models
from lstm_models.tasks.tagging.features import NAMES, POS_TAGS
from lstm_models.tasks.tagging.model import Tagger
from lstm_models.tasks.tagging.network import collate

pytest.importorskip("onnx", reason="onnx is not installed")
onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")

SENTENCES = [
    ["Angela", "Merkel", "visited", "Paris", "on", "Tuesday", "."],
    ["Yes"],
    ["My", "sister", "Ann", "works", "for", "Siemens", "in", "New", "York", "."],
]
ORDER = ("words", "spellings", "spelling_lengths", "places", "lengths")


@pytest.mark.parametrize(("int8", "bound"), [(False, 1e-3), (True, 4.0)])
def test_the_graph_is_the_network(int8: bool, bound: float, tmp_path: Path) -> None:
    """Scores, and labels by Viterbi's algorithm, of sentences of unequal lengths, one of them a word."""
    torch.set_num_threads(1)
    model = lstm_models.load("tagger")
    assert isinstance(model, Tagger)
    session = onnxruntime.InferenceSession(str(model.export_onnx(tmp_path / "tagger.onnx", int8=int8)))
    batch = collate([model.encode(words) for words in SENTENCES])
    with torch.no_grad():
        *wanted, _ = model(*(batch[name] for name in ORDER))
    found = session.run(["pos", "names", "pos_scores", "names_scores"], {name: batch[name].numpy() for name in ORDER})
    lengths = batch["lengths"]
    for ours, theirs in zip(found[2:], wanted, strict=True):
        for row, length in enumerate(lengths):
            assert np.abs(ours[row, :length] - theirs[row, :length].numpy()).max() < bound
    for path, chain, scores in zip(found[:2], (model.pos_chain, model.name_chain), found[2:], strict=True):
        expected = chain.decode(torch.from_numpy(scores), lengths)
        assert [row[:length].tolist() for row, length in zip(path, lengths, strict=True)] == expected
    if not int8:
        tokens = model.tag_sentences(SENTENCES).tokens
        pairs = [(POS_TAGS[tag], NAMES[name]) for row, length in enumerate(lengths)
                 for tag, name in zip(found[0][row, :length], found[1][row, :length], strict=True)]  # fmt: skip
        assert pairs == [(token.pos, token.entity) for token in tokens]
        assert ("PROPN", "B-PER") in pairs
