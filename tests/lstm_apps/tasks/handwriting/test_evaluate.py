"""Measuring a handwriting writer: the figures against ones computed another way, and what it says when it cannot."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lstm_apps import cli
from lstm_apps.tasks.handwriting import diversity, evaluate, metrics
from lstm_datasets.handwriting.dataset import WriterLines
from lstm_datasets.handwriting.readers import HandwritingLine, read_lines, split_lines
from lstm_models.checkpoints import hub
from lstm_models.ink.verdict import Verdict
from lstm_models.io import atomic_write
from lstm_models.tasks.handwriting.config import WriterConfig
from lstm_models.tasks.handwriting.features import GRAVES, StrokeFeatures
from lstm_models.tasks.handwriting.glyphs import glyph
from lstm_models.tasks.handwriting.model import HandwritingWriter
from lstm_models.tasks.handwriting_reader.config import HandwritingReaderConfig
from lstm_models.tasks.handwriting_reader.model import HandwritingReader
from lstm_models.text.edit_distance import edits, missing_words
from tests.helpers import tiny_handwriting


def make(features: StrokeFeatures) -> HandwritingWriter:
    torch.manual_seed(0)
    return HandwritingWriter(
        WriterConfig(
            alphabet=" " + tiny_handwriting.LETTERS, hidden_size=8, text_size=4, components=2, mixtures=2, step=0.3,
            style_size=2, styles=("10000", "10001", "10002"), features=features,
        )
    ).eval()  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return tiny_handwriting.jsonl(tmp_path_factory.mktemp("data") / "lines.jsonl", tiny_handwriting.lines(24, words=4))


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return hub.save(
        make(StrokeFeatures(mean=(0.3, 0.0), std=(0.5, 0.6))),
        tmp_path_factory.mktemp("models") / "model",
        card="A test.",
    )


def test_command_line(data, model, tmp_path, capsys):
    out = tmp_path / "figures.json"
    command = ["evaluate", "handwriting", "--data", str(data), "--model", str(model), "--lines", "6", "--read", "0"]
    assert cli.main([*command, "--out", str(out)]) == 0
    figures = json.loads(out.read_text())
    assert json.loads(capsys.readouterr().out) == figures
    assert figures["lines"] == 4
    held = split_lines(read_lines(data))[1]
    writer = hub.load(str(model))
    whole = writer.loss(HandwritingWriter.collate([WriterLines(held, writer)[number] for number in range(4)]))
    assert figures["likelihood"]["nats_a_line"] == pytest.approx(float(whole["nats"]) / 4, rel=1e-4)
    assert figures["likelihood"]["nats_a_point"] == pytest.approx(float(whole["nats"] / whole["points"]), rel=1e-4)
    parts = figures["likelihood"]["moves_a_line"] + figures["likelihood"]["lifts_a_line"]
    assert parts == pytest.approx(figures["likelihood"]["nats_a_line"], rel=1e-5)
    assert "dequantised" not in figures["likelihood"]  # there are no whole units after sampling anew
    assert figures["runaway"]["lines"] == 6
    assert 0 <= figures["runaway"]["cut_off"] <= 6
    assert figures["seconds_a_line_of_50_characters"] > 0
    assert "legibility" not in figures
    assert [path.name for path in tmp_path.iterdir()] == ["figures.json"]


def test_raw_likelihood_is_in_published_units(data):
    """The density of a line does not depend on the units: what it is in one follows from what it is in another."""
    held = split_lines(read_lines(data))[1]
    points = np.mean([sum(map(len, line.strokes)) - 1 for line in held])
    own = evaluate.likelihood(make(GRAVES), held)
    assert own["points_a_line"] == pytest.approx(points)
    other = dataclasses.replace(GRAVES, std=(GRAVES.std[0] * 2, GRAVES.std[1] * 3))
    writer = make(other)
    plain = writer.loss(HandwritingWriter.collate([WriterLines(held, writer)[number] for number in range(len(held))]))
    measured = evaluate.likelihood(writer, held)
    shift = math.log(6) * points
    assert measured["moves_a_line"] == pytest.approx(float(plain["moves"]) / len(held) + shift, rel=1e-4)
    assert measured["nats_a_line"] == pytest.approx(float(plain["nats"]) / len(held) + shift, rel=1e-4)
    assert measured["lifts_a_line"] == pytest.approx(float(plain["lifts"]) / len(held), rel=1e-4)


def test_noise_of_half_a_unit(data):
    held = split_lines(read_lines(data))[1]
    writer = make(GRAVES)
    clean, noisy = evaluate.likelihood(writer, held), evaluate.likelihood(writer, held, noise=1)
    assert noisy != clean
    assert noisy == evaluate.likelihood(writer, held, noise=1)
    assert noisy["nats_a_line"] == pytest.approx(clean["nats_a_line"], rel=0.05)
    assert noisy["lifts_a_line"] == pytest.approx(clean["lifts_a_line"], rel=0.05)


def held_line(text: str, name: str = "") -> HandwritingLine:
    return HandwritingLine((np.arange(200, dtype=np.float32).reshape(100, 2),), text, name)


def test_sentences_are_held_out_and_of_some_length():
    learn = [held_line("a sentence that was seen")]
    held = [
        *(held_line(text) for text in ("a sentence that was seen", "short", "a sentence of its own", "a" * 51)),
        *(held_line(text) for text in ("a sentence of its own", "a sentence with ä in it", "# cannot be read at all")),
    ]
    alphabet = " abcdefghijklmnopqrstuvwxyz#"
    assert [text for text, _ in evaluate.held_out_sentences(learn, held, alphabet)] == ["a sentence of its own"]


def test_lines_are_drawn_in_turn_and_cut_off(model):
    writer = hub.load(str(model))
    texts = ["tea", "code", "listen", "also"]
    drawn = metrics.draw(writer, texts, 0.5, 2, seed=1)
    limits = writer.most_points(torch.tensor([len(text) + 1 for text in texts])).tolist()
    assert [len(row) >= limit for row, limit in zip(drawn.rows, limits, strict=True)] == drawn.cut_off.tolist()
    again = metrics.draw(writer, texts, 0.5, 2, seed=1)
    assert all(np.array_equal(one, two) for one, two in zip(drawn.rows, again.rows, strict=True))


def test_lines_are_drawn_as_write_makes_them(model):
    """What comes from a font is part of the line that is read, and no text of the network's."""
    writer = hub.load(str(model))
    drawn = metrics.draw(writer, ["tea", "tea & code", "& &"], 0.5, 1, seed=1)
    assert drawn.texts == ["tea", "tea code", ""]
    assert len(drawn.rows[2]) == 0
    assert len(drawn.strokes[2]) == 2 * len(glyph("&").strokes)
    assert len(drawn.strokes[1]) == len(writer.config.features.decode(drawn.rows[1])) + len(glyph("&").strokes)


