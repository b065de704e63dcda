"""The tagging tab: what its handler yields, its endpoint, and the tab in a browser."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.helpers.scripted_text import ScriptedTagger
from tests.helpers.tab_events import handler, last
from tests.lstm_apps.conftest import expect, tab_served

gr = pytest.importorskip("gradio")

from lstm_apps.demo import components  # noqa: E402 - needs gradio
from lstm_apps.tasks.tagging.demo import html as view  # noqa: E402 - needs gradio
from lstm_apps.tasks.tagging.demo import tab as tagging  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:::gradio.queueing")  # its use of pandas


@pytest.fixture(scope="module")
def page():
    return tagging.build(ScriptedTagger)


def test_words_with_their_tags_and_names(page):
    updates = list(handler(page, "show")("Angela Merkel visited Paris."))
    shown = last(updates, "tagging-words")
    assert shown.count('class="token"') == 5
    assert '<mark class="PER" title="person, 99' in shown
    assert '<mark class="LOC" title="place, ' in shown
    assert "<b>visited</b><small>VERB</small>" in shown
    assert "5 words, 2 names, in " in last(updates, "tagging-status")


def test_files_to_save(page):
    saved = []
    for update in handler(page, "show")("Angela visited Paris."):
        saved += [value for block, value in update.items() if str(block.elem_id).startswith("tagging-save")]
        paths = [Path(button.value["path"]) for button in saved if getattr(button, "value", None)]
        if paths:
            assert [path.name for path in paths] == ["angela-visited-paris.conllu", "angela-visited-paris.json"]
            assert "\tEntity=B-PER" in paths[0].read_text()
            assert json.loads(paths[1].read_text())["entities"][0]["text"] == "Angela"
    assert saved


def test_markup_in_a_text_is_text(page):
    shown = last(list(handler(page, "show")("<script>alert(1)</script> Angela")), "tagging-words")
    assert "<script" not in shown
    assert "&lt;" in shown


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "There is no text yet."),
        ("x" * (components.LONGEST_TEXT + 1), "the demo takes 20,000"),
        (3, "a text is expected"),
    ],
)
def test_bad_texts_are_one_sentence(page, text, sentence):
    if text == 3:
        with pytest.raises(gr.Error, match=sentence):
            handler(page, "tag")(text)
    else:
        assert sentence in last(list(handler(page, "show")(text)), "tagging-status")


def test_endpoint(page):
    assert handler(page, "tag")("Angela visited Paris.")["entities"][1]["kind"] == "LOC"


def test_a_text_in_another_language_is_doubted(page):
    assert "may be wrong" in last(list(handler(page, "show")("der hund geht nicht nach hause")), "tagging-status")


def test_unsure_labels_have_a_wavy_line():
    from lstm_models.tasks.tagging.results import TaggedText, Token

    shown = view.tagged(TaggedText("a b", ((Token("a", "DET", confidence=0.3), Token("b", "NOUN", confidence=0.9)),)))
    assert shown.count("token unsure") == 1


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    cache = tmp_path_factory.mktemp("gradio")
    with tab_served("tagging", cache, load=ScriptedTagger) as address:
        yield address


def test_endpoint_over_http(url):
    client = pytest.importorskip("gradio_client").Client(url, verbose=False, analytics_enabled=False)
    assert client.predict(text="NASA visited Paris.", api_name="/tag")["entities"][0]["text"] == "NASA"
    with pytest.raises(Exception, match="the text is empty"):
        client.predict(text=" ", api_name="/tag")


@pytest.mark.browser
class TestInBrowser:
    def test_a_result_is_there_when_the_tab_opens_and_follows_the_text(self, visit, url):
        page = visit(url, ready=" words, ")
        words = page.locator("#tagging-words")
        expect(words.locator("mark.PER").first).to_contain_text("Angela")
        _type(page, "NASA visited Paris.")
        expect(words.locator("mark.ORG .token")).to_contain_text("NASA")
        page.get_by_role("button", name="In lower case").click()
        expect(words).to_contain_text("maria")
        with page.expect_download() as saved:
            page.get_by_role("button", name="Save JSON").or_(page.get_by_role("link", name="Save JSON")).first.click()
        assert saved.value.suggested_filename.endswith(".json")

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_on_a_phone(self, visit, url, scheme):
        page = visit(url, ready=" words, ", viewport={"width": 360, "height": 800}, color_scheme=scheme)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.tagName") != "BODY"


def _type(page, text):
    """Typed, because Gradio hears no more of a text that is put in as a whole than its last letter."""
    box = page.locator("#tagging-text textarea")
    box.fill("")
    box.press_sequentially(text, delay=20)
