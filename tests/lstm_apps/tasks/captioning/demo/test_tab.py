"""The captioning tab without a browser: what its handler yields, what it saves, what it says of bad input.

Run: python -m pytest tests/lstm_apps/tasks/captioning/demo/test_tab.py
"""

from __future__ import annotations

import base64
import io
import re
import tempfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from lstm_models.errors import InputError
from lstm_models.results import Word
from lstm_models.tasks.captioning.results import UNCERTAIN_WORD, Caption

gr = pytest.importorskip("gradio")

from lstm_apps.demo import interface as page  # noqa: E402 - needs gradio
from lstm_apps.demo.components import once  # noqa: E402
from lstm_apps.demo.translators import Translators  # noqa: E402
from lstm_apps.tasks.captioning.demo import html  # noqa: E402
from lstm_apps.tasks.captioning.demo import tab as demo  # noqa: E402

EXAMPLES = Path(demo.__file__).parents[1] / "examples"


def by_id(update: dict, elem_id: str):
    return next((value for block, value in update.items() if block.elem_id == f"captioning-{elem_id}"), None)


def handler(blocks):
    return next(fn.fn for fn in blocks.fns.values() if fn.api_name == "caption")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """Gradio's cache, in a folder of the test's own."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))
    return tmp_path / "gradio"


@pytest.fixture
def describe(captioner):
    return handler(demo.build(lambda: captioner))


def saved(update: dict, kind: str) -> Path:
    button = by_id(update, f"save-{kind}")
    assert button.interactive
    return Path(button.value["path"])


class TestDescribing:
    def test_the_words_come_one_by_one_then_all_with_where_it_looked(self, describe, red_photo):
        updates = list(describe(str(red_photo)))
        shown = [markup for update in updates if (markup := by_id(update, "words"))]
        assert [len(re.findall('class="word[ "]', markup)) for markup in shown[:6]] == [0, 1, 2, 3, 4, 5]
        assert "<button" not in "".join(shown[:6])
        assert "Loading the captioner" in by_id(updates[0], "status")
        last = shown[-1]
        buttons = re.findall(r'data-word="([^"]+)" data-veil="(data:image/png;base64,[^"]+)"', last)
        assert [word for word, _ in buttons[:5]] == ["a", "red", "picture", "of", "&lt;b&gt;"]
        assert len({picture for _, picture in buttons[:5]}) == 5
        assert "Looking" in by_id(next(iter(describe(str(red_photo)))), "status")  # it is loaded by now

    def test_every_part_of_the_page_is_well_formed(self, describe, red_photo):
        for update in describe(str(red_photo)):
            for elem_id in ("photo", "words", "status"):
                if (markup := by_id(update, elem_id)) is not None:
                    assert "<b>" not in markup
                    ElementTree.fromstring(re.sub(r"<img ([^>]*)>", r"<img \1/>", markup).replace(" hidden>", ">"))

    def test_the_photo_is_described_to_those_who_do_not_see_it(self, describe, red_photo):
        *_, last = describe(str(red_photo))
        assert 'alt="a red picture of &lt;b&gt;"' in by_id(last, "photo")
        assert "“a red picture of &lt;b&gt;.” 5 words in" in by_id(last, "status")
        assert 'aria-label="red, 95 % sure"' in by_id(last, "words")

    def test_json_and_the_sheet_are_saved_in_gradios_cache_alone(self, describe, red_photo, cache, monkeypatch):
        ours = cache.parent / "ours"
        ours.mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(ours))
        *_, last = describe(str(red_photo))
        read = Caption.from_json(saved(last, "json").read_bytes())
        assert (read.text, read.source, len(read.alternatives)) == ("a red picture of <b>", "red & square.png", 2)
        assert read.words[1].attention is not None
        assert read.words[1].attention[0, 1] == 1
        assert saved(last, "json").name == "a-red-picture-of-b.json"
        assert Image.open(saved(last, "attention")).format == "JPEG"
        assert cache in saved(last, "attention").parents
        assert list(ours.iterdir()) == []

    def test_the_sliders_and_words_reach_the_model(self, describe, red_photo, captioner):
        list(describe(str(red_photo), "black dog; ball ,", "man\nwoman", 6, 4, 0.5, 2, 12, 1.1))
        assert captioner.calls == [{
            "beam": 6, "n_best": 4, "diversity": 0.5, "groups": 6, "min_words": 2, "max_words": 12,
            "length_penalty": 1.1, "include": ("black dog", "ball"), "exclude": ("man", "woman"),
        }]  # fmt: skip

    def test_without_diversity_the_beam_is_one_group_and_no_more_captions_than_the_beam(
        self, describe, red_photo, captioner
    ):
        list(describe(str(red_photo), "", "", 2, 7))
        assert (captioner.calls[0]["groups"], captioner.calls[0]["n_best"]) == (1, 2)

    def test_in_another_language(self, red_photo, captioner):
        class Reversed:
            def translate(self, texts):
                made = []
                for text in texts:
                    words = [SimpleNamespace(text=text[::-1], confidence=1 / len(text), source=0)]
                    sentence = SimpleNamespace(source_words=[text.split()[0]], words=words)
                    made.append(SimpleNamespace(text=f"{text[-2::-1]}.", sentences=[sentence]))
                return made

        translators = Translators({"xx": once(Reversed)})
        describe = handler(demo.build(lambda: captioner, translators=translators))
        *_, last = describe(str(red_photo), n_best=2, language="xx")
        assert captioner.calls[-1]["n_best"] == 5  # all that were found, of which two are given
        (found,) = (value for value in last.values() if isinstance(value, dict))
        assert found["text"] == "a"  # the shortest, of which the translator is surest
        assert len(found["alternatives"]) == 1
        with pytest.raises(gr.Error, match="there is no translator to “yy”; there is one to xx"):
            list(describe(str(red_photo), language="yy"))

    def test_an_untrained_captioner_of_the_real_kind(self, red_photo):
        import torch

        from lstm_models.nn.image_encoder import ImageConfig
        from lstm_models.tasks.captioning.config import CaptionerConfig
        from lstm_models.tasks.captioning.model import Captioner

        torch.manual_seed(1)
        image = ImageConfig("resnet18", size=64)
        config = CaptionerConfig(("a", "dog", "runs", "red"), image, word_size=12, hidden_size=16, attention_size=8)
        describe = handler(demo.build(lambda: Captioner(config).eval()))
        *_, last = describe(str(red_photo), "red", "dog", 4, 2, 0.5, 3, 6, 0.7)
        read = Caption.from_json(saved(last, "json").read_bytes())
        said = [word.text for word in read.words]
        assert "red" in said
        assert "dog" not in said
        assert 3 <= len(said) <= 6
        assert by_id(last, "words").count("data-veil") == len(said) + sum(len(c.words) for c in read.alternatives)
        assert read.words[0].attention is not None
        assert read.words[0].attention.shape == (2, 2)

    def test_without_a_photo_it_waits(self, describe, captioner):
        (update,) = describe(None)
        assert "There is no photo yet." in by_id(update, "status")
        assert "Your photo appears here" in by_id(update, "photo")
        assert not by_id(update, "save-json").interactive
        assert captioner.calls == []


class TestTrouble:
    @pytest.mark.parametrize(("content", "sentence"), [
        (b"not a picture", "photo.jpg is a text file and not a picture."),
        (b"", "photo.jpg is empty: it has no bytes."),
        ((EXAMPLES / "cat.jpg").read_bytes()[:400], "photo.jpg is a JPEG picture that is damaged or cut off"),
    ])  # fmt: skip
    def test_a_bad_file_is_a_sentence_without_its_folder(self, describe, tmp_path, content, sentence):
        path = tmp_path / "photo.jpg"
        path.write_bytes(content)
        updates = describe(str(path))
        status = by_id(next(updates), "status")
        assert f"<p>{sentence}" in status
        assert 'role="alert"' in status
        assert str(tmp_path) not in status
        with pytest.raises(gr.Error, match=re.escape(sentence)) as error:
            next(updates)
        assert not error.value.print_exception

    def test_what_the_model_refuses_is_a_sentence_and_escaped(self, describe, red_photo):
        updates = describe(str(red_photo), "zebra")
        next(updates)  # the photo
        said = next(updates)
        assert "does not know “zebra” &lt;b&gt;at all" in by_id(said, "status")
        assert by_id(said, "save-json").interactive is False
        assert "word" not in by_id(said, "words")
        with pytest.raises(gr.Error, match="&lt;b&gt;at all&lt;/b&gt;"):
            next(updates)

    def test_missing_weights_break_no_other_tab(self, red_photo, writer, monkeypatch):
        import lstm_models

        def load(name):
            raise InputError(f"there is no {name}")

        monkeypatch.setattr(lstm_models, "load", load)
        describe = handler(page.assemble())  # all tabs; nothing is loaded yet
        with pytest.raises(gr.Error, match="there is no captioner"):
            list(describe(str(red_photo)))

    def test_a_folder_can_stand_for_the_bundled_model(self, red_photo, monkeypatch, captioner):
        import lstm_models

        calls = []
        monkeypatch.setattr(lstm_models, "load", lambda name: calls.append(name) or captioner)
        describe = handler(demo.build(model="runs/mine"))
        assert calls == []  # only when a photo comes
        list(describe(str(red_photo)))
        list(describe(str(red_photo)))
        assert calls == ["runs/mine"]


class TestView:
    def test_a_veil_lets_through_where_the_model_looked(self):
        attention = np.zeros((4, 8), np.float32)
        attention[1, 6] = 0.75
        attention[3, 0] = 0.25
        address = html.veil(attention)
        veil = Image.open(io.BytesIO(base64.b64decode(address.removeprefix("data:image/png;base64,"))))
        opacity = np.asarray(veil.getchannel("A"), np.float64) / 255
        height, width = opacity.shape
        places = opacity.reshape(4, height // 4, 8, width // 8).mean((1, 3))
        assert np.unravel_index(places.argmin(), places.shape) == (1, 6)
        assert places[1, 6] < places[3, 0] < places[0, 3]
        assert places[0, 3] > 0.95

    def test_a_veil_of_even_attention_shows_no_pattern(self):
        veil = Image.open(io.BytesIO(base64.b64decode(html.veil(np.full((5, 5), 0.04)).split(",")[1])))
        assert len(set(veil.getchannel("A").tobytes())) == 1

    def test_only_new_words_move(self):
        markup = html.words(Caption("a red", tuple(map(Word, ["a", "red"])), 0.0), shown=1)
        assert re.findall(r'class="(word(?: new)?)"', markup) == ["word", "word new"]

    @pytest.mark.parametrize(("confidences", "flags"), [((0.9, 0.9), 0), ((0.9, 0.01), 1), ((0.2, 0.3), 1)])
    def test_an_uncertain_caption_is_flagged(self, confidences, flags):
        made = tuple(Word(text, confidence) for text, confidence in zip("ab", confidences, strict=True))
        markup = html.words(Caption("a b", made, -1.0))
        assert markup.count("Uncertain") == flags
        assert markup.count("doubtful") == sum(confidence < UNCERTAIN_WORD for confidence in confidences)

    def test_no_words_are_no_error(self, describe):
        markup = html.words(Caption("", (), -1.0, (Caption("", (), -2.0),)))
        assert "(no words)" in markup

    def test_the_other_captions_can_be_chosen(self, describe, red_photo):
        *_, last = describe(str(red_photo))
        markup = by_id(last, "words")
        assert re.findall(r'class="other" data-number="(\d)" aria-pressed="(\w+)"', markup) == [
            ("0", "true"),
            ("1", "false"),
            ("2", "false"),
        ]
        assert re.findall(r'class="sentence" data-number="(\d)"( hidden)?', markup) == [
            ("0", ""),
            ("1", " hidden"),
            ("2", " hidden"),
        ]


@pytest.mark.parametrize(
    ("text", "parts"),
    [("", ()), (None, ()), (" , ;", ()), ("dog", ("dog",)), ("a dog, red ball;x\ny", ("a dog", "red ball", "x", "y"))],
)
def test_lists_of_words(text, parts):
    assert demo.listed(text) == parts


def test_every_example_is_small_credited_and_described():
    credits = (EXAMPLES / "CREDITS.txt").read_text()
    names = {path.stem for path in EXAMPLES.glob("*.jpg")}
    assert names == set(demo.EXAMPLES)
    for path in EXAMPLES.glob("*.jpg"):
        line = next(line for line in credits.splitlines() if line.startswith(path.name))
        assert re.search("CC0|public domain", line)
        assert path.stat().st_size <= 60_000
        with Image.open(path) as picture:
            assert max(picture.size) <= 640