def test_reader_reads_what_is_there():
    """Plain block letters: the reader gets them right, and misses those that are missing."""
    pytest.importorskip("rapidocr_onnxruntime")
    pytest.importorskip("jiwer")
    letters = {
        "T": [[(0, 0), (20, 0)], [(10, 0), (10, 30)]],
        "H": [[(0, 0), (0, 30)], [(20, 0), (20, 30)], [(0, 15), (20, 15)]],
        "E": [[(20, 0), (0, 0), (0, 30), (20, 30)], [(0, 15), (16, 15)]],
        "L": [[(0, 0), (0, 30), (18, 30)]],
        "I": [[(10, 0), (10, 30)]],
        "N": [[(0, 30), (0, 0), (20, 30), (20, 0)]],
    }
    strokes = [
        np.array(polyline, np.float64) + np.array([32 * place, 0])
        for place, letter in enumerate("THELINE")
        for polyline in letters[letter]
    ]
    assert metrics.error_rate([strokes], ["The line!"]) == 0
    assert metrics.error_rate([strokes], ["The line and two words"]) > 0.4


class Checker:
    """Reads the texts it is given."""

    def __init__(self, *texts: str) -> None:
        self.texts = texts

    def __call__(self, lines, texts):
        return [
            Verdict(read, edits(text, read, [True] * len(text)), len(text), *missing_words(text, read, text))
            for text, read in zip(texts, self.texts, strict=True)
        ]


def test_words_that_are_missing_and_words_that_are_gone():
    strokes = [[np.array([[1, 0], [2, 1]], np.float32)]] * 4
    text = "in the old house"
    read = ("in the old house", "inthe old house", "in old house", "in the very old hose")
    counts = metrics.words(strokes, [text] * 4, Checker(*read))
    assert counts == {
        "own_reader_character_errors": (0 + 1 + 4 + 6) / 64, "words": 16, "words_missing": 2, "words_extra": 1,
        "lines_with_a_word_missing": 2, "words_gone": 1, "missing_in": [[text, read[1]], [text, read[2]]],
    }  # fmt: skip
    assert metrics.gone(text, read[2]) == ["the"]
    assert metrics.gone(text, "") == text.split()


