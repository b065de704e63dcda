"""Sentences about digits: what they mean, by hand, and back."""

from __future__ import annotations

import numpy as np
import pytest

from lstm_models.tasks.image_generation.scenes import VOCABULARY, Scene, parse, random_scene


@pytest.mark.parametrize(
    ("sentence", "scene", "arrangements"),
    [
        ("a three above a seven on the left", Scene((3, 7), "above", "on the left"), [((0, 0), (2, 0))]),
        (
            "A three under the seven, on the right".replace(",", ""),
            Scene((3, 7), "below", "on the right"),
            [((2, 2), (0, 2))],
        ),
        ("eight left of one", Scene((8, 1), "left"), [((at, 0), (at, 2)) for at in range(3)]),
        ("an eight to the right of a one in the middle.", Scene((8, 1), "right", "in the middle"), [((1, 2), (1, 0))]),
        ("a five at the top left", Scene((5,), "", "at the top left"), [((0, 0),)]),
        ("a five at the top", Scene((5,), "", "at the top"), [((0, 0),), ((0, 1),), ((0, 2),)]),
        ("the five in the middle", Scene((5,), "", "in the middle"), [((1, 1),)]),
        ("five", Scene((5,)), [((row, column),) for row in range(3) for column in range(3)]),
    ],
)
def test_what_a_sentence_means(sentence, scene, arrangements):
    assert parse(sentence) == scene
    assert scene.arrangements() == arrangements


@pytest.mark.parametrize(
    "sentence",
    [
        "",
        "a dog",
        "above",
        "a three above",
        "a three a seven",
        "a three above a seven at the top",
        "a three left of a one on the left",
    ],
)
def test_what_means_nothing(sentence):
    assert parse(sentence) is None


def test_scenes_by_chance_come_back_from_their_sentences():
    generator = np.random.default_rng(3)
    scenes = [random_scene(generator) for _ in range(400)]
    assert {word for scene in scenes for word in scene.sentence(generator).split()} == set(VOCABULARY)
    for scene in scenes:
        assert parse(scene.sentence(generator)) == parse(scene.sentence()) == scene
        for places in scene.arrangements():
            assert len(places) == len(scene.digits)
    assert 0.15 < np.mean([len(scene.digits) == 1 for scene in scenes]) < 0.35
