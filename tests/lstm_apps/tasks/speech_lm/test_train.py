"""The commands that estimate and measure a language model, on texts and shards made here."""

from __future__ import annotations

import json
import lzma
from pathlib import Path

import numpy as np
import pytest

from lstm_apps.cli import main
from lstm_apps.tasks.speech_lm.train import evaluate, perplexity, train
from lstm_datasets.speech.shards import Line, write_shard
from lstm_models.checkpoints import hub
from lstm_models.errors import InputError
from lstm_models.ngram.model import NGram

SENTENCES = [
    "The old mill stands by the river.",
    "Mr. Hart didn't see the river from the mill.",
    "By the river the old man walks, and the river runs by the mill.",
    "The man didn't walk far; the mill stands still.",
]


@pytest.fixture
def books(tmp_path: Path) -> Path:
    path = tmp_path / "books.jsonl.xz"
    with lzma.open(path, "wt") as file:
        for part in range(30):
            text = " ".join(SENTENCES[part % 4 :] + SENTENCES[: part % 4]).replace("didn't", "did n't")
            file.write(json.dumps({"text": text}) + "\n")
    return path


def shard(path: Path, texts: list[str]) -> Path:
    samples = np.sin(np.arange(32_000) / 9).astype(np.float32) / 4
    write_shard(path, [Line(f"{path.stem}_{i}", samples, {"text": t, "speaker": "s"}) for i, t in enumerate(texts)])
    return path