def test_rereading_is_measured_beside_and_plotted(data, model, tmp_path, capsys):
    out, picture = tmp_path / "figures.json", tmp_path / "plot.png"
    command = ["evaluate", "handwriting", "--data", str(data), "--model", str(model), "--lines", "3", "--read", "0"]
    small = HandwritingReaderConfig(
        " " + tiny_handwriting.LETTERS, hidden_size=4, layers=1, channels=2, language_model=""
    )
    reader = hub.save(HandwritingReader(small), tmp_path / "reader", card="A test.")
    options = ["--candidates", "2", "--styles", "2", "--reader", str(reader), "--plot", str(picture)]
    assert cli.main([*command, *options, "--json", str(out)]) == 0
    figures = json.loads(out.read_text())
    again = figures["reread"]
    assert again["candidates"] == 2
    for part in (figures, again):
        assert part["runaway"]["lines"] == 3
        assert part["runaway"]["words"] == 12
        assert part["cpu_seconds_a_line_of_50_characters"] > 0
    assert again["runaway"]["own_reader_character_errors"] != figures["runaway"]["own_reader_character_errors"]
    found = figures["diversity"]
    assert found["lines"] == 2 * 2 * diversity.SEEDS
    for name in ("plain", "reread"):
        assert [point["legibility"] for point in found[name]] == found["settings"]
        assert all(point["same_style"] > 0 and point["other_style"] > 0 for point in found[name])
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_distance_of_lines_by_hand():
    """Matched 0-0, 1-1, 1-1, 3-2: two steps in both lines (twice 0), one in the second (0), one in both (twice 1)."""
    one, other = np.array([[0.0], [1.0], [3.0]]), np.array([[0.0], [1.0], [1.0], [2.0]])
    long = np.zeros((9, 1))
    found = diversity.distances([(one, other), (other, one), (one, one), (long, one)])
    assert found[0] == found[1] == pytest.approx(2 / 7)
    assert found[2] == 0
    assert found[3] == pytest.approx(min(8 * 0 + 2 * 0 + 1 + 3, 2 * 1 + 2 * 3) / 12)


@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 1000))
def test_distance_is_the_best_of_all_ways(rows, columns, seed):
    generator = np.random.default_rng(seed)
    one, other = generator.normal(size=(rows, 2)), generator.normal(size=(columns, 2))
    cost = np.linalg.norm(one[:, None] - other, axis=2)

    def least(i: int, j: int) -> float:
        if i == j == 0:
            return 2 * cost[0, 0]
        ways = [least(i - 1, j) + cost[i, j]] if i else []
        ways += [least(i, j - 1) + cost[i, j]] if j else []
        ways += [least(i - 1, j - 1) + 2 * cost[i, j]] if i and j else []
        return min(ways)

    (found,) = diversity.distances([(one, other)])
    assert found == pytest.approx(least(rows - 1, columns - 1) / (rows + columns))


def test_runaways_are_counted(model, monkeypatch):
    writer = hub.load(str(model))
    rows = [np.zeros((count, 3)) for count in (40, 40, 44, 100, 15)]
    cut = np.array([False, False, False, True, False])
    monkeypatch.setattr(metrics, "draw", lambda *_: metrics.Drawn([], rows, ["abcd"] * 5, cut))
    counts = metrics.runaways(writer, [("abcd", held_line("abcd"))], 5, 1, 0)
    assert counts == {
        "lines": 5, "cut_off": 1, "over_twice_the_points": 1, "under_half_the_points": 1, "points_a_character": 10.0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "code", "said"),
    [
        ({"--data": "{folder}/none.npz"}, 1, "there is no handwriting data at"),
        ({"--model": "{folder}/none"}, 2, "there is no model or folder"),
        ({"--validation": "other"}, 1, "0 to validate on"),
        ({"--json": "{folder}/none/figures.json"}, 1, "there is no folder"),
        ({"--json": "{folder}"}, 1, "is a folder"),
        ({"--legibility": "[2]"}, 2, "legibility between 0 and 1"),
        ({"--lines": "-1"}, 2, "must be 0 or more"),
        ({"--candidates": "40"}, 2, "candidates must be a whole number from 1 to 32"),
        ({"--candidates": "2", "--reader": "writer"}, 2, "writer is not a handwriting reader"),
        ({"--plot": "{folder}/plot.txt"}, 2, "is no picture; a name ending in .png"),
        ({"--plot": "{folder}/none/plot.png"}, 1, "there is no folder"),
        ({"--read": "many"}, 2, "--read is many; a whole number would be right"),
    ],
)
def test_what_goes_wrong(changes, code, said, data, model, tmp_path, capsys):
    options = {"--data": str(data), "--model": str(model), "--lines": "0", "--read": "0", **changes}
    arguments = [part.format(folder=tmp_path) for pair in options.items() for part in pair]
    assert cli.main(["evaluate", "handwriting", *arguments]) == code
    err = capsys.readouterr().err.strip()
    assert said in err
    assert len(err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_disk_that_is_full(data, model, tmp_path, capsys, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic_write.os, "fsync", full)
    out = tmp_path / "figures.json"
    command = ["evaluate", "handwriting", "--data", str(data), "--model", str(model), "--lines", "0", "--read", "0"]
    assert cli.main([*command, "--out", str(out)]) == 1
    assert "cannot be written: no space left on device" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
