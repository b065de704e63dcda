"""The exported graph of a scene layout in plain onnxruntime, beside the network."""

from __future__ import annotations

import numpy as np
import pytest
import torch

pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

import lstm_models  # noqa: E402 - needs onnx
from lstm_models.errors import InputError  # noqa: E402
from lstm_models.tasks.image_generation.scene_layout import SceneLayoutConfig  # noqa: E402
from lstm_models.tasks.image_generation.sentence_model import SentenceImageGenerator  # noqa: E402


def session_of(path):
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def test_it_gives_what_the_network_gives(tmp_path):
    torch.manual_seed(0)
    layout = SentenceImageGenerator(
        SceneLayoutConfig("a b c d", kinds=3, grid=5, word_size=4, sentence_size=4, decoder_size=6)
    )
    layout.eval()
    torch.nn.init.normal_(layout.attention.score)
    session = session_of(layout.export_onnx(tmp_path / "layout.onnx"))
    words = torch.tensor([[1, 2, 3, 4], [2, 4, 0, 0]])
    before = torch.tensor([[[3, 0, 0], [1, 2, 4], [0, 4, 1]], [[3, 0, 0], [2, 0, 3], [2, 1, 1]]])
    names = ["kind", "row", "column", "attention"]
    made = session.run(names, {"words": words.numpy(), "before": before.numpy()})
    with torch.no_grad():
        *read, state = layout.read(words)
        for digit in range(3):
            odds, weights, state = layout.step(before[:, digit], (read[0], read[1], read[2]), state)
            for found, wanted in zip(made, [*odds, weights], strict=True):
                np.testing.assert_allclose(found[:, digit], wanted, atol=1e-5)


def test_the_bundled_model_places_the_digits_of_a_sentence(tmp_path):
    generator = lstm_models.load("image-generator-sentences")
    session = session_of(generator.export_onnx(tmp_path / "layout.onnx"))
    numbers = [generator.config.vocabulary.index(word) + 1 for word in ["a", "three", "above", "a", "seven"]]
    before = [[generator.config.kinds, 0, 0]]
    while True:  # as ``place`` at temperature 0
        given = {"words": np.array([numbers]), "before": np.array([before])}
        kind, row, column = (odds[0, -1].argmax() for odds in session.run(["kind", "row", "column"], given))
        if kind == generator.config.kinds:
            break
        before.append([kind, row, column])
    placed = generator.place(numbers, 1, 0.0)
    assert [tuple(each) for each in before[1:]] == [(each.kind, each.row, each.column) for each in placed]
    assert [each.kind for each in placed] == [3, 7]
    assert placed[0].row < placed[1].row


def test_a_file_that_cannot_be_written_is_a_sentence(tmp_path):
    with pytest.raises(InputError, match="cannot be written"):
        SentenceImageGenerator(SceneLayoutConfig("a")).export_onnx(tmp_path / "no" / "folder.onnx")
