"""Fitting a style to lines: what it finds, and what it says of lines that cannot be used.

Run: python -m pytest tests/lstm_models/tasks/handwriting/test_style_fitting.py
"""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lstm_models.errors import InputError
from lstm_models.ink.drawing import Drawing
from lstm_models.tasks.handwriting.model import HandwritingWriter
from lstm_models.tasks.handwriting.style_fitting import Prior, line_losses
from lstm_models.tasks.handwriting.styles import fingerprint
from lstm_models.text.edit_distance import edits
from tests.helpers.tiny_writer import make

TEXTS = ("some words to fit", "and a few more")


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def writer() -> HandwritingWriter:
    """Its styles are far apart, so that they show in what it writes."""
    model = make()
    with torch.no_grad():
        model.style.weight.mul_(10)
        model.style.weight[0] = model.style.weight[1:].mean(0)
    return model


def zigzag(text: str, height: float = 20.0) -> list[np.ndarray]:
    """A stroke a word, with points enough."""
    strokes, x = [], 0.0
    for word in text.split():
        steps = np.arange(6 * len(word))
        strokes.append(np.stack([x + 3.0 * steps, height * (steps % 2)], 1))
        x += 18.0 * len(word) + 15
    return strokes


def reader_that_reads(text: str):
    return SimpleNamespace(read=lambda strokes, **options: SimpleNamespace(text=text))


# What it finds ------------------------------------------------------------------------------------------------------


def encoded(writer, drawings):
    return [
        {"offsets": writer.config.features.encode(each.strokes), "text": writer.encode(each.text), "style": 0}
        for each in drawings
    ]


def test_it_finds_a_vector_likelier_than_any_learnt_one(writer):
    """Lines that the network wrote itself, in a style between those it learnt."""
    drawings = [writer.write(text, style="10001+10002", seed=seed, legibility=0) for seed, text in enumerate(TEXTS * 3)]
    before = {key: value.clone() for key, value in writer.state_dict().items()}
    style = writer.fit_style([(each, each.text) for each in drawings], name="mine")
    batch = HandwritingWriter.collate(encoded(writer, drawings))

    def nats(vector: torch.Tensor) -> float:
        return float(writer.loss(batch | {"style": vector.expand(len(drawings), -1)})["loss"].detach())

    fitted = nats(torch.tensor(style.vector))
    assert fitted < min(nats(vector) for vector in writer.style.weight.detach())
    assert fitted < nats(writer.style.weight.detach()[1:].mean(0))
    assert style.name == "mine"
    assert style.writer == fingerprint(writer)
    assert style.facts["lines"] == 6
    points = int(batch["lengths"].sum())
    assert style.facts["nats_a_point"] == pytest.approx(fitted / points, abs=1e-3)
    assert style.facts["nats_a_point_without_style"] == pytest.approx(nats(writer.style.weight[0]) / points, abs=1e-3)
    assert style.facts["nearest"] in ("", *writer.config.styles)
    assert all(torch.equal(value, before[key]) for key, value in writer.state_dict().items())
    assert all(parameter.requires_grad and parameter.grad is None for parameter in writer.parameters())


def test_size_place_and_the_way_lines_are_given_do_not_matter(writer, tmp_path):
    lines = [zigzag(text) for text in TEXTS]
    style = writer.fit_style(list(zip(lines, TEXTS, strict=True)))
    large = [[stroke * 40 + 500 for stroke in line] for line in lines]
    moved = writer.fit_style(list(zip(large, TEXTS, strict=True)))
    np.testing.assert_allclose(moved.vector, style.vector, atol=2e-2)
    (tmp_path / "one.json").write_text(json.dumps({"strokes": [stroke.tolist() for stroke in lines[0]]}))
    mixed = writer.fit_style([(str(tmp_path / "one.json"), TEXTS[0]), (Drawing(tuple(lines[1]), ""), TEXTS[1])])
    np.testing.assert_allclose(mixed.vector, style.vector, atol=2e-2)
    both = lines[0] + [stroke + np.array([0, 100]) for stroke in lines[1]]  # one drawing of two lines
    together = writer.fit_style([(both, "\n".join(TEXTS))])
    np.testing.assert_allclose(together.vector, style.vector, atol=2e-2)
    assert together.facts["lines"] == 2


def test_losses_of_lines_are_the_parts_of_the_loss(writer):
    batch = HandwritingWriter.collate(encoded(writer, [writer.write(text, seed=1) for text in TEXTS]))
    batch["style"] = torch.tensor([1, 3])
    for model in (writer, make(stop=False)):
        torch.testing.assert_close(line_losses(model, batch).sum(), model.loss(batch)["loss"], rtol=1e-5, atol=1e-3)


