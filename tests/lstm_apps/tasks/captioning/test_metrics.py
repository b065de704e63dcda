"""Scores of captions: by hand, against pycocoevalcap's own wrappers, and without Java."""

from __future__ import annotations

import json
import math
import shutil
import tarfile
from collections import Counter
from pathlib import Path

import pytest

from lstm_apps.tasks.captioning import metrics
from lstm_models.errors import InputError

pytest.importorskip("pycocoevalcap", reason="the standard scorer comes with the extra “bench”")

SHARD = Path(__file__).resolve().parents[4].parent / "shared/data/flickr8k/dev-000.tar"
needs_java = pytest.mark.skipif(shutil.which("java") is None, reason="Java is not installed")

CANDIDATES = {
    "a.jpg": "A dog runs through the grass .",
    "b.jpg": "Two children are playing in the water.",
    "c.jpg": "a man on a bike",
}
REFERENCES = {
    "a.jpg": ["A brown dog runs through the tall grass .", "The dog is running on grass"],
    "b.jpg": ["Two kids play in the water .", "Children splash in a pool .", "Two children in the sea ."],
    "c.jpg": ["A man is riding a bike .", "A cyclist on the road ."],
    "d.jpg": ["Nobody asked about this one ."],
}


@pytest.fixture
def no_java(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics.shutil, "which", lambda name: None)


@pytest.mark.parametrize(
    ("caption", "words"),
    [
        ("A man, a dog; and a T-shirt!", "a man a dog and a t-shirt"),
        ("The girl's dogs' toys aren't hers.", "the girl 's dogs toys are n't hers"),
        ("They can't, won't; he'll cannot gonna", "they ca n't wo n't he 'll can not gon na"),
        ("The water 's edge , do n't walk", "the water 's edge do n't walk"),
        ("A “sign” that says ‘stop’ \"now\" 'here' .", "a sign that says stop now here"),
        ("it’s Mr. Smith of D.C. at 5:30 a.m.", "it 's mr. smith of d.c. at 5:30 a.m."),
        ("boy ( in red ) [ left ]", "boy -lrb- in red -rrb- -lsb- left -rsb-"),
        ("dog -- cat – bird ... and - so ?", "dog cat bird and so"),
        ("An ant 's-eye-view of the 80's", "an ant 's eye-view of the 80 's"),
        ("number #5 of 1,000 and/or a 4-wheeler, 3rd", "number # 5 of 1,000 and/or a 4-wheeler 3rd"),
        ("rock 'n' roll o'clock mother-in-law's", "rock 'n' roll o'clock mother-in-law 's"),
        ("wow !!! what ?!", "wow !!! what ?!"),
        ("café naïve São", "café naïve são"),
        ("", ""),
        (" . ", ""),
    ],
)
def test_words(caption, words):
    assert " ".join(metrics.tokenize(caption)) == words


@needs_java
def test_words_are_those_of_the_standard_scorer():
    """Pycocoevalcap's own wrapper, our call of its program, and the rules."""
    from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

    captions = [*CANDIDATES.values(), *(text for texts in REFERENCES.values() for text in texts)]
    captions += ["The girl's dogs' toys aren't hers (yet).", 'A "sign" of D.C. -- at 5:30', "", "Boys!"]
    expected = PTBTokenizer().tokenize({number: [{"caption": text}] for number, text in enumerate(captions)})
    rows = metrics.java_tokens(captions)
    assert rows is not None
    assert [" ".join(row) for row in rows] == [expected[number][0] for number in range(len(captions))]
    assert [metrics.tokenize(text) for text in captions] == rows


@needs_java
@pytest.mark.skipif(not SHARD.is_file(), reason="the photos of Flickr8k are not here")
def test_rules_agree_on_every_caption_of_flickr8k_dev():
    with tarfile.open(SHARD) as shard:
        members = [member for member in shard if member.name.endswith(".json")]
        captions = [text for member in members for text in json.load(shard.extractfile(member))["captions"]]
    assert len(captions) == 5000
    assert metrics.java_tokens(captions) == [metrics.tokenize(text) for text in captions]


def test_bleu_by_hand(no_java):
    """Two captions with clipped counts; the closest reference is longer, so that there is a brevity penalty."""
    candidates = {"a": "the the the dog runs", "b": "a man sits"}
    references = {"a": ["the dog runs over the field"], "b": ["a man sits down", "a man who sits on a bench"]}
    rows = [(candidates[name].split(), [text.split() for text in references[name]]) for name in "ab"]

    def precision(order: int) -> float:
        hits = total = 0
        for ours, theirs in rows:
            counts = Counter(zip(*(ours[start:] for start in range(order)), strict=False))
            limits = [Counter(zip(*(row[start:] for start in range(order)), strict=False)) for row in theirs]
            hits += sum(min(count, max(limit[gram] for limit in limits)) for gram, count in counts.items())
            total += sum(counts.values())
        return hits / total

    penalty = math.exp(1 - (6 + 4) / (5 + 3))
    result = metrics.caption_scores(candidates, references, use_meteor=False)
    # "the" counts twice: 2 + 1 + 1 of 5, and 3 of 3
    assert precision(1) == 7 / 8
    assert result["BLEU-1"] == pytest.approx(100 * penalty * 7 / 8, rel=1e-6)
    assert result["BLEU-2"] == pytest.approx(100 * penalty * math.sqrt(7 / 8 * precision(2)), rel=1e-6)


