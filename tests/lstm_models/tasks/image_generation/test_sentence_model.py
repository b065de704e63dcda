"""What a sentence draws: digits in their places, words and windows; whatever cannot be."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lstm_models.checkpoints import hub
from lstm_models.errors import InputError
from lstm_models.tasks.image_generation.config import ImageGeneratorConfig
from lstm_models.tasks.image_generation.model import ImageGenerator
from lstm_models.tasks.image_generation.scene_layout import PlacedDigit, SceneLayoutConfig
from lstm_models.tasks.image_generation.scenes import VOCABULARY, parse
from lstm_models.tasks.image_generation.sentence_model import SentenceImageGenerator, bundled_for


@pytest.fixture(scope="module")
def digits():
    torch.manual_seed(0)
    made = ImageGenerator(ImageGeneratorConfig("0 1 2 3 4 5 6 7 8 9", 12, 4, 3, 5, 3, 8, 8)).eval()
    torch.nn.init.normal_(made.patch.weight, std=2.0)
    return made


@pytest.fixture
def generator(digits, monkeypatch):
    made = SentenceImageGenerator(SceneLayoutConfig(" ".join(VOCABULARY), grid=8), digits).eval()

    def place(words, seed, temperature):
        heeded = np.eye(len(words), dtype=np.float32)
        return [PlacedDigit(3, 1, 1, 0.9, heeded[1]), PlacedDigit(7, 6, 1, 0.8, heeded[-1])]

    monkeypatch.setattr(made, "place", place)
    return made


def test_each_digit_is_drawn_in_its_place(generator, digits):
    found = generator.generate("A three above  a seven.", seed=5)
    plain = digits.generate("37", seed=5)
    # Rows 1 and 6 of 8 on 24 pixels have their middles at 4.5 and 19.5; a digit has 12 pixels, so that it is pushed in
    np.testing.assert_allclose(found.image[:12, :12], plain.image[:, :12], atol=1e-6)
    np.testing.assert_allclose(found.image[12:, :12], plain.image[:, 12:], atol=1e-6)
    assert not found.image[:, 12:].any()
    assert found.steps.shape == (8, 24, 24)
    assert not found.steps[3, 12:].any()  # the second is not begun
    np.testing.assert_array_equal(found.steps[7], found.image)
    assert found.attention[6][0].y == pytest.approx(plain.attention[2][1].y + 12, abs=1e-4)
    assert found.attention[6][0].x == pytest.approx(plain.attention[2][1].x - 12, abs=1e-4)


def test_its_words_are_those_heeded_while_each_digit_was_drawn(generator):
    found = generator.generate("a three above a seven", seed=5)
    assert found.words == ("a", "three", "above", "a", "seven")
    np.testing.assert_array_equal(found.word_attention.argmax(1), [1, 1, 1, 1, 4, 4, 4, 4])
    by_word = found.by_word()
    assert by_word[1, 12:].sum() == by_word[4, :12].sum() == 0
    assert by_word[1].sum() > 0
    assert found.notes == ()
    assert "another form" in generator.generate("three three", seed=1).notes[0]


def test_lists_any_and_seeds(generator):
    one, two = generator.generate(["a three above a seven", "any"], seed=3)
    assert (one.seed, two.seed) == (3, 4)
    assert parse(two.label) is not None
    assert generator.generate(seed=4).label == two.label


@pytest.mark.parametrize(
    ("what", "options", "message"),
    [
        (" ", {}, "the text is empty: expected a sentence"),
        ("a dog above a seven", {}, "“dog” is not something that this model draws: expected a digit"),
        ("a " * 50, {}, "50 words: at most 40"),
        ("a seven", {"temperature": 4.0}, "temperature must be from 0 to 3"),
        ("a seven", {"seed": -1}, "seed must be a whole number"),
    ],
)
def test_what_cannot_be_drawn_is_a_sentence(generator, what, options, message):
    with pytest.raises(InputError, match=message):
        generator.generate(what, **options)


def test_a_sentence_without_a_digit(generator, monkeypatch):
    monkeypatch.setattr(generator, "place", lambda *_: [])
    with pytest.raises(InputError, match="names no digit"):
        generator.generate("above the left")


def test_it_is_saved_without_the_generator_and_finds_it_again(digits, tmp_path):
    drawer = hub.save(digits, tmp_path / "digits", card="# Digits")
    config = SceneLayoutConfig(" ".join(VOCABULARY), str(drawer), grid=8)
    folder = hub.save(SentenceImageGenerator(config, digits), tmp_path / "sentences", card="# Sentences")
    assert (folder / "model.safetensors").stat().st_size < 300_000
    found = hub.load(folder)
    assert found.generator.config.image_size == 12
    found.kind.bias.data[3] += 99.0
    assert found.generate("a three", seed=1).image.shape == (24, 24)
    letters = ImageGenerator(ImageGeneratorConfig("a b", 12, 4, 3, 5, 3, 8, 8))
    other = hub.save(letters, tmp_path / "letters", card="# Letters")
    wrong = SentenceImageGenerator(SceneLayoutConfig("a three", str(other))).eval()
    wrong.kind.bias.data[3] += 99.0
    with pytest.raises(InputError, match="does not draw the digits"):
        wrong.generate("three")


@pytest.mark.parametrize(
    ("what", "name"),
    [("7", ""), ("2026", ""), ("any", ""), ("", ""), ("a three above a seven", "-sentences"), ("dog", "-sentences")],
)
def test_which_bundled_model_draws_it(what, name):
    assert bundled_for(what) == f"image-generator{name}"
