"""Measuring a captioner: what is printed and written against what is known of a made-up one, and what goes wrong."""

from __future__ import annotations

import json
import lzma
import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from lstm_apps import cli
from lstm_apps.tasks.captioning import evaluate, metrics, near_duplicates
from lstm_datasets.captioning.readers import read_captions
from lstm_models.errors import InputError
from lstm_models.results import Word
from lstm_models.tasks.captioning import familiarity
from lstm_models.tasks.captioning.config import CaptionerConfig
from lstm_models.tasks.captioning.model import Captioner
from lstm_models.tasks.captioning.results import Caption

pytest.importorskip("pycocoevalcap", reason="the standard scorer comes with the extra “bench”")

SAID = {"red": "A red dog runs", "green": "A green field", "blue": "A blue sea"}


class ColourCaptioner(Captioner):
    """Names the colour of a photo; its words' probabilities are 0.9 for colours and 0.6 for the others."""

    def __init__(self, config: CaptionerConfig | None = None) -> None:
        nn.Module.__init__(self)
        self.config = config or CaptionerConfig(temperature=2.0, calibration_bias=0.5)
        self.calls: list[tuple[int, int]] = []

    def caption(self, images, *, beam=5, n_best=1):
        single = not isinstance(images, list)
        images = [images] if single else images
        self.calls.append((1 if single else len(images), beam))
        found = []
        for image in images:
            colour = list(SAID)[int(np.argmax(np.asarray(image).mean((0, 1))))]
            probabilities = [0.9 if word in SAID else 0.6 for word in SAID[colour].split()]
            words = tuple(
                Word(word.lower(), self.confidence(p))
                for word, p in zip(SAID[colour].split(), probabilities, strict=True)
            )
            other = (Caption("A photo", words[:2], -9.0),) * (n_best - 1)
            found.append(Caption(SAID[colour], words, math.log(math.prod(probabilities)), other))
        return found[0] if single else found

    def photo_features(self, images):
        return torch.stack([torch.tensor(np.asarray(image).reshape(-1, 3).mean(0) / 255) for image in images])

    def confidence(self, p: float) -> float:
        z = math.log(p / (1 - p)) / self.config.temperature + self.config.calibration_bias
        return 1 / (1 + math.exp(-z))


def picture(colour: int, seed: int, size: int = 48) -> Image.Image:
    """Smooth blobs in one colour, another picture for each seed."""
    random = np.random.default_rng(seed)
    small = Image.fromarray(random.integers(0, 120, (6, 6), np.uint8)).resize((size, size), Image.Resampling.BICUBIC)
    pixels = np.repeat(np.asarray(small)[..., None], 3, axis=2)
    pixels[..., colour] += 100
    return Image.fromarray(pixels)


@pytest.fixture
def data(tmp_path) -> Path:
    """Twelve photos to measure on, six trained on; every third is green, though the captioner's field is in none."""
    folder = tmp_path / "photos"
    folder.mkdir()
    rows = []
    for number in range(18):
        colour = number % 3
        picture(colour, number).save(folder / f"{number}.png")
        captions = [["A red dog runs .", "The dog is red ."], ["A green lawn ."], ["A sea .", "The blue sea ."]][colour]
        rows.append(
            json.dumps({"image": f"{number}.png", "captions": captions, "split": "dev" if number < 12 else "train"})
        )
    (folder / "captions.jsonl").write_text("\n".join(rows))
    return folder


@pytest.fixture
def captioner(monkeypatch) -> ColourCaptioner:
    made = ColourCaptioner()
    monkeypatch.setattr(evaluate.hub, "load", lambda name: made)
    monkeypatch.setattr(metrics.shutil, "which", lambda name: None)
    return made


