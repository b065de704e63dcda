"""Scenes of digits: where they stand, what is held out, and epochs; canvases of them."""

from __future__ import annotations

import numpy as np
import pytest

from lstm_datasets.image_generation.digit_scenes import DigitScenes, canvas_of, held_out
from lstm_datasets.image_generation.readers import LabelledImages
from lstm_models.errors import InputError
from lstm_models.tasks.image_generation.scene_layout import collate
from lstm_models.tasks.image_generation.scenes import VOCABULARY, Scene, parse


def test_digits_stand_where_the_sentence_says():
    scenes = DigitScenes(VOCABULARY, grid=28, count=60)
    seen = set()
    for index in range(60):
        scene, sentence, places = scenes.scene(index)
        assert parse(sentence) == scene
        assert not held_out(scene)
        cells = tuple(tuple(round((at + 0.5) / 28 * 4 - 1) for at in place) for place in places)
        assert cells in scene.arrangements(), sentence
        seen.add(scene.relation)
        item = scenes[index]
        assert item.digits == tuple((digit, *place) for digit, place in zip(scene.digits, places, strict=True))
        assert [VOCABULARY[number - 1] for number in item.words] == sentence.split()
    assert seen == {"", "above", "below", "left", "right"}


def test_pairs_that_are_held_out_come_only_when_asked_for():
    unseen = DigitScenes(VOCABULARY, grid=28, count=30, unseen=True)
    assert all(held_out(unseen.scene(index)[0]) for index in range(30))
    relations = ("above", "below", "left", "right")
    pairs = [Scene((a, b), relation) for a in range(10) for b in range(10) for relation in relations]
    assert sum(map(held_out, pairs)) == 40
    assert not held_out(Scene((0,)))


def test_epochs_differ_and_what_is_fixed_does_not():
    learn, check = (DigitScenes(VOCABULARY, grid=28, count=8, fixed=fixed) for fixed in (False, True))
    before = [[each[number] for number in range(8)] for each in (learn, check)]
    for each in (learn, check):
        each.set_epoch(1)
    assert [learn[number] for number in range(8)] != before[0]
    assert [check[number] for number in range(8)] == before[1]
    batch = collate(before[0])
    assert batch["digits"].shape == (8, 2, 3)
    assert batch["lengths"].tolist() == [len(item.digits) for item in before[0]]


def test_a_canvas_of_real_digits():
    images = np.zeros((2, 4, 4), np.uint8)
    images[0], images[1] = 100, 200
    found = LabelledImages(images, ["3", "7"])
    canvas = canvas_of(Scene((3, 7), "above", "on the left"), [(2, 2), (5, 2)], found, 8, seed=1)
    assert canvas.shape == (8, 8)
    assert canvas[:3, :4].tolist() == [[100] * 4] * 3
    assert canvas[4:8, :4].min() == 200
    assert not canvas[:, 5:].any()
    with pytest.raises(InputError, match="no digit labelled 5"):
        canvas_of(Scene((5,)), [(2, 2)], found, 8, seed=1)
