"""The question answering tab: what its handler yields, its endpoint, and the tab in a browser."""

from __future__ import annotations

import pytest
import torch

from lstm_models.tasks.question_answering.stories import StoryAnswerer, StoryAnswererConfig
from tests.helpers.scripted_answerer import ScriptedAnswerer
from tests.helpers.tab_events import handler, last
from tests.lstm_apps.conftest import expect, tab_served

gr = pytest.importorskip("gradio")

from lstm_apps.demo import components  # noqa: E402 - needs gradio
from lstm_apps.tasks.question_answering.demo import tab as answers  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:::gradio.queueing")  # its use of pandas

TEXT = "It was late. Yesterday Ann came to see the house."


def story_answerer():
    torch.manual_seed(0)
    return StoryAnswerer(StoryAnswererConfig("mary went to the garden where is", "garden kitchen", 4, 4, 2)).eval()


@pytest.fixture(scope="module")
def page():
    return answers.build(ScriptedAnswerer, load_stories=story_answerer)


def test_the_answer_is_marked_in_its_passage(page):
    shown = last(list(handler(page, "show")("Who came?", TEXT, "text")), "question-answering-words")
    assert '<p class="best">to <small>95' in shown
    assert '<mark class="best" title="95\u00a0% sure"><span class="word" data-number="7">to</span></mark>' in shown
    assert shown.count('<mark class="other"') == 2
    assert 'tabindex="0" data-looks="{&quot;0&quot;: 0.33' in shown


def test_not_in_the_text(page):
    updates = list(handler(page, "show")("Where is it?", "Ann came.", "text"))
    assert "Not in the text" in last(updates, "question-answering-words")


def test_a_story(page):
    updates = list(handler(page, "show")("Where is Mary?", "Mary went to the garden. <b>Ann</b> left.", "story"))
    shown = last(updates, "question-answering-words")
    assert shown.count('<p class="sentence"') == 2
    assert "<b>" not in shown


def test_markup_in_a_text_is_text(page):
    shown = last(list(handler(page, "show")("Who came <i>?", "came <script>alert(1)</script>", "text")),
                 "question-answering-words")  # fmt: skip
    assert "<script" not in shown
    assert "<i>" not in shown


@pytest.mark.parametrize(
    ("question", "text", "sentence"),
    [
        ("", TEXT, "There is no question yet."),
        ("Who came?", " ", "There is no text yet."),
        ("Who came?", "x " * components.LONGEST_TEXT, "the demo takes 20,000"),
        ("?", TEXT, "no words"),
    ],
)
def test_bad_input_is_one_sentence(page, question, text, sentence):
    assert sentence in last(list(handler(page, "show")(question, text, "text")), "question-answering-status")


def test_a_file(page, tmp_path):
    (tmp_path / "a.txt").write_text(TEXT)
    (tmp_path / "b.bin").write_bytes(b"\0")
    assert last([handler(page, "opened")(str(tmp_path / "a.txt"))], "question-answering-text") == TEXT
    assert "zero bytes" in last([handler(page, "opened")(str(tmp_path / "b.bin"))], "question-answering-status")


def test_endpoint(page):
    found = handler(page, "answer")("Who came?", TEXT)
    assert found["text"] == "to"
    with pytest.raises(gr.Error, match="question is empty"):
        handler(page, "answer")("", TEXT)


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gradio")
    with tab_served("question-answering", folder, load=ScriptedAnswerer) as address:
        yield address


@pytest.mark.browser
class TestInBrowser:
    def test_a_word_of_the_question_shows_where_it_was_found(self, visit, url):
        page = visit(url, ready=" sure, in ")
        words = page.locator("#question-answering-words")
        page.locator("#question-answering-text textarea").fill(TEXT)
        page.locator("#question-answering-question input, #question-answering-question textarea").fill("Who came?")
        page.get_by_role("button", name="Answer", exact=True).click()
        expect(words.locator("mark.best")).to_have_text("to")
        words.locator(".question .word", has_text="came").hover()
        expect(words.locator(".passage .word.look").first).to_be_visible()

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_on_a_phone(self, visit, url, scheme):
        page = visit(url, ready=" sure, in ", viewport={"width": 360, "height": 800}, color_scheme=scheme)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
