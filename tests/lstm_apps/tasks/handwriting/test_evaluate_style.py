"""How alike hands are: the judge on hands that are made to differ, its scores by hand, and the command."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from lstm_apps import cli
from lstm_apps.evaluation.separation import separation
from lstm_apps.tasks.handwriting import evaluate_style, writer_similarity
from lstm_datasets.handwriting.readers import read_lines
from lstm_models.checkpoints import hub
from tests.helpers import tiny_handwriting
from tests.helpers.tiny_writer import CONFIG, make


def line(slant: float, width: float, seed: int) -> list[np.ndarray]:
    """Arches of uneven height, slanted and stretched."""
    generator = np.random.default_rng(seed)
    strokes, x = [], 0.0
    for _ in range(6):
        angle = np.linspace(0, 6 * np.pi, 60)
        height = generator.uniform(8, 12) * np.abs(np.sin(angle)) + generator.normal(0, 0.2, 60)
        run = np.linspace(0, 40, 60) * width
        strokes.append(np.stack([x + run + slant * height, -height], 1))
        x += 40 * width + 12
    return strokes


def test_the_judge_tells_hands_apart():
    generator = np.random.default_rng(0)
    looks = [(generator.uniform(-0.5, 0.8), generator.uniform(0.6, 1.6)) for _ in range(16)]
    lots = [[line(*look, seed=100 * number + each) for each in range(6)] for number, look in enumerate(looks)]
    judge = writer_similarity.Judge(lots[:12], [[30] * 6] * 12)
    unseen = lots[12:]
    probes = np.stack([judge.of(lot[:3], [30] * 3) for lot in unseen])
    stands = np.stack([judge.of(lot[3:], [30] * 3) for lot in unseen])
    alike = evaluate_style.cosine_similarities(probes, stands)
    own = np.eye(4, dtype=bool)
    assert writer_similarity.first_share(alike) == 1
    assert separation(alike[own], alike[~own]) > 0.95


def test_measures_know_neither_size_nor_place():
    strokes = line(0.3, 1.0, 1)
    moved = [stroke * 37 + np.array([500.0, -90.0]) for stroke in strokes]
    found = writer_similarity.measured(strokes, 20)
    np.testing.assert_allclose(writer_similarity.measured(moved, 20), found, rtol=1e-3, atol=1e-3)
    assert np.isfinite(writer_similarity.measured([np.array([[0.0, 0.0], [1.0, 5.0]])], 1)).all()
    assert np.isfinite(writer_similarity.measured([np.array([[0.0, 0.0]]), np.array([[3.0, 1.0]])], 2)).all()


def test_scores_by_hand():
    same, other = np.array([0.9, 0.4]), np.array([0.1, 0.4, 0.5])
    assert separation(same, other) == pytest.approx((3 + 1 + 0.5) / 6)
    assert separation(other, same) == pytest.approx(1 - 4.5 / 6)
    assert writer_similarity.equal_error_rate(np.array([3.0, 4]), np.array([1.0, 2])) == 0
    assert writer_similarity.equal_error_rate(np.array([1.0, 3]), np.array([2.0, 0])) == 0.5
    assert writer_similarity.first_share(np.array([[0.9, 0.1], [0.8, 0.2]])) == 0.5


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """Two writers whose lines are learnt from, two who are held out."""
    path = tiny_handwriting.jsonl(tmp_path_factory.mktemp("data") / "lines.jsonl", tiny_handwriting.lines(120, words=7))
    rows = [json.loads(row) for row in path.read_text().splitlines()]
    for number, row in enumerate(rows):
        row["writer"] = ("10001", "10002", "20001", "20002")[number % 4]
        row["split"] = "train" if number % 4 < 2 else "held"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_command_line(data, tmp_path, capsys):
    model = hub.save(make(), tmp_path / "model", card="A test.")
    out = tmp_path / "figures.json"
    command = ["evaluate", "handwriting-style", "--data", str(data), "--model", str(model), "--validation", "held"]
    assert cli.main([*command, "--reader", "", "--lines", "1", "--sentences", "2", "--out", str(out)]) == 0
    figures = json.loads(out.read_text())
    assert json.loads(capsys.readouterr().out) == figures
    assert (figures["unseen_writers"], figures["learnt_writers"]) == (2, 2)
    for name in ("real", "fitted", "nearest_learnt", "not_fitted"):
        assert 0 <= figures[name]["auc"] <= 1
        assert set(figures[name]) >= {"equal_error_rate", "own_hand_first", "auc_of_single_lines"}
    assert figures["nats_a_point"]["nats_a_point"] <= figures["nats_a_point"]["nats_a_point_without_style"] + 0.2


def test_no_line_serves_two_purposes_and_no_learnt_writer_any(data):
    found = evaluate_style.unseen(
        [dataclasses.replace(each) for each in read_lines(data)], set(CONFIG.styles), 3, None, seed=1
    )
    assert set(found) == {"20001", "20002"}
    for hand in found.values():
        names = [id(each) for part in (hand.fitting, hand.probe, hand.gallery) for each in part]
        assert len(set(names)) == len(names) == 3 + 6 + 12


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--lines", "0"], "lines and sentences must be 1 or more"),
        (["--writers", "1"], "writers 2 or more"),
        (["--legibility", "2"], "legibility must lie between 0 and 1"),
        (["--model", "reader"], "reader is no handwriting writer that learnt styles"),
        (["--json", "nowhere/figures.json"], "the folder nowhere does not exist"),
        (["--lines", "20"], "unseen writers have the 38 lines"),
    ],
)
def test_what_cannot_be_measured(options, said, data, tmp_path, capsys):
    command = ["evaluate", "handwriting-style", "--data", str(data), "--validation", "held"]
    if "--model" not in options:
        command += ["--model", str(hub.save(make(), tmp_path / "model", card="A test."))]
    assert cli.main([*command, *options]) in (1, 2)
    assert said in capsys.readouterr().err


def test_the_help_of_evaluate_lists_it(capsys):
    assert cli.main(["evaluate", "--help"]) == 0
    assert "handwriting-style" in capsys.readouterr().out
    assert cli.main(["train", "--help"]) == 0
    assert "handwriting-style" not in capsys.readouterr().out
    assert cli.main(["train", "handwriting-style"]) == 2
