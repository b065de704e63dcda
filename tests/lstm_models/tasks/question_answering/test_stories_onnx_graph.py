"""The exported graph of the story answerer in plain onnxruntime, beside the network."""

from __future__ import annotations

import numpy as np
import pytest
import torch

pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

import lstm_models  # noqa: E402 - needs onnx
from lstm_models.errors import InputError  # noqa: E402
from lstm_models.tasks.question_answering.stories import (  # noqa: E402
    Story,
    StoryAnswerer,
    StoryAnswererConfig,
    collate,
)

CONFIG = StoryAnswererConfig("mary john went to the garden kitchen where is", "garden kitchen", 8, 6, 3)
STORIES = [
    Story(("Mary went to the garden.", "John went to the kitchen.", "Mary left."), "Where is Mary?"),
    Story(("John went to the garden.",), "Where is John?"),
    Story(("Mary went.", "Mary went."), "Where?"),
]


def outputs(path, stories, answerer):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    batch = collate([answerer.encoder(story) for story in stories])
    found = session.run(
        ["log_probs", "attention"], {each.name: batch[each.name].numpy() for each in session.get_inputs()}
    )
    with torch.no_grad():
        return found, answerer(batch)


@pytest.mark.parametrize("stories", [STORIES, STORIES[1:2]])
def test_it_gives_what_the_network_gives(tmp_path, stories):
    torch.manual_seed(0)
    answerer = StoryAnswerer(CONFIG).eval()
    for layer in (answerer.query, answerer.output):
        torch.nn.init.normal_(layer.weight)
    (log_probs, attention), wanted = outputs(answerer.export_onnx(tmp_path / "stories.onnx"), stories, answerer)
    np.testing.assert_allclose(log_probs, wanted[0], atol=1e-5)
    np.testing.assert_allclose(attention, wanted[1], atol=1e-5)


def test_the_bundled_model(tmp_path):
    answerer = lstm_models.load("story-answerer")
    story = Story(("Mary got the milk.", "Mary went to the office.", "Mary dropped the milk."), "Where is the milk?")
    for int8 in (False, True):
        path = answerer.export_onnx(tmp_path / "stories.onnx", int8=int8)
        (log_probs, _), wanted = outputs(path, [story], answerer)
        np.testing.assert_allclose(np.exp(log_probs), wanted[0].exp(), atol=0.1 if int8 else 1e-4)
        assert answerer.encoder.answers[log_probs[0].argmax()] == "office"


def test_a_file_that_cannot_be_written_is_a_sentence(tmp_path):
    with pytest.raises(InputError, match="cannot be written"):
        StoryAnswerer(CONFIG).export_onnx(tmp_path / "no" / "folder.onnx")