def test_command_line(data, captioner, tmp_path, capsys):
    out, plot = tmp_path / "out.json", tmp_path / "plot.png"
    command = ["evaluate", "captioning", "--data", str(data), "--json", str(out), "--plot", str(plot)]
    assert cli.main([*command, "--beam", "3", "--batch", "5", "--timed", "2", "--overlap", "true"]) == 0
    figures = json.loads(out.read_text())
    assert captioner.calls == [(5, 3), (5, 3), (2, 3), (1, 3), (1, 3), (1, 3)]
    assert (figures["photos"], figures["beam"], figures["split"]) == (12, 3, "dev")
    # Words of the captions: 4 + 3 + 3, all in a reference but "field"
    assert figures["calibration"]["words"] == 40
    assert figures["calibration"]["right"] == 0.9
    assert figures["scores"]["vocabulary"] == 8
    assert figures["scores"]["distinct"] == 25
    # "a red dog runs" was trained on
    assert figures["scores"]["new"] == pytest.approx(100 * 2 / 3)
    assert 0 < figures["scores"]["BLEU-1"] <= 100
    assert "METEOR" not in figures["scores"]
    assert any("METEOR" in note for note in figures["notes"])
    assert figures["seconds"]["a_photo_alone"] > 0
    assert figures["overlap"] == []
    assert [line.startswith('  {"photo"') for line in out.read_text().splitlines()].count(True) == 12
    first = figures["captions"][0]
    assert (first["photo"], first["caption"]) == ("0.png", "A red dog runs")
    # Confidences are given as the model gives them: with its own calibration
    own = ColourCaptioner()
    assert first["words"] == [[word.text, pytest.approx(word.confidence, abs=1e-4)] for word in said(own)]
    printed = capsys.readouterr().out
    for text in ("BLEU-4", "CIDEr", "21.3", "captions not trained on", "66.7 %", "calibration error", "METEOR"):
        assert text in printed
    with Image.open(plot) as image:
        assert image.format == "PNG"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.json", "photos", "plot.png"]


def test_another_language(data, captioner, tmp_path, monkeypatch):
    """A translator that is much surer of “A photo” than of the rest, which is right for three photos of twelve."""

    class Translator:
        def translate(self, texts):
            made = []
            for text in texts:
                sure = 0.99 if text == "A photo." else 0.01
                words = [SimpleNamespace(text="Foto" if sure > 0.5 else "Bild", confidence=sure, source=0)]
                sentence = SimpleNamespace(source_words=[text.split()[0]], words=words)
                made.append(SimpleNamespace(text=f"Ein {words[0].text}.", sentences=[sentence]))
            return made

    monkeypatch.setattr(evaluate, "bundled_translator", lambda language, *_: Translator())
    references = tmp_path / "german.jsonl.xz"
    rows = [{"key": str(number), "captions": ["Ein Foto", "Ein rotes Foto"]} for number in range(3)]
    references.write_bytes(lzma.compress("\n".join(map(json.dumps, rows)).encode()))
    figures = evaluate.evaluate(str(data), timed=0, language="de", references=str(references))
    assert figures["photos"] == 3
    assert [row["caption"] for row in figures["captions"]] == ["Ein Foto"] * 3
    assert figures["scores"]["BLEU-1"] == pytest.approx(100)
    assert figures["scores_in_the_captioners_order"]["BLEU-1"] == pytest.approx(50)
    assert "METEOR" not in figures["scores"]


@pytest.mark.parametrize(
    ("given", "content", "message"),
    [
        ({"language": "de"}, "", "--language goes with --references"),
        ({"language": "xx"}, '{"key": "1", "captions": ["a"]}', "--language is xx; one of en, de"),
        ({}, '{"key": "1", "captions": ["a"]}\n{"key": 2}', "line 2 of .* is not a photo with captions"),
        ({}, '{"key": "1", "captions": "a"}', "line 1 of .* is not a photo with captions"),
        ({}, '{"key": "none", "captions": ["a"]}', "has captions of none of the 12 photos"),
        ({}, "\xff", "cannot be read"),
    ],
)
def test_bad_references_are_one_sentence(data, captioner, tmp_path, given, content, message):
    path = tmp_path / "references.jsonl"
    path.write_bytes(content.encode("latin-1"))
    if content:
        given = {**given, "references": str(path)}
    with pytest.raises(InputError, match=message):
        evaluate.evaluate(str(data), timed=0, **given)


