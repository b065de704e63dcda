"""The tagger on the command line: trained on a few sentences, measured, and given files of all kinds."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

pytest.importorskip("lightning")
pytest.importorskip("seqeval")

from lstm_apps import cli
from lstm_models.checkpoints import hub
from lstm_models.tasks.tagging.conllu import read_conllu
from lstm_models.tasks.tagging.model import Tagger
from tests.helpers import tiny_sentences

OPTIONS = [
    "--config",
    "tiny",
    "--training.steps",
    "60",
    "--training.validate_every",
    "30",
    "--training.accelerator",
    "cpu",
]
OPTIONS += ["--training.learning_rate", "0.02"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    tiny_sentences.conllu(folder / "pos.conllu")
    tiny_sentences.names(folder / "names.conll")
    return folder


@pytest.fixture(scope="module")
def model(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    run = tmp_path_factory.mktemp("tagger") / "run"
    arguments = ["--run", str(run)]
    for name in ("pos.conllu", "names.conll"):
        arguments += ["--data", str(folder / name), "--validation", str(folder / name)]
    assert cli.main(["train", "tagging", *arguments, *OPTIONS]) == 0
    return str(run / "model")


def test_training_learns_both_from_data_that_have_one_each(model: str, folder: Path, tmp_path: Path) -> None:
    assert isinstance(hub.load(model), Tagger)
    out = tmp_path / "figures.json"
    arguments = [part for name in ("pos.conllu", "names.conll") for part in ("--data", str(folder / name))]
    assert cli.main(["evaluate", "tagging", "--model", model, *arguments, "--json", str(out)]) == 0
    files = json.loads(out.read_text())["files"]
    pos, names = files[str(folder / "pos.conllu")], files[str(folder / "names.conll")]
    assert pos["pos"]["accuracy"] > 95
    assert pos["pos_lowercase"]["accuracy"] > 95
    assert names["names"]["f1"] > 90
    assert names["names_lowercase"]["f1"] > 90
    assert names["names"]["entities"] == 80
    assert "names" not in pos
    assert "pos" not in names


def test_texts_files_and_treebanks(
    model: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def said(*arguments: str) -> str:
        assert cli.main(["tag", "--model", model, *arguments]) == 0
        return capsys.readouterr().out

    assert said("Anna saw Paris.") == "[Anna/PROPN PER] saw/VERB [Paris/PROPN LOC] ./PUNCT\n"
    assert json.loads(said("Anna saw Paris.", "--json", "true"))["entities"][1]["kind"] == "LOC"
    assert read_conllu(said("Anna saw Paris.", "--format", "conllu")) == [["Anna", "saw", "Paris", "."]]
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"the cat slept.")))
    assert said("-") == "the/DET cat/NOUN slept/VERB ./PUNCT\n"
    path = folder / "pos.conllu"
    filled = said(str(path), "--format", "conllu")
    assert read_conllu(filled) == read_conllu(path.read_text())
    assert "\tEntity=B-PER" in filled
    assert said(str(path)).splitlines()[0] == "[Anna/PROPN PER] saw/VERB [Paris/PROPN LOC] ./PUNCT"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "TEXT is missing"),
        (["none.conllu"], "none.conllu does not exist"),
        (["BAD.conllu"], "line 1 is not CoNLL-U"),
        (["a b", "--format", "xml"], "--format is xml; one of txt, conllu, json would be right"),
        (["a b", "--model", "words"], "words is not a tagger"),
        (["a b", "c d"], "several texts need --out"),
        (["a b", "--out", "no/folder/a.txt"], "cannot be written"),
    ],
)
def test_bad_input_is_one_sentence_and_writes_nothing(
    model: str, tmp_path: Path, arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    (tmp_path / "BAD.conllu").write_text("one two\n")
    chosen = [] if "--model" in arguments else ["--model", model]
    assert cli.main(["tag", *arguments, *chosen]) in (1, 2)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert sentence in captured.err
    assert "Traceback" not in captured.err
    assert [path.name for path in tmp_path.iterdir()] == ["BAD.conllu"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--data", "none.conllu"], "none.conllu cannot be read"),
        (["--data", "POS", "--lowercase", "2"], "--lowercase must be from 0 to 1"),
        (["--data", "POS", "--vectors", "none.txt"], "none.txt is not a file of word vectors"),
        (["--data", "POS", "--vectors", "GLOVE"], "the word vectors have 2 features, but model.embedding_size is 16"),
    ],
)
def test_training_says_what_is_wrong(
    folder: Path, tmp_path: Path, arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "glove.txt").write_text("the 1 2\n")
    named = {"POS": str(folder / "pos.conllu"), "GLOVE": str(tmp_path / "glove.txt")}
    arguments = [named.get(argument, argument) for argument in arguments]
    assert cli.main(["train", "tagging", "--run", str(tmp_path / "run"), *OPTIONS, *arguments]) != 0
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_sentiment_is_learnt_and_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words, topics = (("good", 1), ("fine", 1), ("bad", 0), ("dull", 0)), ("dogs", "cats", "us", "war", "love")
    rows = [f"a {word} film about {about}\t{label}" for word, label in words for about in topics]
    data = tmp_path / "films.tsv"
    data.write_text("\n".join(rows * 4) + "\n")
    run = str(tmp_path / "run")
    classes = ["--model.classes", "negative positive"]
    arguments = ["--data", str(data), "--validation", str(data), "--run", run]
    assert cli.main(["train", "tagging", *arguments, *OPTIONS, *classes]) == 0
    model = ["--model", f"{run}/model"]
    out = tmp_path / "figures.json"
    assert cli.main(["evaluate", "tagging", *model, "--data", str(data), "--json", str(out)]) == 0
    figures = json.loads(out.read_text())["files"][str(data)]
    assert figures["classes"] == {"texts": 80, "accuracy": 100.0}
    capsys.readouterr()
    assert cli.main(["tag", *model, "a dull film", "--json", "true"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["label"] == "negative"
    assert found["classes"]["negative"] == pytest.approx(1 - found["classes"]["positive"], abs=2e-4)
    assert cli.main(["tag", *model, "a good film"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("# positive ")
    assert second == "a good film"  # it knows no parts of speech


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ("good\t1\nfine\t1\n" * 20, "all texts of the data are of one class, 1"),
        ("good\tup\nbad\tdown\n" * 20, "the class up is not one of negative, positive"),
    ],
)
def test_classes_that_do_not_fit(rows: str, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "a.tsv"
    data.write_text(rows)
    classes = ["--model.classes", "negative positive"] if "down" in rows else []
    assert cli.main(["train", "tagging", "--data", str(data), "--run", str(tmp_path / "run"), *OPTIONS, *classes]) != 0
    assert sentence in capsys.readouterr().err
