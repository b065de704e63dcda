"""The speech tab as it is served: to scripts by its API, and to people in a browser whose microphone hears a recording.

Run: python -m pytest tests/lstm_apps/tasks/speech/demo/test_tab_served.py
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from lstm_apps.demo import interface as demo
from lstm_models.tasks.speech.results import Transcript
from tests.helpers import browser
from tests.lstm_apps.conftest import WIDTH, expect, settled, tab_served
from tests.lstm_apps.tasks.speech.conftest import RATE, CountingRecognizer

pytest.importorskip("gradio")

pytestmark = pytest.mark.filterwarnings("ignore:::gradio.queueing")  # its use of pandas
HEARD = re.compile(r"\d+ words? in \d")
EXAMPLE = Path(demo.__file__).parents[1] / "tasks" / "speech" / "examples" / "station.ogg"


@pytest.fixture(scope="module")
def counting():
    return CountingRecognizer()


@pytest.fixture(scope="module")
def url(counting: CountingRecognizer, tmp_path_factory: pytest.TempPathFactory):
    with tab_served("speech", tmp_path_factory.mktemp("gradio"), load=lambda: counting) as address:
        yield address


class TestApi:
    @pytest.fixture
    def client(self, url: str, tmp_path: Path):
        return pytest.importorskip("gradio_client").Client(
            url, verbose=False, analytics_enabled=False, download_files=tmp_path / "downloads"
        )

    def ask(self, client: Any, path: Any, api_name="/transcribe", **options: Any):
        from gradio_client import handle_file

        return client.predict(recording=path and handle_file(str(path)), **options, api_name=api_name)

    def test_a_recording_and_its_transcript(self, client: Any, tone: Path, counting: CountingRecognizer) -> None:
        answer, *_ = self.ask(client, tone, hotwords="Anna, Bert", language_model=False)
        assert answer["text"] == "one two three <b>four five"
        assert answer["words"][1] == {"text": "two", "confidence": 0.71, "start": 0.6, "end": 0.9}
        asked = counting.asked[-1]
        assert (asked["lm"], asked["hotwords"]) == (False, ("anna", "bert"))

    def test_a_known_text(self, client: Any, tone: Path) -> None:
        answer, *_ = self.ask(client, tone, "/align", text="good day")
        assert [word["text"] for word in answer["words"]] == ["good", "day"]

    def test_only_these_can_be_called_by_name(self, client: Any) -> None:
        assert set(client.view_api(return_format="dict", print_info=False)["named_endpoints"]) == {
            "/transcribe",
            "/align",
        }

    def test_errors_are_sentences(self, client: Any, tone: Path, tmp_path: Path) -> None:
        from gradio_client.exceptions import AppError

        bad = tmp_path / "bad.wav"
        bad.write_text("no sound")
        with pytest.raises(AppError, match=r"^bad\.wav is a text file and not a recording\.$"):
            self.ask(client, bad)
        nan = tmp_path / "nan.wav"
        soundfile.write(nan, np.full(RATE, np.nan), RATE, subtype="FLOAT")
        with pytest.raises(AppError, match=r"^nan\.wav has samples that are no numbers"):
            self.ask(client, nan)
        with pytest.raises(AppError, match="zebra"):
            self.ask(client, tone, hotwords="zebra")
        with pytest.raises(AppError, match="no text to align"):
            self.ask(client, tone, "/align", text="")
        with pytest.raises(AppError, match="20,000"):
            self.ask(client, tone, "/align", text="x " * 50_000)

    @pytest.mark.parametrize("options", [
        {"hotwords": 5}, {"hotwords": ["a", {"b": None}]}, {"hotwords": None}, {"hotwords": {"a": "b"}},
        {"language_model": "perhaps"}, {"language_model": None}, {"language_model": ["x"]}, {"hotwords": "\x00\u202e☃"},
    ])  # fmt: skip
    def test_hostile_values_end_in_an_answer_or_a_sentence(
        self, client: Any, tone: Path, options: dict[str, Any], capfd: pytest.CaptureFixture[str]
    ) -> None:
        from gradio_client.exceptions import AppError

        told = ""
        try:
            answer, *_ = self.ask(client, tone, **options)
        except AppError as error:
            told = str(error)
        assert re.fullmatch(r"[^\n]{10,200}", told) if told else len(answer["words"]) == 5
        assert "Traceback" not in capfd.readouterr().err

    def test_no_file_of_this_machine_can_be_asked_for(self, url: str, counting: CountingRecognizer) -> None:
        """Only uploads and the recordings to try are read; the answer tells nothing of the file."""
        from urllib.request import Request, urlopen

        known = len(counting.asked)
        secret = Path(__file__).with_name("conftest.py")
        asked = {"data": [{"path": str(secret), "meta": {"_type": "gradio.FileData"}}, "", True, True]}
        call = f"{url}gradio_api/call/transcribe"
        with urlopen(Request(call, json.dumps(asked).encode(), {"Content-Type": "application/json"})) as answer:
            event = json.load(answer)["event_id"]
        with urlopen(f"{call}/{event}") as answer:
            told = answer.read().decode()
        assert told.startswith("event: error")
        assert "text file" not in told
        assert len(counting.asked) == known


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory):
    """A headless Chromium whose microphone hears the example again and again."""
    said, rate = soundfile.read(EXAMPLE, dtype="float32")
    sound = tmp_path_factory.mktemp("microphone") / "said.wav"
    soundfile.write(sound, np.concatenate([np.zeros(rate // 2, np.float32), said, np.zeros(rate, np.float32)]), rate)
    microphone = ("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")
    with browser.started(*microphone, f"--use-file-for-fake-audio-capture={sound}") as started:
        yield started


@pytest.mark.browser
class TestBrowser:
    def upload(self, page: Any, recording: Path) -> None:
        page.locator("#speech-file input[type=file]").set_input_files(recording)

    def record(self, page: Any) -> None:
        # Gradio's recorder fetches its encoder, which runs in a worker, and fails where Record is pressed before
        if not page.workers:
            page.wait_for_event("worker")
        page.workers[0].evaluate("() => true")
        settled(page)
        page.locator("#speech-microphone").get_by_role("button", name="Record").click()

    def stop(self, page: Any) -> None:
        page.locator("#speech-microphone").get_by_role("button", name="Stop").click()

    def sound(self, page: Any, what: str):
        return page.locator("#speech-file audio").evaluate(f"sound => sound.{what}")

    def test_words_appear_while_the_microphone_hears_them(self, visit: Any, url: str) -> None:
        page = visit(url)
        self.record(page)
        words = page.locator("#speech-words .live .word")
        words.nth(1).wait_for()
        expect(page.locator("#speech-words .partial")).to_have_count(1)
        few = words.count()
        words.nth(few + 1).wait_for()  # and more come while it listens
        expect(page.locator("#speech-save-srt")).to_be_disabled()
        self.stop(page)
        page.get_by_text(HEARD).wait_for()
        expect(page.locator("#speech-words .partial")).to_have_count(0)
        final = page.locator("#speech-words .line .word").all_inner_texts()
        assert len(final) >= few + 2
        with page.expect_download() as download:
            page.locator("#speech-save-json").click()
        read = Transcript.from_json(Path(download.value.path()).read_bytes())
        assert [word.text for word in read.words] == final
        assert read.duration > len(final) / 2 - 0.5
        self.record(page)  # begins anew
        page.locator("#speech-words .live, #speech-words .waiting").first.wait_for()
        assert page.locator("#speech-words .word").count() < len(final)
        self.stop(page)

    def test_a_recording_its_words_its_picture_and_its_files(self, visit: Any, url: str, tone: Path) -> None:
        page = visit(url)
        self.upload(page, tone)
        page.locator("#speech-words .track").wait_for()
        buttons = page.locator("#speech-words .line button.word")
        expect(buttons).to_have_text(["one", "two", "three", "<b>four", "five"])
        assert page.get_by_role("img", name="Waveform").evaluate(WIDTH) >= 1000
        page.get_by_role("button", name="four: 97 % sure, 1.60 to 1.90 s").click()
        page.wait_for_function("document.querySelector('#speech-file audio').currentTime > 1.61")
        page.wait_for_function("document.querySelector('#speech-file audio').paused")  # it plays the word alone
        assert self.sound(page, "currentTime") > 1.85
        assert not self.sound(page, "ended")  # how far beyond the word depends on how busy the machine is
        expect(page.locator("#speech-words .about")).to_contain_text("<b>four”: 97 % sure")
        expect(page.locator("#speech-words .playhead")).to_be_visible()
        page.locator("#speech-words .over .word").first.click()  # over the picture
        page.wait_for_function("document.querySelector('#speech-file audio').currentTime < 1")
        for kind, begins in [("srt", b"1\n00:00:00,100"), ("vtt", b"WEBVTT"), ("txt", b"one two"), ("json", b"{")]:
            with page.expect_download() as download:
                page.locator(f"#speech-save-{kind}").click()
            assert download.value.suggested_filename == f"talk-tone.{kind}"
            assert Path(download.value.path()).read_bytes().startswith(begins)

    def test_by_keyboard_an_example_with_hot_words_and_a_known_text(
        self, visit: Any, url: str, counting: CountingRecognizer
    ) -> None:
        page = visit(url)
        page.get_by_label("Hot words").fill("north, platform")
        page.get_by_label("Language model").uncheck()
        page.get_by_role("button", name="Good morning.").focus()
        page.keyboard.press("Enter")
        page.locator("#speech-words .track").wait_for()
        asked = counting.asked[-1]
        assert (asked["lm"], asked["hotwords"]) == (False, ("north", "platform"))
        # Gradio may lose what is asked in the moment in which the answer before it ends
        page.locator("#speech-save-json:enabled").wait_for()
        page.get_by_role("button", name="Align a transcript").click()
        text = page.get_by_label("Transcript of the recording")
        text.wait_for()
        settled(page)
        text.fill("Good morning")
        page.locator("#speech-align").click()
        page.get_by_text("Found 2 words in 4.3 s of sound.").wait_for()
        word = page.locator("#speech-words button.word").last
        word.focus()
        page.keyboard.press("Enter")
        page.wait_for_function("document.querySelector('#speech-file audio').currentTime > 2.1")

    def test_what_is_no_recording_is_a_sentence(self, visit: Any, url: str, tmp_path: Path, tone: Path) -> None:
        page = visit(url)
        bad = tmp_path / "bad.wav"
        bad.write_text("no sound")
        self.upload(page, bad)
        page.locator("#speech-status").get_by_text("bad.wav is a text file and not a recording.").wait_for()
        expect(page.get_by_test_id("toast-body").first).to_contain_text("bad.wav is a text file")
        assert "Traceback" not in page.content()
        expect(page.locator("#speech-save-srt")).to_be_disabled()
        page.get_by_test_id("toast-close").first.click()
        page.locator("#speech-file").get_by_label("Clear").click()
        page.get_by_text("There is no recording yet.").wait_for()
        self.upload(page, tone)  # and the next one is heard
        page.get_by_text(HEARD).wait_for()

    def test_bad_hot_words_let_go_of_the_microphone(self, visit: Any, url: str) -> None:
        page = visit(url)
        page.get_by_label("Hot words").fill("zebra")
        self.record(page)
        page.locator("#speech-status").get_by_text("“zebra” <b>cannot</b> be heard").wait_for()
        page.locator("#speech-microphone").get_by_role("button", name="Record").wait_for()
        expect(page.locator("#speech-status")).to_contain_text("“zebra”")

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    @pytest.mark.parametrize("width", [390, 1280])
    def test_it_fits_the_screen_and_can_be_read(
        self, visit: Any, url: str, tone: Path, width: int, scheme: str, tmp_path: Path
    ) -> None:
        page = visit(url, viewport={"width": width, "height": 844}, color_scheme=scheme)
        self.upload(page, tone)
        page.locator("#speech-words .track").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.locator("#speech-words .line").evaluate(
            "line => line.insertAdjacentHTML('beforeend', ' <span class=\"partial\">six</span>')"
        )
        page.mouse.move(5, 5)
        for selector in (".line .word", ".line .unsure", ".line .doubtful", ".partial", ".about", ".ticks span"):
            ink, tint = page.locator(f"#speech-words {selector}").first.evaluate(COLOURS)
            assert contrast(ink, tint) >= 4.5, selector
        page.screenshot(path=tmp_path / "page.png", full_page=True)


# An element's colour and what is painted behind it, all layers on each other, as bytes.
COLOURS = """element => {
    const paint = document.createElement('canvas').getContext('2d');
    const fill = (colour) => { paint.fillStyle = colour; paint.fillRect(0, 0, 1, 1); };
    const layers = [];
    for (let e = element; e; e = e.parentElement) layers.unshift(getComputedStyle(e).backgroundColor);
    fill('white');
    layers.forEach(fill);
    const behind = [...paint.getImageData(0, 0, 1, 1).data];
    fill(getComputedStyle(element).color);
    return [[...paint.getImageData(0, 0, 1, 1).data], behind];
}"""


def contrast(one: list[int], other: list[int]) -> float:
    """Of two colours (red, green, blue; 0 to 255), as WCAG 2.2 defines it: 4.5 is enough for text."""

    def luminance(colour: list[int]) -> float:
        linear = [c / 255 / 12.92 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_the_bundled_recogniser_hears_most_of_the_examples() -> None:
    import lstm_models
    from lstm_apps.tasks.speech.demo.tab import EXAMPLES

    if not {"recognizer", "words"} <= set(lstm_models.available()):
        pytest.skip("this checkout has no bundled recogniser")
    recognizer = lstm_models.load("recognizer")
    for name, said in EXAMPLES.items():
        wanted = re.findall("[a-z']+", said.lower())
        found = recognizer.transcribe(EXAMPLE.with_name(name)).text.split()
        assert len(set(wanted) & set(found)) >= 0.6 * len(set(wanted)), found
