"""The punctuation tab: what its handler yields, its endpoint, and the tab in a browser."""

from __future__ import annotations

import pytest

from tests.helpers.scripted_text import ScriptedPunctuator
from tests.helpers.tab_events import handler, last
from tests.lstm_apps.conftest import expect, tab_served

gr = pytest.importorskip("gradio")

from lstm_apps.demo import components  # noqa: E402 - needs gradio
from lstm_apps.tasks.punctuation.demo import tab as punctuation  # noqa: E402 - needs gradio

pytestmark = pytest.mark.filterwarnings("ignore:::gradio.queueing")  # its use of pandas


@pytest.fixture(scope="module")
def page():
    return punctuation.build(ScriptedPunctuator)


def test_marks_and_capitals_with_how_sure_they_are(page):
    updates = list(handler(page, "show")("hello how are you\n\nparis is, fine"))
    assert last(updates, "punctuation-plain") == "Hello, how are you?\n\nParis is, fine."
    shown = last(updates, "punctuation-words")
    assert '<b style="--sure: 90%" title="question mark: 90\u00a0% sure">?</b>' in shown
    assert '<i title="capital: 100\u00a0% sure">Hello</i>' in shown
    assert "is, fine" in shown  # a comma that was there
    assert "\n\n" in shown
    assert "7 words, 4 marks, in " in last(updates, "punctuation-status")


def test_markup_in_a_text_is_text(page):
    shown = last(list(handler(page, "show")("<script>alert(1)</script> hello")), "punctuation-words")
    assert "<script" not in shown
    assert "&lt;" in shown


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("", "There is no text yet."), ("x" * (components.LONGEST_TEXT + 1), "the demo takes 20,000")],
)
def test_bad_texts_are_one_sentence(page, text, sentence):
    assert sentence in last(list(handler(page, "show")(text)), "punctuation-status")


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    cache = tmp_path_factory.mktemp("gradio")
    with tab_served("punctuation", cache, load=ScriptedPunctuator) as address:
        yield address


def test_endpoint_over_http(url):
    client = pytest.importorskip("gradio_client").Client(url, verbose=False, analytics_enabled=False)
    assert client.predict(text="hello you", api_name="/punctuate")["text"] == "Hello, you?"
    with pytest.raises(Exception, match="the text is empty"):
        client.predict(text=" ", api_name="/punctuate")


@pytest.mark.browser
class TestInBrowser:
    def test_a_result_is_there_when_the_tab_opens_and_follows_the_text(self, visit, url):
        page = visit(url, ready="marks, in")
        words = page.locator("#punctuation-words")
        _type(page, "hello how are you")
        expect(words).to_contain_text("Hello, how are you?")
        page.get_by_role("button", name="A message").click()
        expect(words).to_contain_text("anna how are you? I")

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_on_a_phone(self, visit, url, scheme):
        page = visit(url, ready="marks, in", viewport={"width": 360, "height": 800}, color_scheme=scheme)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360


def _type(page, text):
    """Typed, because Gradio hears no more of a text that is put in as a whole than its last letter."""
    box = page.locator("#punctuation-text textarea")
    box.fill("")
    box.press_sequentially(text, delay=20)