def test_a_model_is_estimated_saved_and_measured(
    books: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = shard(tmp_path / "train-a-000.tar", ["CALL KATE AT NINE", "CALL KATE AT TEN", "THE MILL"])
    out = tmp_path / "lm"
    counts = train(text=[str(books)], data=[f"{said}=2"], out=str(out))
    model = hub.load(out)
    assert isinstance(model, NGram)
    assert {"river", "didn't", "mister", "kate"} <= set(model.vocabulary)
    assert "nine" not in model  # came once
    assert not {"did", "n't", "t"} & set(model.vocabulary)
    assert counts["1-grams"] == len(model.vocabulary) + 3
    assert counts["sentences"] == 30 * 4 + 3
    assert "Learnt from: books.jsonl.xz, train-a-000.tar" in hub.card(out)
    number = model.number
    assert model.score((number("by"), number("the")), "river") > model.score((number("by"), number("the")), "call")
    test = shard(tmp_path / "dev-a-000.tar", ["THE OLD RIVER RUNS", "ZEBRAS CALL KATE"])
    figures = evaluate(str(out), [str(test)])
    assert figures["dev-a-000.tar/unknown"] == pytest.approx(1 / 7)
    assert 1 < figures["dev-a-000.tar/perplexity"] < len(model.vocabulary)
    assert "14.29 % of 7 words unknown" in capsys.readouterr().out


def test_words_spelt_letter_by_letter_are_learnt_where_asked(books: Path, tmp_path: Path) -> None:
    def likelihood(spelt: float) -> float:
        train(text=[str(books)], out=str(tmp_path / "lm"), spelt=spelt)
        model = hub.load_as(NGram, str(tmp_path / "lm"))
        context, total = model.start, 0.0
        for letter in "river":
            score, context = model.score(context, letter)
            total += score
        return total

    assert likelihood(0.2) > likelihood(0.0) + 20


def test_evaluation_sentences_are_left_out(books: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shard(tmp_path / "dev-a-000.tar", ["THE OLD MILL STANDS BY THE RIVER", "SAW THE RIVER RUNS BY THE MILL NOW"])
    counts = train(text=[str(books)], out=str(tmp_path / "lm"), exclude=[str(tmp_path)])
    assert counts["sentences"] == 60
    assert counts["left out"] == 60  # the first as it is, the third for six words in a row
    assert "60 left out that evaluation sets have, too" in capsys.readouterr().out


def test_the_model_is_as_small_as_asked_and_no_worse_than_need_be(books: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    words = [a + b for a in "abcdefghij" for b in "klmnopqrst"]
    lines = [" ".join(words[min(99, int(i))] for i in rng.zipf(1.3, 8)) for _ in range(4000)]
    (tmp_path / "much.txt").write_text("\n".join(lines))
    sizes, values = [], []
    for size in (0.05, 0.06, 3.0):
        train(text=[str(tmp_path / "much.txt")], out=str(tmp_path / "lm"), size=size)
        sizes.append((tmp_path / "lm" / "model.safetensors").stat().st_size / 2**20)
        values.append(perplexity(hub.load(tmp_path / "lm"), (line.split() for line in lines[:200]))[0])
    assert 0.04 < sizes[0] <= 0.05 < sizes[1] <= 0.06 < sizes[2]
    assert values == sorted(values, reverse=True)


def test_the_vocabulary_is_what_comes_most(books: Path, tmp_path: Path) -> None:
    train(text=[str(books)], out=str(tmp_path / "lm"), vocabulary=3, order=2)
    model = hub.load(tmp_path / "lm")
    assert model.vocabulary == ["mill", "river", "the"]
    assert model.config.order == 2


def test_the_words_that_come_next_are_listed_as_rare(books: Path, tmp_path: Path) -> None:
    figures = train(text=[str(books)], out=str(tmp_path / "lm"), vocabulary=3, rare=2, order=2)
    model = hub.load(tmp_path / "lm")
    assert model.vocabulary == ["mill", "river", "the"]
    assert figures["rare words"] == 2
    assert "by" in model
    assert "didn't" in model
    assert "old" not in model


def test_an_arpa_file_becomes_a_model(tmp_path: Path) -> None:
    path = tmp_path / "x.arpa"
    path.write_text("\\data\\\nngram 1=4\n\n\\1-grams:\n-99 <s>\n-1 </s>\n-1 <unk>\n-0.1 yes\n\n\\end\\\n")
    train(arpa=str(path), out=str(tmp_path / "lm"))
    assert hub.load(tmp_path / "lm").vocabulary == ["yes"]
    with pytest.raises(InputError, match="converted as it is"):
        train(arpa=str(path), text=["a.txt"])


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ([], "name something to learn from"),
        (["--text", "none.txt"], "there is no text none.txt"),
        (["--text", "photo.png"], "photo.png is no text to speak|photo.png"),
        (["--text", "a.txt", "--order", "9"], "from 1 to 4, and is 9"),
        (["--text", "a.txt", "--vocabulary", "0"], "1 to 65,000 words, and is 0"),
        (["--text", "a.txt", "--rare", "-1"], "0 to 1,000,000, and not -1"),
        (["--text", "a.txt", "--size", "-1"], "MiB above 0"),
        (["--text", "a.txt", "--data-weight", "0"], "transcripts is above 0"),
        (["--text", "a.txt", "--spelt", "-1"], "spelt words is 0 or more"),
        (["--text", "a.txt=0"], "a weight is above 0"),
        (["--text", "once.txt"], "no word comes twice"),
        (["--text", "many.txt", "--size", "0.01"], "lower --vocabulary"),
        (["--arpa", "none.arpa"], "none.arpa cannot be read"),
    ],
)
def test_bad_calls_end_in_a_sentence(
    options: list[str],
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").write_text("one two one two\n")
    (tmp_path / "once.txt").write_text("one two three\n")
    (tmp_path / "many.txt").write_text(" ".join(f"a{a}{b}" for a in "bcdfg" for b in "hjklm").translate({}) * 2)
    assert main(["train", "speech-lm", *options, "--out", "lm"]) != 0
    told = capsys.readouterr().err
    assert any(part in told for part in sentence.split("|"))
    assert "Traceback" not in told
    assert not (tmp_path / "lm").exists()


def test_measuring_another_model_ends_in_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "speech-lm", "--model", "writer", "--data", "x.tar"]) == 2
    assert "writer is not a language model" in capsys.readouterr().err