def said(model: ColourCaptioner) -> tuple[Word, ...]:
    return model.caption(picture(0, 0)).words


def test_scores_are_those_of_the_scorer(data, captioner):
    figures = evaluate.evaluate(str(data), timed=0)
    photos = read_captions(data, "dev")
    expected = metrics.caption_scores(
        {photo.name: list(SAID.values())[int(photo.name[:-4]) % 3] for photo in photos},
        {photo.name: photo.captions for photo in photos},
        use_meteor=False,
    )
    assert {name: figures["scores"][name] for name in expected} == expected
    assert "a_photo_alone" not in figures["seconds"]
    assert "overlap" not in figures


def test_calibration_before_is_with_the_models_own(data, captioner):
    """The error of the model's own calibration, from the words' probabilities by hand; the whole fitted one is less."""
    report = evaluate.evaluate(str(data), timed=0)["calibration"]
    own = ColourCaptioner()
    bins = []
    for photo in read_captions(data, "dev"):
        colour = int(photo.name[:-4]) % 3
        words = list(SAID.values())[colour].lower().split()
        bins += [(own.confidence(0.9 if word in SAID else 0.6), word != "field") for word in words]
    expected = evaluate.calibration_report.__globals__["expected_calibration_error"](*zip(*bins, strict=True))
    assert report["error_before_on_all"] == pytest.approx(expected)
    assert report["error_after_on_all"] < report["error_before_on_all"]


def test_calibrated_model_is_saved(data, captioner, tmp_path, monkeypatch):
    saved = {}
    monkeypatch.setattr(evaluate.hub, "save", lambda model, folder, card: saved.update(config=model.config, card=card))
    monkeypatch.setattr(evaluate.hub, "card", lambda name: f"card of {name}")
    report = evaluate.evaluate(str(data), "mine", timed=0, calibrate=str(tmp_path / "made"))["calibration"]
    assert saved["card"] == "card of mine"
    assert saved["config"].temperature == pytest.approx(report["fitted_on_all"]["temperature"], abs=1e-4)
    assert saved["config"].calibration_bias == pytest.approx(report["fitted_on_all"]["bias"], abs=1e-4)
    assert saved["config"].familiar == ""  # there are too few other photos


def test_what_is_familiar_is_learnt(data):
    photos = evaluate.read_captions(data)
    found = evaluate.familiar_photos(ColourCaptioner(), photos, photos)
    assert familiarity.decode(found["familiar"], 3).shape == (8, 3)
    assert 0 <= found["familiar_within"] < 0.1  # photos of the same colours


def test_few_photos_are_scored_without_calibration(data, captioner):
    figures = evaluate.evaluate(str(data), limit=1, timed=0)
    assert figures["photos"] == 1
    assert figures["calibration"] is None
    assert any(note.startswith("calibration: 1 photos are too few") for note in figures["notes"])


def test_data_without_splits_is_measured_whole(data, captioner):
    file = data / "captions.jsonl"
    file.write_text(file.read_text().replace('"dev"', '""').replace('"train"', '""'))
    figures = evaluate.evaluate(str(data), timed=0, overlap=True)
    assert figures["photos"] == 18
    assert "new" not in figures["scores"]
    assert any("no other photos" in note for note in figures["notes"])


