"""Films of moving digits: they do what their sentences say."""

from __future__ import annotations

import numpy as np
import pytest

from lstm_datasets.video_captioning.digit_films import MOTIONS, NUMBERS, DigitFilms, sentence_of, vocabulary
from lstm_models.errors import InputError
from lstm_models.text.vocabulary import END, Vocabulary, split_words


@pytest.fixture(scope="module")
def films() -> DigitFilms:
    """Digits are dots, as bright as their number."""
    images = np.zeros((10, 21, 21), np.uint8)
    images[np.arange(10), 10, 10] = 100 + 10 * np.arange(10)
    labels = [str(digit) for digit in range(10)]
    return DigitFilms(images, labels, vocabulary(), size=49, frames=5, count=50, alone=0.3)


def test_what_moves_where_is_what_the_sentence_says(films):
    counts = {1: 0, 2: 0}
    for index in range(50):
        film, sentence = films.film(index)
        assert film.shape == (5, 49, 49)
        parts = sentence.split(" and the digit ")
        counts[len(parts)] += 1
        begins = []
        for part in parts:
            number, motion = part.removeprefix("the digit ").split(" ", 1)
            level = 100 + 10 * NUMBERS.index(number)
            places = [np.argwhere(frame == level) for frame in film]
            if len(parts) == 2 and parts[0].split()[-3:] and sentence.count(number) > 1:
                begins = [0, 10]  # the same digit twice: which is which cannot be told by its level
                continue
            first, last = places[0][0], places[-1][0]
            step = tuple(int(np.sign(end - start)) for start, end in zip(first, last, strict=True))
            assert MOTIONS[step] == motion
            begins.append(first[1])
        assert len(parts) == 1 or begins[1] - begins[0] >= 5  # the one further left comes first
    assert counts[1] > 5
    assert counts[2] > 20


def test_sentences_by_hand_and_their_words():
    sentence = sentence_of([3, 7], [(-1, 1), (0, 0)])
    assert sentence == "the digit three moves to the right and up and the digit seven stands still"
    words = Vocabulary(vocabulary().split())
    for step in MOTIONS:
        assert 1 not in words.encode(sentence_of([0], [step]))
    assert len(set(MOTIONS.values())) == 9
    assert split_words(sentence)[2] == "three"


def test_epochs_and_items(films):
    before = films[4]
    assert before.words[-1] == END
    assert before.film.dtype.is_floating_point is False
    assert films[4].film.equal(before.film)
    films.set_epoch(1)
    assert not films[4].film.equal(before.film)
    films.set_epoch(0)
    easy = DigitFilms(
        films.images, [str(label) for label in films.labels], vocabulary(), size=49, frames=3, count=30, alone_epochs=1
    )
    assert all(easy.film(index)[1].count("digit") == 1 for index in range(30))
    easy.set_epoch(1)
    assert any(easy.film(index)[1].count("digit") == 2 for index in range(30))


def test_images_without_labels_are_refused():
    with pytest.raises(InputError, match="not labelled 0 to 9"):
        DigitFilms(np.zeros((1, 8, 8), np.uint8), [""], vocabulary(), size=16, frames=2, count=1)
