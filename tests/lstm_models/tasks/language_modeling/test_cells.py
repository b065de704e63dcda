import itertools

import pytest
import torch

from lstm_models.tasks.language_modeling.cells import inside, sentence_place, trace, unit_like
from lstm_models.text.word_pieces import END
from tests.helpers.tiny_language_model import tiny


def test_the_trace_is_the_state_of_torchs_lstm():
    model = tiny()
    traced = trace(model, "The cat")
    cell = model.lstm.cells[0]
    state = model.lstm.initial_state(1)
    for number in [END, *model.vocabulary.encode("The cat")]:
        _, state = model.lstm(model.embedding.weight[number][None, None], state)
    torch.testing.assert_close(traced.cells[-1], state.c[0, 0].detach().tanh(), atol=1e-5, rtol=1e-5)
    assert traced.cells.shape == (len(traced.pieces), cell.hidden_size)


def test_pieces_inside_marks():
    text = "a (b c) “d” e"
    pieces = tiny().vocabulary.split(text)
    assert [p.text for p, v in zip(pieces, inside(text, pieces, "(", ")"), strict=True) if v and p.text] == [
        "(",
        "b",
        "c",
    ]
    quoted = inside('x "y" z', tiny().vocabulary.split('x "y" z'), '"', '"')
    assert 0 < float(quoted.sum()) < len(quoted)
    assert float(quoted[-1]) == 0


def test_the_place_in_the_sentence():
    """It begins again after a mark that ends one, and not within a number."""
    text = "One two. Was it 3.5? No"
    pieces = tiny().vocabulary.split(text)
    places = sentence_place(text, pieces).tolist()
    starts = [piece.start for piece, place in zip(pieces, places, strict=True) if place == 1]
    assert [text[start:].strip()[:3] for start in starts] == ["One", "Was", "No"]
    assert all(b in (a + 1, 1) for a, b in itertools.pairwise(places))


def test_the_unit_that_follows_best_is_found_whatever_its_sign():
    torch.manual_seed(0)
    cells = torch.randn(50, 8)
    values = -3 * cells[:, 5] + 1
    unit, correlation = unit_like(cells, values)
    assert unit == 5
    assert correlation == pytest.approx(-1, abs=1e-4)
    assert unit_like(cells, torch.ones(50)) == (0, 0.0)
