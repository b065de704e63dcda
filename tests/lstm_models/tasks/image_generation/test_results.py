"""Drawings of sentences: the words in the result, in its files, and what was drawn while each was heeded."""

from __future__ import annotations

import json
import xml.etree.ElementTree as tree

import numpy as np
import pytest

from lstm_models.io.films import read_film
from lstm_models.tasks.image_generation.results import GeneratedImage, Window


@pytest.fixture
def drawn():
    steps = np.zeros((2, 20, 20), np.float32)
    steps[0, 0, 0] = steps[1, 0, 0] = 0.5
    steps[1, 1, 1] = 1.0
    windows = ((Window(10, 10, 8, 1),), (Window(5, 5, 8, 1),))
    weights = np.array([[0.75, 0.25, 0.0], [0.0, 0.1, 0.9]], np.float32)
    return GeneratedImage(
        steps[-1], steps, windows, "one over seven", 1, words=("one", "over", "seven"), word_attention=weights
    )


def test_what_was_drawn_while_each_word_was_heeded(drawn):
    found = drawn.by_word()
    assert found.shape == (3, 20, 20)
    np.testing.assert_allclose(found[:, 0, 0], [0.375, 0.125, 0], atol=1e-6)
    np.testing.assert_allclose(found[:, 1, 1], [0, 0.1, 0.9], atol=1e-6)
    assert found.sum() == pytest.approx(1.5)


def test_the_words_in_its_files(drawn):
    found = json.loads(drawn.json())
    assert found["words"] == ["one", "over", "seven"]
    assert found["word_attention"] == [[0.75, 0.25, 0.0], [0.0, 0.1, 0.9]]
    root = tree.fromstring(drawn.svg())
    spans = root.findall(".//{http://www.w3.org/2000/svg}tspan")
    assert [span.text.strip() for span in spans] == ["one", "over", "seven"] * 3
    assert [span.get("fill-opacity") for span in spans[3:]] == ["1.00", "0.50", "0.25", "0.25", "0.33", "1.00"]
    frames = drawn.frames(scale=8)
    assert len(frames) == 3
    assert frames[0].width == 160
    assert frames[0].height > 160  # the words stand beneath
    below = [np.asarray(frame)[160:] for frame in frames]
    assert below[0].max() > below[0][:, 100:].max() >= 0
    assert below[2].max() > 200
    assert drawn.picture(8).size == (160, 160)


def test_without_a_sentence_there_are_no_words(drawn):
    plain = GeneratedImage(drawn.image, drawn.steps, drawn.attention, "7", 1)
    assert plain.by_word().shape == (0, 20, 20)
    assert "tspan" not in plain.svg()
    assert plain.frames(scale=8)[0].size == (160, 160)
    assert "words" not in json.loads(plain.json())


@pytest.mark.parametrize("kind", ["mp4", "webm"])
def test_a_film_of_a_drawing_has_its_steps(drawn, tmp_path, kind):
    film = read_film(drawn.save(tmp_path / f"a.{kind}"))
    wanted = [np.asarray(frame) for frame in drawn.frames()]
    assert len(film.times) == len(wanted) + 9  # the image stands for 1.6 s, a step for 0.16 s
    assert film.times[1] == pytest.approx(0.16, abs=0.002)
    height, width = wanted[0].shape[:2]
    for frame, shown in zip(film.pixels, wanted, strict=False):
        assert np.abs(frame[:height, :width].astype(int) - shown).mean() < 5