def test_the_prior_is_round_in_its_own_coordinates():
    torch.manual_seed(1)
    learnt = torch.randn(4000, 3) @ torch.tensor([[1.0, 0.5, 0], [0, 0.7, 0], [0, 0, 2]]) + 3
    prior = Prior(learnt)
    places = prior.place(learnt)
    torch.testing.assert_close(prior.vectors(places), learnt, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(places.mean(0), torch.zeros(3), rtol=0, atol=1e-4)
    np.testing.assert_allclose(torch.cov(places.T), np.eye(3), atol=0.3)  # shrunk by a tenth
    single = Prior(torch.ones(1, 3))
    assert torch.isfinite(single.place(torch.zeros(2, 3))).all()


def test_progress_and_cancelling(writer):
    reported = []
    writer.fit_style([(zigzag(TEXTS[0]), TEXTS[0])], progress=lambda done, total: reported.append((done, total)))
    assert [done for done, _ in reported] == list(range(1, len(reported) + 1))
    assert {total for _, total in reported} == {len(reported)}
    with pytest.raises(InputError, match="cancelled"):
        writer.fit_style([(zigzag(TEXTS[0]), TEXTS[0])], cancelled=lambda: True)


# What it says -------------------------------------------------------------------------------------------------------

WELL = zigzag("some words")


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], "there is no line to fit a style to"),
        ("some words", "pairs of strokes and their text"),
        ([WELL[:1]], "pairs of strokes and their text"),
        ([([], "some words")], "Line 1 has no strokes"),
        ([([[(3, 3)]], "some words")], "Line 1 is a single dot"),
        ([(WELL, "some words"), (WELL, "  ")], "Line 2 has no text"),
        ([(WELL, None)], "Line 1 has no text"),
        ([(WELL, "šome words ☃")], "the text of line 1 has “š”, “☃”, which this writer does not know"),
        ([(WELL, "a few")], "the text has 4 letters, which show too little of a hand"),
        ([(WELL, "w" * 101)], "has 101 characters; at most 100"),
        ([([[(0, 0), (9, 5)], [(12, 0), (14, 5)]], "some words")], "Line 1 has too few points for its text"),
        ([(zigzag("w" * 400), "some words")], "Line 1 has far too many points for its text: .* for “some words”"),
        ([(WELL, "some\nwords")], "Line 1 seems to have 1 line of writing, and its text has 2"),
        ([(WELL, "some words")] * 13, "these are 13 lines; .* at most 12"),
        ([([[(0, 0), (float("nan"), 1)]], "some words")], "has a coordinate that is not finite"),
        ([(5, "some words")], "Line 1 is a int"),
        ([("missing.json", "some words")], "missing.json does not exist"),
    ],
)
def test_lines_that_cannot_be_used(writer, lines, said):
    with pytest.raises(InputError, match=said) as error:
        writer.fit_style(lines)
    assert "\n" not in str(error.value)


def test_names_and_writers_without_styles(writer):
    with pytest.raises(InputError, match="the name of a style is one line"):
        writer.fit_style([(WELL, "some words")], name=" ")
    with pytest.raises(InputError, match="learnt no styles, so none can be fitted"):
        make(style_size=0, styles=(), names={}).fit_style([(WELL, "some words")])


def test_quotation_marks_and_dashes_are_as_good_as_the_alphabets(writer):
    assert writer.fit_style([(zigzag('"some" - words'), "“some” — words")]).facts["characters"] == 14


def test_strokes_that_do_not_match_get_a_message_with_what_they_say(writer):
    with pytest.raises(InputError, match="These strokes do not say “Dear reader” but “hello xyz”; write the text"):
        writer.fit_style([(zigzag("Dear reader"), "Dear reader")], reader=reader_that_reads("hello xyz"))
    with pytest.raises(InputError, match="do not say “Dear reader” and nothing that can be read"):
        writer.fit_style([(zigzag("Dear reader"), "Dear reader")], reader=reader_that_reads(""))
    assert writer.fit_style([(zigzag("Dear reader"), "Dear reader")], reader=reader_that_reads("dear\nreuder"))


def test_the_bundled_reader_sees_what_is_not_the_text(tmp_path):
    from lstm_models.checkpoints import hub

    bundled, reader = hub.load("writer"), hub.load("reader")
    drawing = bundled.write("some words of mine", seed=1)
    path = tmp_path / "mine.json"
    drawing.save(path)
    with pytest.raises(InputError, match=r"The strokes of .*mine.json do not say “A letter to Zoe” but “s.*”") as error:
        bundled.fit_style([(str(path), "A letter to Zoe")], reader=reader)
    assert error.value.exit_code == 1
    with pytest.raises(InputError, match="cancelled"):  # it went past the reading
        bundled.fit_style([(str(path), "some words of mine")], reader=reader, cancelled=lambda: True)


# Edits --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "count"), [("", "", 0), ("abc", "", 3), ("kitten", "sitting", 3), ("flaw", "lawn", 2)]
)
def test_edits(one, other, count):
    assert edits(one, other) == edits(other, one) == count


@given(st.text("ab", max_size=6), st.text("ab", max_size=6), st.text("ab", max_size=6))
def test_edits_are_a_distance(one, other, third):
    assert edits(one, other) <= edits(one, third) + edits(third, other)
    assert (edits(one, other) == 0) == (one == other)