def test_rouge_by_hand(no_java):
    """Longest common subsequence 3 of 4 and of 6 words, beta 1.2."""
    result = metrics.caption_scores({"a": "dog runs in grass"}, {"a": ["the dog runs over the grass"]})
    precision, recall = 3 / 4, 3 / 6
    expected = (1 + 1.44) * precision * recall / (recall + 1.44 * precision)
    assert result["ROUGE-L"] == pytest.approx(100 * expected)


def test_cider_is_that_of_the_reward(no_java):
    """The standard scorer's figure and the reward of training, computed apart, on the same words."""
    from lstm_models.tasks.captioning.cider import CiderD

    numbers: dict[str, int] = {}

    def encode(text: str) -> list[int]:
        return [numbers.setdefault(word, len(numbers)) for word in metrics.tokenize(text)]

    names = list(CANDIDATES)
    reward = CiderD([[encode(text) for text in REFERENCES[name]] for name in names], end=None)
    expected = reward.score([encode(CANDIDATES[name]) for name in names], range(len(names))).mean()
    result = metrics.caption_scores(CANDIDATES, REFERENCES)
    assert result["CIDEr"] == pytest.approx(100 * expected, rel=1e-6)
    assert result["CIDEr"] > 50


def test_a_reference_as_candidate_is_perfect(no_java):
    candidates = {name: texts[0] for name, texts in REFERENCES.items()}
    result = metrics.caption_scores(candidates, REFERENCES)
    for name in ("BLEU-1", "BLEU-4", "ROUGE-L"):
        assert result[name] == pytest.approx(100, rel=1e-6)


def test_without_java(no_java):
    notes: list[str] = []
    result = metrics.caption_scores(CANDIDATES, REFERENCES, notes=notes)
    assert [note.split(":")[0] for note in notes] == ["tokens", "METEOR"]
    assert all("Java" in note for note in notes)
    assert list(result) == [
        *("BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4", "ROUGE-L", "CIDEr"),
        *("vocabulary", "distinct", "words"),
    ]


@pytest.mark.slow
@needs_java
def test_meteor_is_that_of_the_standard_wrapper(capsys):
    from pycocoevalcap.meteor.meteor import Meteor

    names = list(CANDIDATES)
    ours = {name: [" ".join(metrics.tokenize(CANDIDATES[name]))] for name in names}
    theirs = {name: [" ".join(metrics.tokenize(text)) for text in REFERENCES[name]] for name in names}
    wrapper = Meteor()
    try:
        expected, _ = wrapper.compute_score(theirs, ours)
    finally:
        wrapper.meteor_p.stdout.close()
        wrapper.meteor_p.stderr.close()
    notes: list[str] = []
    result = metrics.caption_scores(CANDIDATES, REFERENCES, notes=notes)
    assert result["METEOR"] == pytest.approx(100 * expected)
    assert 20 < result["METEOR"] < 80
    assert notes == []
    assert capsys.readouterr().out == ""


@needs_java
def test_meteor_is_stopped_when_it_takes_too_long():
    assert metrics.meteor(["a dog"], [["a dog"]], seconds=0.01) is None


def program(folder: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Puts a shell script in the place of Java."""
    path = folder / "java"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    monkeypatch.setattr(metrics.shutil, "which", lambda name: str(path))


@pytest.mark.parametrize("text", ["exit 1", "echo no number; cat >/dev/null", "exec sleep 60"])
def test_java_that_is_broken(text, tmp_path, monkeypatch):
    program(tmp_path, text, monkeypatch)
    monkeypatch.setattr(metrics, "_SECONDS", 0.2)
    assert metrics.meteor(["a dog", "a cat"], [["a dog"], ["a dog"]], seconds=0.2) is None
    assert metrics.java_tokens(["A dog .", "A cat .", "A man ."]) is None
    notes: list[str] = []
    assert metrics.reference_tokens(["A dog .", "", "Hi"], notes) == [["a", "dog"], [], ["hi"]]
    assert len(notes) == 1


def test_java_that_cannot_be_run(tmp_path, monkeypatch):
    monkeypatch.setattr(metrics.shutil, "which", lambda name: str(tmp_path / "java"))
    assert metrics.meteor(["a dog"], [["a dog"]]) is None
    assert metrics.java_tokens(["A dog ."]) is None


def test_variety(no_java):
    candidates = {"a": "A dog .", "b": "a dog", "c": "two cats sit", "d": "new words"}
    references = {name: ["a dog"] for name in candidates}
    result = metrics.caption_scores(candidates, references, training=["A dog.", "Two cats sit!", "a man"])
    assert result["vocabulary"] == 7
    assert result["distinct"] == 75
    assert result["words"] == (2 + 2 + 3 + 2) / 4
    assert result["new"] == 25


def test_what_goes_wrong(no_java, monkeypatch):
    with pytest.raises(InputError, match="no caption to score"):
        metrics.caption_scores({}, REFERENCES)
    with pytest.raises(InputError, match=r"e\.jpg has no reference"):
        metrics.caption_scores({"e.jpg": "a dog"}, REFERENCES)
    with pytest.raises(InputError, match=r"e\.jpg has no reference"):
        metrics.caption_scores({"e.jpg": "a dog"}, {"e.jpg": []})
    monkeypatch.setattr(metrics.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError) as error:
        metrics.java_tokens(["a dog"])
    assert error.value.name == "pycocoevalcap"
