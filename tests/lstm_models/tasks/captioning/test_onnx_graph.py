"""The exported captioner in plain onnxruntime, beside the network."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

from lstm_models.errors import InputError  # noqa: E402 - needs onnx
from lstm_models.nn.image_encoder import ImageConfig  # noqa: E402
from lstm_models.tasks.captioning.config import CaptionerConfig  # noqa: E402
from lstm_models.tasks.captioning.model import Captioner  # noqa: E402
from lstm_models.text.vocabulary import END, UNKNOWN  # noqa: E402

WORDS = ("a", "dog", "man", "runs", "sits", "on", "the", "grass", "red", "is")
STEPS = 6


@pytest.fixture(scope="module", params=["top_down", "single"])
def model(request):
    torch.manual_seed(3)
    torch.set_num_threads(1)
    image = ImageConfig("tf_efficientnet_lite0", size=96, tuned=1)
    sizes = {"word_size": 12, "hidden_size": 16, "attention_size": 8}
    made = Captioner(CaptionerConfig(WORDS, image, decoder=request.param, **sizes)).eval()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter) * parameter.abs().mean().clamp(min=0.1))
    return made


@pytest.fixture(scope="module")
def session(model, tmp_path_factory):
    path = model.export_onnx(tmp_path_factory.mktemp("onnx") / "captioner.onnx")
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


@pytest.fixture(scope="module")
def photo(model):
    pixels = np.random.default_rng(5).integers(0, 255, (50, 70, 3)).astype(np.uint8)
    image = Image.fromarray(pixels)
    return image, model.encoder.preprocess(image)[None].numpy()


def test_given_sentences_are_as_probable_as_the_network_has_them(model, session, photo):
    given = np.array([[2, 3, 5, 4, 6, END], [9, 9, 2, 4, 3, END]])
    words, log_p, looks = session.run(None, {"pixels": photo[1], "given": given})
    with torch.inference_mode():
        memory = model.encode([photo[0]])
        lengths = torch.tensor([[STEPS, STEPS]])
        features, attention, _ = model.teacher_forced(memory, torch.from_numpy(given)[None], lengths)
        expected = model.log_probabilities(features).view(2, STEPS, -1)
    np.testing.assert_array_equal(words, given)
    np.testing.assert_allclose(log_p, expected.numpy(), atol=2e-3)
    np.testing.assert_allclose(looks, attention[0].numpy(), atol=2e-3)


def test_without_words_the_likeliest_come(model, session, photo):
    """As the captioner's own greedy search has them, and from a beginning on."""
    with torch.inference_mode():
        expected = model.generate(model.encode([photo[0]]), 1, sample=False)[0, 0].tolist()
    assert UNKNOWN not in expected
    given = np.full((2, STEPS), -1)
    given[1, :2] = expected[:2]
    words, *_ = session.run(None, {"pixels": photo[1], "given": given})
    for row in words.tolist():
        until = row.index(END) if END in row else STEPS
        assert row[:until] == [word for word in expected if word != END][:STEPS][:until]


def test_int8_says_nearly_the_same(model, photo, tmp_path):
    path = model.export_onnx(tmp_path / "int8.onnx", int8=True)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    given = np.array([[2, 3, 5, END]])
    _, log_p, _ = session.run(None, {"pixels": photo[1], "given": given})
    with torch.inference_mode():
        features, *_ = model.teacher_forced(
            model.encode([photo[0]]), torch.from_numpy(given)[None], torch.tensor([[4]])
        )
        expected = model.log_probabilities(features).numpy()
    assert np.abs(np.exp(log_p[0]) - np.exp(expected)).max() < 0.15


def test_a_file_that_cannot_be_written_is_a_sentence(model, tmp_path):
    with pytest.raises(InputError, match="cannot be written"):
        model.export_onnx(tmp_path / "no" / "folder.onnx")
