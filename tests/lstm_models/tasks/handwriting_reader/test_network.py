"""The reader of handwriting: its loss, batches, and what it reads in each kind of drawing."""

from __future__ import annotations

import dataclasses
import io
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import lstm_models
from lstm_models.checkpoints import hub
from lstm_models.errors import InputError
from lstm_models.ink.drawing import Drawing
from lstm_models.tasks.handwriting_reader.config import HandwritingReaderConfig
from lstm_models.tasks.handwriting_reader.decoding import search
from lstm_models.tasks.handwriting_reader.model import HandwritingReader
from lstm_models.tasks.handwriting_reader.results import Reading
from tests.helpers import tiny_handwriting

ALPHABET = " " + tiny_handwriting.LETTERS


def reader(**options) -> HandwritingReader:
    torch.manual_seed(0)
    small = {"hidden_size": 16, "layers": 2, "channels": 8}
    return HandwritingReader(HandwritingReaderConfig(ALPHABET, **{**small, **options})).eval()


def items(model: HandwritingReader, count: int, seed: int = 0) -> list[dict[str, torch.Tensor]]:
    return [
        {
            "features": torch.from_numpy(model.config.features.encode(line["strokes"])),
            "text": model.encode(line["text"]),
        }
        for line in tiny_handwriting.lines(count, seed=seed)
    ]


