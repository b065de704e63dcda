"""The translation tab: what its handler yields, its endpoint, and the tab in a browser."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.helpers.scripted_translator import ScriptedTranslator
from tests.helpers.tab_events import handler, last
from tests.lstm_apps.conftest import expect, tab_served

gr = pytest.importorskip("gradio")

from lstm_apps.demo import components  # noqa: E402 - needs gradio
from lstm_apps.demo.translators import Translators, language_names  # noqa: E402
from lstm_apps.tasks.translation.demo import tab as translation  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:::gradio.queueing")  # its use of pandas


@pytest.fixture(scope="module")
def page():
    return translation.build(ScriptedTranslator)


def test_words_with_their_sources_alternatives_and_attention(page):
    updates = list(handler(page, "show")("A dog runs. Yes", "", "de"))
    shown = last(updates, "translation-words")
    assert shown.count('<section class="pair">') == 2
    assert 'data-side="t" data-number="1" data-looks="{&quot;1&quot;: 1.0}"' in shown
    assert "from “dog”, 90\u00a0% sure" in shown
    assert shown.count("<summary>Alternatives</summary>") == 2
    assert '<td style="--look: 1.00" title="100%">' in shown
    assert "2 sentences, 5 words, in " in last(updates, "translation-status")


def test_files_to_save(page):
    saved = []
    for update in handler(page, "show")("A dog runs.", "", "de"):
        saved += [value for block, value in update.items() if str(block.elem_id).startswith("translation-save")]
        paths = [Path(button.value["path"]) for button in saved if getattr(button, "value", None)]
        if paths:
            assert [path.name for path in paths] == ["a-dog-runs.txt", "a-dog-runs.json"]
            assert paths[0].read_text() == "Ein Hund rennt.\n"
            assert json.loads(paths[1].read_text())["text"] == "Ein Hund rennt."
    assert saved


def test_a_glossary(page):
    assert "Katze" in last(list(handler(page, "show")("A dog runs.", "dog = Katze\n", "de")), "translation-words")
    assert "not a pair of terms" in last(list(handler(page, "show")("A dog.", "dog", "de")), "translation-status")


def test_markup_in_a_text_is_text(page):
    shown = last(list(handler(page, "show")("<script>alert(1)</script> A dog", "", "de")), "translation-words")
    assert "<script" not in shown
    assert "&lt;" in shown


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "There is no text yet."),
        ("x" * (components.LONGEST_TEXT + 1), "the demo takes 20,000"),
        ("x" * 300, "300 characters"),
        ("Der Hund ist nicht im Haus.", "looks like German"),
    ],
)
def test_bad_texts_are_one_sentence(page, text, sentence):
    assert sentence in last(list(handler(page, "show")(text, "", "de")), "translation-status")


def test_endpoint(page):
    found = handler(page, "translate")("A dog runs.")
    assert found["text"] == "Ein Hund rennt."
    with pytest.raises(gr.Error, match="a text is expected"):
        handler(page, "translate")(3)


def test_a_language_without_a_translator_is_one_sentence(page):
    shown = list(handler(page, "show")("A dog runs.", "", "xx"))
    assert "there is no translator to “xx”; there is one to de" in last(shown, "translation-status")


def test_every_bundled_translator_can_be_chosen():
    """Loaded when it is used, and not before."""
    made = Translators.bundled()
    assert [code for _, code in language_names()] == list(made.loaders)
    assert "de" in made.loaders
    assert not any(loader.done for loader in made.loaders.values())


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    with tab_served("translation", tmp_path_factory.mktemp("gradio"), load=ScriptedTranslator) as address:
        yield address


@pytest.mark.browser
class TestInBrowser:
    def test_a_word_shows_where_it_came_from(self, visit, url):
        page = visit(url, ready=" words, ")
        words = page.locator("#translation-words")
        page.locator("#translation-text textarea").fill("A dog runs.")
        page.get_by_role("button", name="Translate").click()
        expect(words.locator(".target").first).to_contain_text("Hund rennt")
        words.locator(".target .word", has_text="Hund").hover()
        expect(words.locator(".source .word.look")).to_have_text("dog")
        words.locator(".source .word", has_text="runs").focus()
        expect(words.locator(".target .word.look")).to_have_text("rennt")

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_on_a_phone(self, visit, url, scheme):
        page = visit(url, ready=" words, ", viewport={"width": 360, "height": 800}, color_scheme=scheme)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
