"""The exported graph in plain onnxruntime, beside the network."""

from __future__ import annotations

import numpy as np
import pytest
import torch

pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

from lstm_models.errors import InputError  # noqa: E402 - needs onnx
from lstm_models.text.vocabulary import END, UNKNOWN  # noqa: E402
from tests.helpers.tiny_video_captioner import disturbed, video_captioner  # noqa: E402

STEPS = 7


@pytest.fixture(scope="module")
def model():
    return disturbed(video_captioner(film_strength=0.6, photo_strength=0.3))


@pytest.fixture(scope="module", params=["film", "photo"])
def exported(request, model, tmp_path_factory):
    path = model.export_onnx(tmp_path_factory.mktemp("onnx") / "model.onnx", style=request.param)
    return request.param, onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def scene(model, style, frames):
    """Pictures and recognised objects, as numbers for the graph and as what the network looks at."""
    pictures = np.random.default_rng(frames).integers(0, 255, (frames, 50, 70, 3)).astype(np.uint8)
    grids = model.captioner.frame_features(list(pictures))[0]
    objects = None if style == "photo" else torch.tensor([[3, 4, 0, 0]])
    with torch.inference_mode():
        seen = model.see(grids[None], objects, model.strength(style))
    pixels = torch.stack([model.captioner.encoder.preprocess(_opened(each)) for each in pictures]).numpy()
    return {"pixels": pixels} | ({} if objects is None else {"objects": objects[0].numpy()}), seen


def _opened(pixels):
    from PIL import Image

    return Image.fromarray(pixels)


@pytest.mark.parametrize("frames", [1, 6])
def test_given_sentences_are_as_probable_as_the_network_has_them(model, exported, frames):
    style, session = exported
    inputs, seen = scene(model, style, frames)
    given = np.array([[2, 3, 5, 4, 6, 7, END], [9, 9, 2, 13, 4, 3, END]])
    words, log_p, looks = session.run(None, {**inputs, "given": given})
    with torch.inference_mode():
        expected, _ = model.sentences(style)(*seen, torch.tensor(given)[None], torch.tensor([[STEPS, STEPS]]))
    np.testing.assert_array_equal(words, given)
    found = np.take_along_axis(log_p, given[..., None], 2)[..., 0]
    np.testing.assert_allclose(found, expected.view(2, STEPS).numpy(), atol=2e-4)
    assert looks.shape == (2, STEPS, seen.places.size(1))
    np.testing.assert_allclose(looks.sum(2), 1, atol=1e-5)


def test_without_words_the_likeliest_come(model, exported):
    style, session = exported
    inputs, seen = scene(model, style, 3)
    spoken = model.sentences(style)
    with torch.inference_mode():
        memory = spoken.memory(*seen)
        state, tokens, expected, looks = spoken.decoder.initial_state(memory, 1), torch.tensor([END]), [], []
        for _ in range(STEPS):
            y, look, state = spoken.decoder.step(spoken.word(tokens), state, memory)
            odds = spoken.log_probabilities(y)
            odds[:, UNKNOWN] = -torch.inf
            tokens = odds.argmax(-1)
            expected.append(int(tokens))
            looks.append(look[0].numpy())
    given = np.full((2, STEPS), -1)
    given[1, :2] = expected[:2]  # a beginning
    words, _, attention = session.run(None, {**inputs, "given": given})
    assert words.tolist() == [expected, expected]
    np.testing.assert_allclose(attention[0], np.stack(looks), atol=1e-4)


def test_int8_says_nearly_the_same(model, tmp_path):
    path = model.export_onnx(tmp_path / "int8.onnx", int8=True)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    inputs, seen = scene(model, "film", 4)
    given = np.array([[2, 3, 5, END]])
    found = np.take_along_axis(session.run(None, {**inputs, "given": given})[1], given[..., None], 2)[..., 0]
    with torch.inference_mode():
        expected, _ = model.sentences("film")(*seen, torch.tensor(given)[None], torch.tensor([[4]]))
    np.testing.assert_allclose(found[0], expected.numpy(), atol=0.3)


def test_a_file_that_cannot_be_written_is_a_sentence(model, tmp_path):
    with pytest.raises(InputError, match="cannot be written"):
        model.export_onnx(tmp_path / "no" / "folder.onnx")
