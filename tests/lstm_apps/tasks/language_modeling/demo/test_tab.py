"""The language modeling tab: what its handlers yield, its endpoints, and the tab in a browser."""

from __future__ import annotations

import pytest

from tests.helpers.tab_events import handler, last
from tests.helpers.tiny_language_model import tiny
from tests.lstm_apps.conftest import expect, tab_served

gr = pytest.importorskip("gradio")

from lstm_apps.demo import components  # noqa: E402 - needs gradio
from lstm_apps.tasks.language_modeling.demo import html as view  # noqa: E402 - needs gradio
from lstm_apps.tasks.language_modeling.demo import tab as language  # noqa: E402

QUOTES = "inside quotation marks"
pytestmark = pytest.mark.filterwarnings("ignore:::gradio.queueing")  # its use of pandas


@pytest.fixture(scope="module")
def page():
    return language.build(tiny)


def test_words_are_coloured_by_surprise_and_ways_on_are_shown(page):
    updates = list(handler(page, "show")("The cat sat on the zqx", False, QUOTES, 0))
    shown = last(updates, "language-modeling-words")
    assert shown.count('class="word"') == 5
    assert shown.count('class="word unlikely"') == 1
    assert "expected: " in shown
    assert "6 words, 1 unlikely; perplexity " in last(updates, "language-modeling-status")
    assert "<li>…" in last(updates, "language-modeling-completions")


def test_markup_in_a_text_is_text(page):
    updates = list(handler(page, "show")("<script>alert(1)</script>", False, QUOTES, 0))
    for name in ("words", "completions", "cells"):
        assert "<script" not in last(updates, f"language-modeling-{name}")
    assert "<script" not in last(
        [handler(page, "show_cells")("<script>(a)", False, "inside brackets", 0)], "language-modeling-cells"
    )


def test_writing_on_adds_to_the_text(page):
    found = handler(page, "write_on")("The cat sat on the", 0.1, False)
    assert found.startswith("The cat sat on the")
    assert len(found) > len("The cat sat on the")


def test_the_state_of_a_unit(page):
    def shown(text, kind="inside brackets", unit=0):
        return last([handler(page, "show_cells")(text, False, kind, unit)], "language-modeling-cells")

    assert "follows it best here: correlation" in shown("The (cat sat) on the mat.")
    assert "follows it best here: correlation" in shown("The cat sat. The dog sat.", "the place in the sentence")
    assert shown("The (cat sat) on the mat.").count('class="cell ') > 5
    assert "The state of unit 7" in shown("The cat", "the unit chosen below", 7)
    assert "nothing of the kind" in shown("The cat")
    assert "unit must be from 0 to 31" in shown("The cat", "the unit chosen below", 32)
    assert "The state of a unit over the text appears here" in shown(" ")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("", "There is no text yet."), ("x" * (components.LONGEST_TEXT + 1), "the demo takes 20,000")],
)
def test_bad_texts_are_one_sentence(page, text, sentence):
    assert sentence in last(list(handler(page, "show")(text, False, QUOTES, 0)), "language-modeling-status")


def test_endpoints(page):
    assert handler(page, "score")("The cat sat on the mat.")["perplexity"] < 3
    assert len(handler(page, "complete")("The cat", 2, 2)["completions"]) <= 2
    for name in ("score", "complete"):
        with pytest.raises(gr.Error, match="a text is expected"):
            handler(page, name)(3)


def test_small_probabilities_are_shown_as_such():
    assert [view.percentage(p) for p in (0.5, 0.001, 1e-6)] == ["50%", "0.10%", "1.0e-06"]


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    cache = tmp_path_factory.mktemp("gradio")
    with tab_served("language-modeling", cache, load=tiny) as address:
        yield address


def test_endpoints_over_http(url):
    client = pytest.importorskip("gradio_client").Client(
        url, verbose=False, analytics_enabled=False, httpx_kwargs={"timeout": 60}
    )
    assert client.predict(text="The cat sat.", api_name="/score")["words"][1]["text"] == "cat"
    assert client.predict(text="The cat sat on the", api_name="/complete")["completions"]
    with pytest.raises(Exception, match="the text is empty"):
        client.predict(text=" ", api_name="/score")


@pytest.mark.browser
class TestInBrowser:
    def test_a_result_is_there_when_the_tab_opens_and_follows_the_text(self, visit, url):
        page = visit(url, ready=" words, ")
        words = page.locator("#language-modeling-words")
        expect(words).to_contain_text("river")
        box = page.locator("#language-modeling-text textarea")
        box.fill("")
        box.press_sequentially("The cat sat on the", delay=20)
        expect(words.locator(".word")).to_have_count(5)
        expect(page.locator("#language-modeling-completions li").first).to_contain_text("…")
        page.get_by_role("button", name="A story").click()
        expect(words).to_contain_text("believe")

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_on_a_phone(self, visit, url, scheme):
        page = visit(url, ready=" words, ", viewport={"width": 360, "height": 800}, color_scheme=scheme)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.tagName") != "BODY"