def test_a_damaged_photo_is_left_out(data, captioner):
    (data / "4.png").write_bytes(b"nothing")
    figures = evaluate.evaluate(str(data), timed=0)
    assert figures["photos"] == 11
    assert "4.png" not in [caption["photo"] for caption in figures["captions"]]
    assert sum(note.startswith("left out: ") and "4.png" in note for note in figures["notes"]) == 1
    for number in (0, 1):
        (data / f"{number}.png").unlink()
    with pytest.raises(InputError, match="3 of 12 photos cannot be opened; the first: "):
        evaluate.evaluate(str(data), timed=0)


@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        ({"--data": "{folder}/none"}, 1, "there are no captioned photos at"),
        ({"--split": "other"}, 2, "has no split “other”; it has dev, train"),
        ({"--beam": "0"}, 2, "must be 1 or more"),
        ({"--limit": "0"}, 2, "must be 1 or more"),
        ({"--json": "{folder}/none/out.json"}, 1, "does not exist"),
        ({"--plot": "{folder}/plot.jpg"}, 2, "is no name of a plot"),
        ({"--beam": "wide"}, 2, "--beam is wide"),
    ],
)
def test_what_goes_wrong(changes, code, message, data, captioner, tmp_path, capsys):
    arguments = [part.format(folder=tmp_path) for pair in {"--data": str(data), **changes}.items() for part in pair]
    assert cli.main(["evaluate", "captioning", *arguments]) == code
    err = capsys.readouterr().err.strip()
    assert message in err
    assert len(err.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


def test_another_model_is_refused(data, monkeypatch):
    monkeypatch.setattr(evaluate.hub, "load", lambda name: nn.Linear(1, 1))
    with pytest.raises(InputError, match="writer is not a captioner"):
        evaluate.evaluate(str(data), "writer")


# --- photos that two sets share ---------------------------------------------------------------------------------------


@pytest.fixture
def two_sets(tmp_path) -> tuple[Path, Path]:
    """Twenty other photos each, and in the second: 3 the same file, 7 saved anew smaller, 9 mirrored."""
    folders = tmp_path / "one", tmp_path / "two"
    for place, folder in enumerate(folders):
        folder.mkdir()
        for number in range(20):
            picture(number % 3, 100 * place + number, 96).save(folder / f"{number}.jpg", quality=90)
            (folder / f"{number}.txt").write_text("A picture .\n")
    one, two = folders
    (two / "3.jpg").write_bytes((one / "3.jpg").read_bytes())
    with Image.open(one / "7.jpg") as image:
        image.resize((60, 50)).save(two / "7.jpg", quality=40)
    with Image.open(one / "9.jpg") as image:
        image.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(two / "9.jpg", quality=70)
    return folders


def test_shared_photos_are_found(two_sets):
    one, two = (read_captions(folder) for folder in two_sets)
    found = {(match.train, match.held): match for match in near_duplicates.overlap(one, two)}
    assert set(found) == {("3.jpg", "3.jpg"), ("7.jpg", "7.jpg"), ("9.jpg", "9.jpg")}
    assert [found[f"{name}.jpg", f"{name}.jpg"].kind for name in (3, 7, 9)] == ["same file", "alike", "mirrored"]
    assert found["3.jpg", "3.jpg"].correlation == 1
    assert 0.95 < found["7.jpg", "7.jpg"].correlation < 1


def test_order_is_surest_first(two_sets):
    found = near_duplicates.overlap(*(read_captions(folder) for folder in two_sets))
    assert [match.correlation for match in found] == sorted((match.correlation for match in found), reverse=True)


def test_photos_that_cannot_be_opened_are_compared_as_files(two_sets):
    for folder in two_sets:
        (folder / "0.jpg").write_bytes(b"the same")
        (folder / "1.jpg").write_bytes(folder.name.encode())
    found = near_duplicates.overlap(*(read_captions(folder) for folder in two_sets))
    assert len(found) == 4
    assert ("0.jpg", "0.jpg", "same file", 1.0) in found
    assert near_duplicates.overlap([], read_captions(two_sets[1])) == []
    assert near_duplicates.overlap(read_captions(two_sets[0]), []) == []