@pytest.fixture(scope="module")
def learnt() -> HandwritingReader:
    """A reader that has learnt the tiny alphabet."""
    torch.set_num_threads(1)
    model = reader(hidden_size=48, layers=1, dropout=0.0).train()
    lines = items(model, 96)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    for step in range(240):
        for group in optimizer.param_groups:
            group["lr"] = 1e-2 * (1 - step / 240)
        sums = model.loss(HandwritingReader.collate([lines[(12 * step + place) % 96] for place in range(12)]))
        optimizer.zero_grad()
        (sums["loss"] / sums["points"]).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    return model.eval()


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_padding_changes_nothing(stride: int) -> None:
    model = reader(stride=stride)
    lines = [
        line["strokes"][:count] for line, count in zip(tiny_handwriting.lines(4, words=3), (2, 9, 5, 1), strict=True)
    ]
    together = model.log_probs(lines)
    for line, found in zip(lines, together, strict=True):
        (alone,) = model.log_probs([line])
        points = len(model.config.features.encode(line))
        assert alone.shape == found.shape == (-(-points // stride), model.labels)
        assert np.allclose(alone, found, atol=1e-5)
        assert np.allclose(np.exp(found).sum(1), 1, atol=1e-5)
    assert model.log_probs([]) == []


def test_loss_is_ctc_of_its_probabilities_and_lines_too_short_count_nothing() -> None:
    model = reader()
    batch = HandwritingReader.collate(
        [*items(model, 3), {"features": torch.randn(6, 6), "text": model.encode("stone")}]
    )
    sums = model.loss(batch)
    log_probs, lengths = model(batch["features"], batch["lengths"])
    wanted = 0.0
    for row, length, text, count in zip(log_probs, lengths, batch["text"], batch["text_lengths"], strict=True):
        if length >= count:
            wanted += ctc(row[:length].exp().detach().numpy(), text[:count].tolist())
    assert float(sums["loss"].detach()) == pytest.approx(wanted, rel=1e-4)
    assert (int(sums["points"]), int(sums["lines"])) == (int(batch["text_lengths"].sum()), 4)
    assert "edits" in sums
    assert "edits" not in model.train().loss(batch)


def ctc(probabilities: np.ndarray, labels: list[int]) -> float:
    """−ln P(labels), by the forward variables of Graves et al. 2006, equations 6 to 8."""
    states = [0]
    for label in labels:
        states += [label, 0]
    alpha = np.zeros(len(states))
    alpha[:2] = probabilities[0, states[:2]]
    logarithm = 0.0
    for row in probabilities[1:]:
        before = alpha.copy()
        for s, label in enumerate(states):
            alpha[s] = before[s] + (before[s - 1] if s else 0)
            if s > 1 and label and label != states[s - 2]:
                alpha[s] += before[s - 2]
            alpha[s] *= row[label]
        logarithm += math.log(alpha.sum())
        alpha /= alpha.sum()
    return -(logarithm + math.log(alpha[-1] + alpha[-2]))


@pytest.mark.slow
def test_what_it_learnt_it_reads_in_every_kind_of_drawing(learnt: HandwritingReader, tmp_path: Path) -> None:
    right = 0
    for number, line in enumerate(tiny_handwriting.lines(12, seed=7)):
        strokes = line["strokes"]
        found = learnt.read(strokes)
        right += found.text == line["text"]
        drawing = Drawing(tuple(strokes), "")
        (tmp_path / f"{number}.json").write_text(drawing.json())
        assert learnt.read(drawing).text == found.text
        file = learnt.read(tmp_path / f"{number}.json")
        assert (file.text, file.source) == (found.text, str(tmp_path / f"{number}.json"))
        assert learnt.read([(stroke * 0.1 + 7).tolist() for stroke in strokes]).text == found.text
        assert learnt.read(strokes, beam=0).alternatives == ()
    assert right >= 6  # all of the line, after so little training


def test_several_drawings_and_open_files(learnt: HandwritingReader, tmp_path: Path) -> None:
    """A list of drawings, names, bytes and open files gives a list; a list of strokes is one drawing."""
    line = tiny_handwriting.lines(1, seed=7)[0]
    drawing = Drawing(tuple(line["strokes"]), line["text"])
    drawing.save(tmp_path / "a.json")
    content = (tmp_path / "a.json").read_bytes()
    found = learnt.read([drawing, tmp_path / "a.json", str(tmp_path / "a.json"), content, io.BytesIO(content)])
    assert [each.text for each in found] == [learnt.read(drawing).text] * 5
    assert learnt.read(io.BytesIO(content)).text == found[0].text


def test_svg_is_read_as_the_strokes_it_was_made_of(learnt: HandwritingReader, tmp_path: Path) -> None:
    lines = tiny_handwriting.lines(6, seed=3)
    right = 0
    for line in lines:
        Drawing(tuple(line["strokes"]), "").save(tmp_path / "a.svg")
        right += learnt.read(tmp_path / "a.svg").text == line["text"]
    assert right >= 2


def test_confidences_and_alternatives(learnt: HandwritingReader) -> None:
    strokes = tiny_handwriting.lines(6, seed=3)[5]["strokes"]
    found = learnt.read(strokes, alternatives=2)
    assert [word.text for word in found.words] == found.text.split()
    assert len(found.characters) == len(found.text)
    assert all(0 <= sure <= 1 for sure in found.characters)
    assert found.confidence is not None
    assert 0.3 < found.confidence <= 1
    texts = [found.text, *(other.text for other in found.alternatives)]
    assert len(set(texts)) == len(texts) == 3
    scores = [found.score, *(other.score for other in found.alternatives)]
    assert scores == sorted(scores, reverse=True)
    assert learnt.read(strokes, alternatives=0) == dataclasses.replace(found, alternatives=())


def test_lines_below_each_other_are_read_one_by_one(learnt: HandwritingReader) -> None:
    one, two = tiny_handwriting.lines(2, seed=11)
    below = [stroke + np.array([0, 250], np.float32) for stroke in two["strokes"]]
    found = learnt.read([*one["strokes"], *below], alternatives=3)
    assert found.text == f"{learnt.read(one['strokes']).text}\n{learnt.read(two['strokes']).text}"
    assert len(found.characters) == len(found.text)
    assert len({found.text, *(other.text for other in found.alternatives)}) == 4
    # A dot by itself is no line
    assert learnt.read([*one["strokes"], np.array([[0.0, 900.0]])]).text == learnt.read(one["strokes"]).text


def test_language_models(learnt: HandwritingReader) -> None:
    strokes = tiny_handwriting.lines(6, seed=3)[5]["strokes"]
    words = lstm_models.load("words")
    assert learnt.read(strokes, lm="words") == learnt.read(strokes, lm=words)
    with pytest.raises(InputError, match="writer is no n-gram language model"):
        learnt.read(strokes, lm="writer")
    with pytest.raises(InputError):
        learnt.read(strokes, lm="nowhere")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"alternatives": -1}, "alternatives must be 0 or more, not -1"),
        ({"beam": 10**7}, "beam must be from 0 to 1000, and is 10000000"),
        ({"beam": -2}, "beam must be from 0 to 1000, and is -2"),
    ],
)
def test_wrong_options(options: dict, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence) as caught:
        reader().read(tiny_handwriting.lines(1)[0]["strokes"], **options)
    assert caught.value.usage


def test_nothing_is_read_where_nothing_is() -> None:
    with pytest.raises(InputError, match="The drawing has no strokes"):
        reader().read(Drawing((), ""))
    with pytest.raises(InputError, match="The drawing is a single dot, which says nothing"):
        reader().read([[[1, 1]]])
    with pytest.raises(InputError, match=r"nowhere\.svg does not exist"):
        reader().read("nowhere.svg")


