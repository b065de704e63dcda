"""Word and Caption: what they hold, their JSON, and their files. Drawing has a file of its own.

Run: python -m pytest tests/lstm_models/tasks/captioning/test_results.py
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from lstm_models.errors import InputError
from lstm_models.results import Word
from lstm_models.tasks.captioning import results
from lstm_models.tasks.captioning.results import UNCERTAIN_CAPTION, UNCERTAIN_WORD, Caption

MAP = np.array([[0.25, 0.5], [0.125, 0.125], [0, 0]], dtype=np.float32)


def caption(*confidences: float | None, **options: object) -> Caption:
    confidences = confidences or (0.9, 0.4)
    words = tuple(Word(text, share, attention=MAP) for text, share in zip(("a", "dög"), confidences, strict=False))
    return Caption(" ".join(word.text for word in words), words, -1.5, **options)  # type: ignore[arg-type]


class TestWord:
    def test_attention_is_a_read_only_float32_copy(self):
        mine = MAP.astype(np.float64)
        word = Word("dog", attention=mine)
        mine[0, 0] = 9
        assert word.attention is not None
        assert word.attention.dtype == np.float32
        assert (word.attention == MAP).all()
        with pytest.raises(ValueError, match="read-only"):
            word.attention[0, 0] = 1
        with pytest.raises(dataclasses.FrozenInstanceError):
            word.text = "cat"  # type: ignore[misc]

    def test_numbers_of_numpy_become_plain(self):
        word = Word("dog", np.float32(0.5), np.float64(1), np.int64(2))
        assert [type(number) for number in (word.confidence, word.start, word.end)] == [float, float, float]
        assert word.as_dict() == {"text": "dog", "confidence": 0.5, "start": 1.0, "end": 2.0}

    def test_a_probability_that_was_rounded_up_is_one(self):
        assert Word("a", 1.00001).confidence == 1

    @pytest.mark.parametrize("wrong", [-0.01, 1.1, math.nan, math.inf])
    def test_confidence_lies_between_0_and_1(self, wrong):
        with pytest.raises(ValueError, match="confidence of “dog”"):
            Word("dog", wrong)

    @pytest.mark.parametrize("wrong", [math.nan, math.inf])
    def test_times_are_finite(self, wrong):
        with pytest.raises(ValueError, match="end of “dog”"):
            Word("dog", 0.5, 0.0, wrong)

    @pytest.mark.parametrize("wrong", [[0.5, 0.5], [[]], [[-0.1, 1.1]], [[math.nan, 1]], [[[1.0]]]])
    def test_attention_is_a_map(self, wrong):
        with pytest.raises(ValueError, match="attention of “dog”"):
            Word("dog", attention=np.array(wrong))

    def test_equality_sees_the_attention(self):
        assert Word("a", 0.5, attention=MAP) == Word("a", 0.5, attention=MAP)
        assert hash(Word("a", 0.5, attention=MAP)) == hash(Word("a", 0.5, attention=MAP))
        assert Word("a", 0.5, attention=MAP) != Word("a", 0.5, attention=MAP.T)
        assert Word("a", 0.5, attention=MAP) != Word("a", 0.5)
        assert Word("a", 0.5) == Word("a", 0.5)
        assert Word("a") != "a"


class TestCaption:
    def test_confidence_is_the_geometric_mean(self):
        assert caption(0.9, 0.4).confidence == pytest.approx(0.6)
        assert caption(0.9, None).confidence == pytest.approx(0.9)
        assert caption(0.9, 0.0).confidence == 0
        assert caption(None, None).confidence is None

    def test_uncertain_by_the_mean_or_by_one_word(self):
        just, above = UNCERTAIN_CAPTION - 0.01, UNCERTAIN_CAPTION + 0.01
        assert caption(just, just).uncertain
        assert not caption(above, above).uncertain
        assert caption(1.0, UNCERTAIN_WORD - 0.001).uncertain
        assert not caption(1.0, max(UNCERTAIN_WORD, UNCERTAIN_CAPTION**2) + 0.01).uncertain
        assert caption(None, None).uncertain
        assert Caption("", (), 0.0).uncertain

    @pytest.mark.parametrize("wrong", [math.nan, -math.inf])
    def test_the_log_probability_is_finite(self, wrong):
        with pytest.raises(ValueError, match="log probability of “a dog”"):
            Caption("a dog", (), wrong)

    def test_it_prints_as_its_text_and_can_be_a_key(self):
        assert str(caption()) == "a dög"
        assert len({caption(), caption(), caption(0.9, 0.5)}) == 2
        assert Caption("a", [Word("a")], -1).words == (Word("a"),)  # type: ignore[arg-type]


class TestJson:
    def test_what_is_in_it(self):
        made = caption(source="photo.jpg", alternatives=(caption(0.5, 0.3),))
        assert json.loads(made.json()) == {
            "format": "lstm-models caption",
            "version": 1,
            "source": "photo.jpg",
            "text": "a dög",
            "confidence": 0.6,
            "uncertain": False,
            "log_probability": -1.5,
            "words": [{"text": "a", "confidence": 0.9}, {"text": "dög", "confidence": 0.4}],
            "alternatives": [
                {
                    "text": "a dög",
                    "confidence": 0.3873,
                    "uncertain": True,
                    "log_probability": -1.5,
                    "words": [{"text": "a", "confidence": 0.5}, {"text": "dög", "confidence": 0.3}],
                }
            ],
        }

    def test_attention_only_if_asked_for(self):
        read = json.loads(caption().json(attention=True))
        assert read["words"][0]["attention"] == MAP.tolist()
        assert "attention" not in caption().json()

    def test_round_trip(self):
        made = caption(source="photo.jpg", alternatives=(caption(0.5, 0.3),))
        assert Caption.from_json(made.json(attention=True)) == made
        assert Caption.from_json(made.json().encode()).json() == made.json()

    def test_times_survive(self):
        made = Caption("a", (Word("a", 0.5, 1.25, 2.5),), -1)
        assert Caption.from_json(made.json()) == made

    @given(st.text(st.characters(), max_size=20))
    def test_every_name_gives_one_line_that_utf8_can_hold(self, name):
        line = caption(source=name).json()
        assert line.splitlines(keepends=True) == [line]
        assert Caption.from_json(line.encode()).source == name

    @pytest.mark.parametrize(
        ("document", "sentence"),
        [
            ("{", "not a JSON document"),
            (b"\xff\xfe\xfa", "not a JSON document"),
            ("[" * 100_000, "not a JSON document"),
            ("[]", "A caption is a JSON object"),
            ('"a dog"', "A caption is a JSON object"),
            ("{}", "A caption is a JSON object"),
            ('{"text": 1, "words": [], "log_probability": 0}', "A caption is a JSON object"),
            ('{"text": "a", "words": ["a"], "log_probability": 0}', "A caption is a JSON object"),
            ('{"text": "a", "words": [], "log_probability": null}', "A caption is a JSON object"),
            ('{"text": "a", "words": [{"text": "a", "confidence": "x"}], "log_probability": 0}', "A caption is a JSON"),
            ('{"text": "a", "words": [{"text": "a", "confidence": 2}], "log_probability": 0}', "between 0 and 1"),
            ('{"text": "a", "words": [{"text": "a", "attention": [1]}], "log_probability": 0}', "rows, columns"),
            ('{"text": "a", "words": [{"text": "a", "attention": [[1], []]}], "log_probability": 0}', "cannot be read"),
            ('{"text": "a", "words": [], "log_probability": NaN}', "log probability"),
            ('{"text": "a", "words": [], "log_probability": 0, "version": 2}', "version 2"),
        ],
    )
    def test_a_foreign_document_gets_a_sentence(self, document, sentence):
        with pytest.raises(InputError, match=sentence):
            Caption.from_json(document)


class TestFiles:
    @pytest.mark.parametrize("name", ["a.txt", "b.JSON"])
    def test_suffix_picks_the_format(self, tmp_path: Path, name):
        path = caption().save(str(tmp_path / name))
        assert path == tmp_path / name
        assert path.read_text("utf-8") == ("a dög\n" if name == "a.txt" else caption().json())
        assert [inner.name for inner in tmp_path.iterdir()] == [name]

    def test_attention_in_the_file(self, tmp_path: Path):
        path = caption().save(tmp_path / "a.json", attention=True)
        assert Caption.from_json(path.read_bytes()) == caption()

    @pytest.mark.parametrize(("name", "said"), [("a.svg", r"suffix \.svg"), ("a", "without a suffix")])
    def test_another_suffix_is_a_wrong_call(self, tmp_path: Path, name, said):
        with pytest.raises(InputError, match=rf"{said}.*\.txt, \.json or \.xmp") as error:
            caption().save(tmp_path / name)
        assert error.value.exit_code == 2
        with pytest.raises(InputError, match=r"\.png, \.jpg or \.jpeg") as error:
            caption().save_attention(Image.new("RGB", (9, 9)), tmp_path / name)
        assert error.value.exit_code == 2
        assert list(tmp_path.iterdir()) == []

    def test_a_folder_that_is_missing(self, tmp_path: Path):
        with pytest.raises(InputError, match="does not exist"):
            caption().save(tmp_path / "no" / "a.txt")
        with pytest.raises(InputError, match="does not exist"):
            caption().save_attention(Image.new("RGB", (9, 9)), tmp_path / "no" / "a.png")

    @pytest.mark.parametrize(("name", "format_"), [("a.png", "PNG"), ("a.JPG", "JPEG"), ("a.jpeg", "JPEG")])
    def test_the_sheet_of_attention_maps(self, tmp_path: Path, name, format_):
        photo = Image.new("RGB", (100, 80), "green")
        path = caption().save_attention(photo, tmp_path / name)
        with Image.open(path) as read:
            assert (read.format, read.size) == (format_, caption().attention_sheet(photo).size)

    def test_a_photo_that_cannot_be_opened_leaves_no_sheet(self, tmp_path: Path):
        with pytest.raises(InputError, match=r"no\.jpg does not exist"):
            caption().save_attention(tmp_path / "no.jpg", tmp_path / "a.png")
        assert list(tmp_path.iterdir()) == []

    def test_no_pictures_without_maps(self):
        bare = Caption("a", (Word("a", 0.5),), -1)
        for pictures in (bare.attention_pictures, bare.attention_sheet):
            with pytest.raises(InputError, match="No word of this caption has an attention map"):
                pictures(Image.new("RGB", (9, 9)))


def test_the_module_imports_without_pillow():
    """Pillow is loaded by the pictures alone."""
    code = (
        "import sys; from lstm_models import Caption, Word; Caption('a', (Word('a'),), 0).json();"
        "assert 'PIL' not in sys.modules"
    )
    root = Path(results.__file__).parents[3]
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": str(root)})


class TestTranslated:
    """Captions by a translator that knows its words one by one; see ``tests.helpers.scripted_translator``."""

    def test_words_keep_where_the_model_looked_and_both_confidences(self):
        from tests.helpers.scripted_translator import SURE, ScriptedTranslator

        looks = [np.eye(3)[row][None] for row in range(3)]
        words = [Word(text, 0.5, attention=look) for text, look in zip(["a", "dog", "runs"], looks, strict=True)]
        found = Caption("A dog runs", words, -1.0, (Caption("A cat sleeps", words[:0], -2.0),)).translated(
            ScriptedTranslator()
        )
        assert found.text == "Ein Hund rennt"
        assert [word.text for word in found.words] == ["Ein", "Hund", "rennt"]
        for word, look in zip(found.words, looks, strict=True):
            np.testing.assert_array_equal(word.attention, look)
            assert word.confidence == pytest.approx(0.5 * SURE, rel=1e-5)
        assert found.alternatives[0].text == "Ein Katze schläft"
        assert found.log_probability == -1.0

    def test_what_is_translated_surely_comes_first(self):
        class Unsure:
            def translate(self, texts):
                sure = [0.5 if text == "A lynx." else 0.9 for text in texts]
                word = [SimpleNamespace(text="x", confidence=each, source=None) for each in sure]
                return [
                    SimpleNamespace(text=text, sentences=[SimpleNamespace(source_words=[], words=[one])])
                    for text, one in zip(texts, word, strict=True)
                ]

        words = (Word("a"), Word("cat"))
        every = Caption("A lynx", words, -1.0, (Caption("A cat", words, -2.0), Caption("A dog", words, -9.0)))
        # In nats: the captioner prefers the first by 1 / 3^0.7 = 0.46, the translator the second by w ln(0.9 / 0.5)
        for weight, expected in ((0.0, ["A lynx", "A cat", "A dog"]), (0.7, ["A lynx", "A cat", "A dog"]),
                                 (0.9, ["A cat", "A lynx", "A dog"])):  # fmt: skip
            found = every.translated(Unsure(), weight=weight)
            assert [found.text, *(other.text for other in found.alternatives)] == expected
        found = every.translated(Unsure(), n_best=2)
        assert [found.text, *(other.text for other in found.alternatives)] == ["A cat", "A lynx"]

    def test_clitics_are_two_words_of_a_caption_and_one_of_a_translator(self):
        from lstm_models.tasks.captioning.results import word_origins

        words = (Word("man"), Word("'s"), Word("dog"))
        assert word_origins(["man's", "dog", "."], words) == [words[0], words[2], None]

    def test_a_caption_without_words_stays(self):
        from tests.helpers.scripted_translator import ScriptedTranslator

        assert Caption("", (), -1.0).translated(ScriptedTranslator()) == Caption("", (), -1.0)
