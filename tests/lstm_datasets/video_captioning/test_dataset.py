"""What a video captioner trains on: sentences that photos support, objects of sentences, features kept on disk."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image

from lstm_datasets.video_captioning.dataset import FilmData, TextData, object_numbers, supported_sentences
from lstm_datasets.video_captioning.film_features import FilmFeatures, film_features
from lstm_models.text.vocabulary import Vocabulary
from tests.helpers.tiny_video_captioner import captioner

torch.set_num_threads(1)


def test_sentences_are_supported_by_words_of_content():
    photos = [("A man in a red hat rides his brown horse .", "Someone on a horse"), ("Two dogs play in the snow .",)]
    clips = [
        "A man is riding a horse.",
        "A man is riding a bicycle.",
        "A horse.",
        "Two dogs are playing.",
        "A dog is singing.",
    ]
    assert supported_sentences(photos, clips) == [["A man is riding a horse."], ["Two dogs are playing."]]


def test_a_photo_without_support_keeps_its_shortest_caption():
    assert supported_sentences([("A long caption of a cat .", "A cat .")], ["A dog is barking loudly."]) == [
        ["A cat ."]
    ]


def test_objects_of_sentences_are_nouns_that_come_in_several():
    words = Vocabulary(("a", "panda", "is", "eating", "dog", "man", "sleeping"))
    data = TextData([["A panda is eating.", "A panda is sleeping.", "A man is eating."], ["A man is sleeping."]], words)
    assert len(data) == 1  # nothing in the second that a classifier would name
    item = data[0]
    assert item["objects"] == [words.numbers["panda"]]
    assert all(words.numbers["panda"] in sentence and sentence[-1] == 0 for sentence in item["film"])
    assert len(item["film"]) == 2


def test_objects_are_known_words():
    words = Vocabulary(("bear", "dog"))
    assert object_numbers(["polar bear", "unicorn", "dog", "bear"], words) == [2, 3]


def test_films_have_as_many_sentences_of_each_style():
    words = Vocabulary(("a", "dog", "runs", "sits"))
    features = FilmFeatures(np.zeros((2, 3, 4, 5), np.float16), np.zeros((2, 1000), np.float16))
    data = FilmData(features, [("a dog",), ()], [("dog runs", "dog sits", "dog"), ("dog",)], words)
    assert [len(data[0][style]) for style in ("film", "photo")] == [2, 2]
    assert "photo" not in data[1]
    chosen = set()
    for epoch in range(8):
        data.set_epoch(epoch)
        chosen |= {tuple(sentence) for sentence in data[0]["film"]}
    assert len(chosen) == 3  # every epoch draws anew


def test_features_are_what_the_captioner_sees_and_are_kept(tmp_path):
    base, calls = captioner(), []
    pictures = [[Image.new("RGB", (40, 30), colour) for colour in ("red", "blue")] for _ in range(2)]

    def frames_of(number):
        calls.append(number)
        return pictures[number]

    first = film_features(["a", "b"], frames_of, 2, base, tmp_path, precision="32")
    again = film_features(["a", "b"], frames_of, 2, base, tmp_path, precision="32")
    assert calls == [0, 1]
    expected, classes, _ = base.frame_features(pictures[1])
    np.testing.assert_allclose(again.grids[1], expected.numpy(), atol=2e-3, rtol=1e-2)
    np.testing.assert_allclose(again.classes[1], classes.mean(0).numpy(), atol=1e-3)
    assert first.grids.shape == (2, 2, 9, 16)