def test_outputs_made_by_hand_are_read_as_they_say() -> None:
    model = reader()
    labels = [0, *model.encode("a").tolist(), 0, *model.encode(" b").tolist(), 0]
    rows = np.full((len(labels), model.labels), 0.2 / (model.labels - 1))
    rows[range(len(labels)), labels] = 0.8
    greedy = search(model, np.log(rows).astype(np.float32), 0, None)[0]
    assert (greedy.text, greedy.characters) == ("a b", pytest.approx((0.8, 0.8, 0.8)))
    assert [word.confidence for word in greedy.words] == pytest.approx([0.8, 0.8])
    best, other = search(model, np.log(rows).astype(np.float32), 8, None, 1)
    assert best.text == "a b"
    assert best.score > other.score
    assert search(model, np.log(rows[:1]).astype(np.float32), 0, None)[0] == Reading("")


def test_a_full_stop_is_read_only_where_one_was_drawn() -> None:
    """A reader that learnt from sentences puts one at the end of "hi"; outputs are made by hand."""
    model = HandwritingReader(HandwritingReaderConfig(" ab.", hidden_size=8, layers=1, channels=4))
    labels = [0, model.config.alphabet.index("a") + 1, 0, model.config.alphabet.index(".") + 1, 0]
    rows = np.full((len(labels), model.labels), 0.2 / (model.labels - 1))
    rows[range(len(labels)), labels] = 0.8
    model.log_probs = lambda lines: [np.log(rows).astype(np.float32)] * len(lines)  # type: ignore[method-assign]
    letter = np.stack([np.arange(20.0), 10 * np.sin(np.arange(20.0))], 1)
    dot = np.array([[25.0, 9.0], [25.5, 9.5]])
    assert model.read([letter, dot], beam=0).text == "a."
    assert model.read([letter], beam=0).text == "a"
    assert model.read([letter, dot - (0, 18)], beam=0).text == "a"  # a dot above is that of an i


@pytest.mark.parametrize(
    ("probability", "note"), [(0.9, ""), (0.4, "The reader is unsure (40 %)"), (0.0, "No text was read")]
)
def test_what_is_likely_misread_is_said(probability: float, note: str) -> None:
    model = reader()
    label = int(model.encode("a")[0]) if probability else 0
    rows = np.full((3, model.labels), (1 - (probability or 0.9)) / (model.labels - 1))
    rows[:, label] = probability or 0.9
    model.log_probs = lambda lines: [np.log(rows).astype(np.float32)] * len(lines)  # type: ignore[method-assign]
    found = model.read([np.stack([np.arange(20.0), 10 * np.sin(np.arange(20.0))], 1)], beam=0)
    assert [each.partition(":")[0] for each in found.notes] == ([note] if note else [])
    assert ("notes" in json.loads(found.json())) is bool(note)


def test_it_is_saved_and_loaded(learnt: HandwritingReader, tmp_path: Path) -> None:
    hub.save(learnt, tmp_path / "model", card="# Waves\n\nFor a test.\n")
    again = hub.load(str(tmp_path / "model"))
    assert again.config == learnt.config
    strokes = tiny_handwriting.lines(1, seed=9)[0]["strokes"]
    assert again.read(strokes).text == learnt.read(strokes).text


@pytest.mark.parametrize(
    ("option", "word"),
    [
        ({"layers": 0}, "layers"),
        ({"stride": 0}, "stride"),
        ({"hidden_size": 15}, "even"),
        ({"alphabet": " aa"}, "twice"),
        ({"dropout": 1.0}, "dropout"),
        ({"beam": -1}, "beam"),
    ],
)
def test_sizes_that_cannot_be_are_refused(option: dict, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        HandwritingReaderConfig(**option)


def test_a_reading_in_json() -> None:
    word = lstm_models.Word("a", 0.5)
    reading = Reading("a", (word,), (0.5,), -1.0, (Reading("b", (), (0.25,), -2.0),), "a.svg")
    assert json.loads(reading.json()) == {
        "format": "lstm-models reading", "version": 1, "source": "a.svg", "text": "a", "confidence": 0.5, "score": -1,
        "words": [{"text": "a", "confidence": 0.5}], "characters": [0.5],
        "alternatives": [{"text": "b", "score": -2, "words": [], "characters": [0.25]}],
    }  # fmt: skip
    assert str(reading) == "a"
    with pytest.raises(ValueError, match="2 confidences for the 1 characters"):
        Reading("a", (), (0.5, 0.5))
    with pytest.raises(ValueError, match="score of “a” is nan"):
        Reading("a", (), (0.5,), math.nan)
