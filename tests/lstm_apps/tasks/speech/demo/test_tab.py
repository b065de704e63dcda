"""The speech tab without a browser: what its handlers yield, what it saves, what it says of bad input.

Run: python -m pytest tests/lstm_apps/tasks/speech/demo/test_tab.py
"""

from __future__ import annotations

import re
import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile

from lstm_models.errors import InputError
from lstm_models.results import Word
from lstm_models.tasks.speech.results import Transcript

gr = pytest.importorskip("gradio")

from lstm_apps.tasks.speech.demo import html, inputs, microphones  # noqa: E402 - needs gradio
from lstm_apps.tasks.speech.demo import tab as demo  # noqa: E402
from tests.lstm_apps.tasks.speech.conftest import RATE, CountingRecognizer, loud  # noqa: E402

EXAMPLES = Path(demo.__file__).parents[1] / "examples"
Handler = Callable[..., Any]
ANNA, BERT = SimpleNamespace(session_hash="anna"), SimpleNamespace(session_hash="bert")


def by_id(update: dict[Any, Any], elem_id: str) -> Any:
    return next((value for block, value in update.items() if block.elem_id == f"speech-{elem_id}"), None)


def handler(blocks: gr.Blocks, name: str) -> Handler:
    return next(fn.fn for fn in blocks.fns.values() if fn.fn is not None and fn.fn.__name__ == name)


def saved(update: dict[Any, Any], kind: str) -> Path:
    button = by_id(update, f"save-{kind}")
    assert button.interactive
    return Path(button.value["path"])


def last(updates: list[dict[Any, Any]], elem_id: str) -> Any:
    return [value for update in updates if (value := by_id(update, elem_id)) is not None][-1]


def plain(markup: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", "", markup).split())


def well_formed(markup: str) -> None:
    """Nothing broke out of its place."""
    markup = re.sub(r"<img ([^>]*)>", r"<img \1/>", markup).replace(" hidden>", ">").replace(" data-full>", ">")
    ElementTree.fromstring(markup)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Gradio's cache, in a folder of the test's own."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))
    return tmp_path / "gradio"


@pytest.fixture
def blocks(recognizer: CountingRecognizer) -> gr.Blocks:
    return demo.build(lambda: recognizer)


@pytest.fixture
def transcribe(blocks: gr.Blocks) -> Handler:
    return handler(blocks, "transcribe")


@pytest.fixture
def short_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The demo takes three seconds."""
    monkeypatch.setattr(microphones, "LONGEST", 3.0)
    monkeypatch.setattr(inputs, "LONGEST", 3.0)
    monkeypatch.setattr(demo, "LONGEST", 3.0)


class TestRecordings:
    def test_the_words_come_first_then_the_picture_under_them(self, transcribe: Handler, tone: Path) -> None:
        updates = list(transcribe(str(tone)))
        shown = [markup for update in updates if (markup := by_id(update, "words"))]
        assert "Loading the recogniser" in shown[0]
        assert "<button" not in shown[1]  # while it listens, words may change
        assert "Drawing" in shown[-2]  # the words need not wait for it
        found = re.findall(r'<button [^>]*data-start="([\d.]+)" data-end="([\d.]+)" aria-label="([^"]+)">', shown[-1])
        assert found[:2] == [
            ("0.100", "0.400", "one: 97 % sure, 0.10 to 0.40 s"),
            ("0.600", "0.900", "two: 71 % sure, 0.60 to 0.90 s"),
        ]
        assert len(found) == 5
        assert shown[-1].count('data-start="') == 10  # in the text and over the picture
        assert 'class="wave" src="data:image/png;base64,' in shown[-1]
        assert 'class="mel" src="data:image/jpeg;base64,' in shown[-1]
        assert "Choose a word to hear it." in shown[-1]
        assert "Listening" in by_id(next(iter(transcribe(str(tone)))), "words")  # it is loaded by now
        for markup in shown:
            assert "<b>" not in markup
            well_formed(markup)

    def test_the_status_has_the_figures(self, transcribe: Handler, tone: Path) -> None:
        told = plain(last(list(transcribe(str(tone))), "status"))
        assert re.fullmatch(r"5 words in 2\.6 s of sound, heard in \d+\.\d s; 68\s% sure\.", told)

    def test_four_formats_are_saved_in_gradios_cache_alone_named_after_the_recording(
        self, transcribe, tone, cache, monkeypatch
    ):
        ours = cache.parent / "ours"
        ours.mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(ours))
        update = next(u for u in transcribe(str(tone)) if getattr(by_id(u, "save-srt"), "interactive", False))
        assert {saved(update, kind).name for kind in ("txt", "srt", "vtt", "json")} == {
            f"talk-tone.{kind}" for kind in ("txt", "srt", "vtt", "json")
        }
        read = Transcript.from_json(saved(update, "json").read_bytes())
        assert (read.text, read.source) == ("one two three <b>four five", "Talk & tone.wav")
        assert saved(update, "srt").read_text().startswith("1\n00:00:00,100 --> ")
        assert saved(update, "vtt").read_text().startswith("WEBVTT")
        assert saved(update, "txt").read_text() == "one two three <b>four five\n"
        assert cache in saved(update, "json").parents
        assert list(ours.iterdir()) == []

    def test_hot_words_and_language_model_reach_the_recogniser(
        self, transcribe: Handler, tone: Path, recognizer: CountingRecognizer
    ) -> None:
        list(transcribe(str(tone), "Zoë’s, Big  Ben\nANNA; anna", False))
        assert recognizer.asked == [
            {"lm": False, "hotwords": ("zoë's", "big ben", "anna"), "punctuate": None, "partial": False}
        ]

    def test_words_are_punctuated_unless_it_is_switched_off(self, tone: Path, recognizer: CountingRecognizer) -> None:
        punctuator = object()
        blocks = demo.build(lambda: recognizer, punctuator=lambda: punctuator)
        transcribe = handler(blocks, "transcribe")
        list(transcribe(str(tone)))
        list(transcribe(str(tone), punctuation=False))
        list(handler(blocks, "start")("", True, True, ANNA))
        assert [asked["punctuate"] for asked in recognizer.asked] == [punctuator, None, punctuator]
        assert by_name(blocks, "speech-punctuation").visible
        assert not by_name(demo.build(lambda: recognizer), "speech-punctuation").visible

    def test_without_a_recording_it_waits(self, transcribe: Handler, recognizer: CountingRecognizer) -> None:
        (update,) = transcribe(None)
        assert "There is no recording yet." in by_id(update, "status")
        assert by_id(update, "save-srt").interactive is False
        assert recognizer.asked == []

    def test_a_known_text_gets_times(self, blocks: gr.Blocks, tone: Path) -> None:
        updates = list(handler(blocks, "align")(str(tone), "some <i>known</i> text"))
        assert plain(last(updates, "status")) == "Found 3 words in 2.6 s of sound."
        assert "&lt;i&gt;known" in last(updates, "words")
        assert last(updates, "words").count("<button") == 3

    def test_a_real_recogniser_with_random_weights(
        self, blocks: gr.Blocks, tone: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import torch

        from lstm_models.tasks.speech.config import RecognizerConfig
        from lstm_models.tasks.speech.model import Recognizer

        torch.set_num_threads(1)
        torch.manual_seed(0)
        config = RecognizerConfig(hidden_size=16, layers=2, lookahead=1, language_model="", beam=4)
        model = Recognizer(config).eval()
        blocks = demo.build(lambda: model)
        updates = list(handler(blocks, "transcribe")(str(tone), "zebra", False))
        assert "of sound" in last(updates, "status")
        updates = list(handler(blocks, "align")(str(tone), "good day"))
        status = plain(last(updates, "status"))
        assert status.startswith("Found 2 words in 2.6 s of sound.")
        assert "The text does not seem to be what is spoken" in status  # its letters are as good as random
        list(handler(blocks, "start")("", False, False, ANNA))
        assert by_id(handler(blocks, "hear")(str(tone), ANNA), "words")
        assert "of sound" in last(list(handler(blocks, "stop")(ANNA)), "status")
        with pytest.raises(gr.Error, match="€"):
            list(handler(blocks, "transcribe")(str(tone), "route €", False))


class TestTrouble:
    @pytest.mark.parametrize(("content", "sentence"), [
        (b"not sound at all", "talk.wav is a text file and not a recording."),
        (b"", "talk.wav is empty: it has no bytes."),
        (b"RIFF\x24\x00\x00\x00WAVEfmt ", "talk.wav begins as a WAV file, but it is damaged"),
    ])  # fmt: skip
    def test_a_bad_file_is_a_sentence_without_its_folder(
        self, transcribe: Handler, tmp_path: Path, content: bytes, sentence: str
    ) -> None:
        path = tmp_path / "talk.wav"
        path.write_bytes(content)
        updates = transcribe(str(path))
        next(updates)
        said = next(updates)
        assert f"<p>{sentence}" in by_id(said, "status")
        assert 'role="alert"' in by_id(said, "status")
        assert str(tmp_path) not in by_id(said, "status")
        assert by_id(said, "save-srt").interactive is False
        with pytest.raises(gr.Error, match=re.escape(sentence)) as error:
            next(updates)
        assert not error.value.print_exception

    def write(self, path: Path, samples: np.ndarray, rate: int = RATE) -> str:
        soundfile.write(path, samples, rate, subtype="FLOAT")
        return str(path)

    def test_numbers_that_are_none_are_a_sentence(self, transcribe: Handler, tmp_path: Path) -> None:
        path = self.write(tmp_path / "nan.wav", np.full(RATE, np.nan, np.float32))
        with pytest.raises(gr.Error, match=r"nan\.wav has samples that are no numbers"):
            list(transcribe(path))

    def test_no_samples_are_a_sentence(self, transcribe: Handler, tmp_path: Path) -> None:
        path = self.write(tmp_path / "none.wav", np.zeros(0, np.float32))
        with pytest.raises(gr.Error, match=r"none\.wav has no samples"):
            list(transcribe(path))

    def test_silence_is_no_error(self, transcribe: Handler, tmp_path: Path) -> None:
        updates = list(transcribe(self.write(tmp_path / "still.wav", np.zeros(2 * RATE, np.float32))))
        assert plain(last(updates, "status")) == "No words were heard in 2.0 s of sound."
        assert "No words were heard." in last(updates, "words")
        well_formed(last(updates, "words"))
        assert next(saved(update, "srt") for update in updates if getattr(by_id(update, "save-srt"), "interactive", 0))

    @pytest.mark.parametrize(("channels", "rate"), [(1, 8_000), (6, 48_000), (2, 192_000)])
    def test_any_rate_and_channels(self, transcribe: Handler, tmp_path: Path, channels: int, rate: int) -> None:
        sound = np.repeat(loud(1.2, rate)[:, None], channels, 1)
        assert "2 words" in last(list(transcribe(self.write(tmp_path / "many.wav", sound, rate))), "status")

    def test_too_long_a_recording_is_a_sentence(
        self, transcribe: Handler, tmp_path: Path, short_limit: None, recognizer: CountingRecognizer
    ) -> None:
        path = self.write(tmp_path / "long.wav", loud(3.5))
        with pytest.raises(gr.Error, match=r"long\.wav is longer than .* lstm-models transcribe"):
            list(transcribe(path))
        assert recognizer.asked == []

    def test_what_the_recogniser_refuses_is_a_sentence_and_escaped(
        self, blocks: gr.Blocks, transcribe: Handler, tone: Path
    ) -> None:
        with pytest.raises(gr.Error, match="&lt;b&gt;cannot"):
            list(transcribe(str(tone), "zebra"))
        for text, sentence in [("", "There is no text to align"), (" \n", "no text"), ("9 lives", "“9” &lt;b&gt;"),
                               ("x" * 20_001, "20,001 characters; the demo takes 20,000")]:  # fmt: skip
            with pytest.raises(gr.Error, match=sentence):
                list(handler(blocks, "align")(str(tone), text))

    def test_too_many_or_too_long_hot_words(self, transcribe: Handler, tone: Path) -> None:
        with pytest.raises(gr.Error, match=r"There are 101 hot words; the demo takes 100\."):
            list(transcribe(str(tone), ",".join(f"word{number}" for number in range(101))))
        with pytest.raises(gr.Error, match="longer than 60 letters"):
            list(transcribe(str(tone), "a" * 61))

    def test_missing_weights_are_a_sentence(self, tone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        import lstm_models

        def load(name: str):
            raise InputError(f"there is no {name}")

        monkeypatch.setattr(lstm_models, "load", load)
        blocks = demo.build()
        with pytest.raises(gr.Error, match="there is no recognizer"):
            list(handler(blocks, "transcribe")(str(tone)))
        *_, said = handler(blocks, "start")("", True, True, ANNA)
        assert "there is no recognizer" in by_id(said, "status")


class TestMicrophone:
    @pytest.fixture
    def chunks(self, tmp_path: Path) -> list[str]:
        """Half seconds of a tone as a browser sends them: stereo, 48 kHz, the header of another length."""
        paths = []
        for number in range(8):
            path = tmp_path / f"chunk{number}.wav"
            sound = np.repeat(loud(0.5, 48_000)[:, None], 2, 1)
            soundfile.write(path, sound, 48_000, subtype="PCM_16")
            raw = bytearray(path.read_bytes())
            raw[4:8] = raw[40:44] = (2**31 - 1).to_bytes(4, "little")
            path.write_bytes(raw)
            paths.append(str(path))
        return paths

    def test_words_appear_and_become_final(
        self, blocks: gr.Blocks, chunks: list[str], recognizer: CountingRecognizer
    ) -> None:
        *_, ready = handler(blocks, "start")("Anna", True, True, ANNA)
        assert "Listening" in by_id(ready, "status")
        assert recognizer.asked == [{"lm": True, "hotwords": ("anna",), "punctuate": None}]
        shown = [by_id(handler(blocks, "hear")(path, ANNA), "words") for path in chunks[:3]]
        assert [plain(markup) for markup in shown] == ["one", "one two", "one two three"]
        assert re.findall(r'<span class="(\w+)', shown[-1]) == ["word", "word", "partial"]
        assert 'title="71 % sure, 0.60 to 0.90 s"' in shown[-1]
        updates = list(handler(blocks, "stop")(ANNA))
        assert plain(last(updates, "words")).startswith("one two three")
        assert "partial" not in last(updates, "words")
        assert "3 words in 1.5 s of sound" in last(updates, "status")
        assert saved(updates[-1], "txt").name == "one-two-three.txt"
        assert handler(blocks, "hear")(chunks[0], ANNA).keys() == {by_name(blocks, "speech-status")}  # it came too late

    def test_starting_anew_clears_and_visitors_are_apart(self, blocks: gr.Blocks, chunks: list[str]) -> None:
        start, hear = handler(blocks, "start"), handler(blocks, "hear")
        list(start("", True, True, ANNA))
        list(start("", True, True, BERT))
        hear(chunks[0], ANNA)
        hear(chunks[1], ANNA)
        assert plain(by_id(hear(chunks[0], BERT), "words")) == "one"
        first, *_ = start("", True, True, ANNA)
        assert "Listening" in plain(by_id(first, "words"))
        assert by_id(first, "save-srt").interactive is False
        assert plain(by_id(hear(chunks[2], ANNA), "words")) == "one"

    def test_it_ends_after_so_long_and_says_so(self, blocks: gr.Blocks, chunks: list[str], short_limit: None) -> None:
        list(handler(blocks, "start")("", True, True, ANNA))
        shown = [by_id(handler(blocks, "hear")(path, ANNA), "words") for path in chunks]
        assert [markup is not None and "data-full" in markup for markup in shown] == [False] * 5 + [True] * 3
        updates = list(handler(blocks, "stop")(ANNA))
        assert "6 words in 3.0 s" in last(updates, "status")
        assert "The demo listens for" in last(updates, "status")

    def test_what_cannot_be_heard_ends_it_with_a_sentence(
        self, blocks: gr.Blocks, chunks: list[str], tmp_path: Path
    ) -> None:
        hear = handler(blocks, "hear")
        for bad, sentence in [(b"text", "not sound"), (b"", "not sound")]:
            path = tmp_path / "chunk.wav"
            path.write_bytes(bad)
            list(handler(blocks, "start")("", True, True, ANNA))
            update = hear(str(path), ANNA)
            assert sentence in by_id(update, "status")
            assert "data-full" in by_id(update, "words")  # the page lets go of the microphone
            assert by_id(hear(chunks[0], ANNA), "words") is None
            (after,) = handler(blocks, "stop")(ANNA)
            assert by_id(after, "status") is None  # the sentence stays
        soundfile.write(tmp_path / "rate.wav", loud(0.5), 12_345)
        list(handler(blocks, "start")("", True, True, ANNA))
        assert "&lt;b&gt;12,345" in by_id(hear(str(tmp_path / "rate.wav"), ANNA), "status")

    def test_bad_hot_words_are_told_at_the_start(self, blocks: gr.Blocks, chunks: list[str]) -> None:
        *_, said = handler(blocks, "start")("zebra", True, True, ANNA)
        assert "“zebra” &lt;b&gt;cannot" in by_id(said, "status")
        assert "data-full" in by_id(said, "words")
        assert by_id(handler(blocks, "hear")(chunks[0], ANNA), "words") is None
        (after,) = handler(blocks, "stop")(ANNA)
        assert by_id(after, "status") is None  # the sentence stays

    def test_no_sound_is_told(self, blocks: gr.Blocks) -> None:
        list(handler(blocks, "start")("", True, True, ANNA))
        assert "gave no sound" in last(list(handler(blocks, "stop")(ANNA)), "status")
        assert handler(blocks, "hear")(None, ANNA).keys() == {by_name(blocks, "speech-status")}


def by_name(blocks: gr.Blocks, elem_id: str) -> Any:
    return next(block for block in blocks.blocks.values() if block.elem_id == elem_id)


class TestListening:
    def test_only_so_many_microphones_are_on(
        self, recognizer: CountingRecognizer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        registered = microphones.Microphones(most=2)
        for visitor in ("a", "b", "a"):
            registered.start(visitor, lambda: recognizer.stream(hotwords=()))
        with pytest.raises(InputError, match="2 people speak to this demo"):
            registered.start("c", lambda: recognizer.stream(hotwords=()))
        assert registered.stop("a") is not None
        assert registered.stop("a") is None
        registered.start("c", lambda: recognizer.stream(hotwords=()))
        assert len(registered) == 2

    def test_who_went_away_is_forgotten(self, recognizer: CountingRecognizer, monkeypatch: pytest.MonkeyPatch) -> None:
        clock = [0.0]
        monkeypatch.setattr(microphones.time, "monotonic", lambda: clock[0])
        registered = microphones.Microphones(most=1)
        registered.start("a", lambda: recognizer.stream(hotwords=()))
        clock[0] = 61
        registered.start("b", lambda: recognizer.stream(hotwords=()))
        assert registered.get("a") is None

    def test_a_huge_chunk_is_cut_to_the_limit(self, recognizer: CountingRecognizer, short_limit: None) -> None:
        heard = microphones.Heard(lambda: recognizer.stream(hotwords=()))
        heard.open()
        assert heard.push(loud(100), RATE) is False
        assert heard.full
        assert heard.seconds == pytest.approx(3, abs=0.01)
        assert len(heard.finish().words) == 6


class TestView:
    def test_confidence_is_told_by_class_and_in_figures(self) -> None:
        markup = html.words([Word("sure", 0.8, 0, 1), Word("so", 0.79, 1, 2), Word("no", 0.49, 2, 3), Word("x", None)])
        assert re.findall(r'class="(word[^"]*)"[^>]*>(\w+)<', markup.split('class="legend"')[0]) == [
            ("word", "sure"), ("word unsure", "so"), ("word doubtful", "no"), ("word", "x"),
        ]  # fmt: skip
        assert [int(n) for n in re.findall(r'title="(\d+) % sure', markup)] == [80, 79, 49]
        assert "below 80 % sure" in markup
        assert "below 50 % sure" in markup
        assert "below" not in html.words([Word("sure", 0.9, 0, 1)])

    def test_a_pause_begins_a_line(self) -> None:
        markup = html.words([Word("a", 0.9, 0, 1), Word("b", 0.9, 1.5, 2), Word("c", 0.9, 4, 5)])
        assert [plain(line) for line in re.findall(r'<p class="line">.*?</p>', markup)] == ["a b", "c"]

    def test_a_live_page_stays_small(self) -> None:
        words = [Word(f"w{number}", 0.9, number, number + 1.0) for number in range(5000)]
        markup = html.live(words, words[:2])
        assert len(markup) < 40_000
        assert plain(markup).startswith("… w4850 ")
        well_formed(markup)

    def test_only_the_first_minute_is_drawn_and_it_says_so(self) -> None:
        samples = loud(5)
        markup = html.picture(samples, [Word("a", 0.9, 1, 2), Word("b", 0.9, 4.5, 6), Word("late", 0.9, 5.5, 6)], 187)
        assert "The first 5 seconds of 3:07 are drawn." in markup
        assert "late" not in markup
        assert re.findall(r'style="left: ([\d.]+)%; width: ([\d.]+)%', markup) == [
            ("20.000", "20.000"),
            ("90.000", "10.000"),
        ]
        assert "drawn" not in html.picture(samples, [], 5.0)
        assert html.picture(samples[:0], [], 0.0) == ""

    def test_crowded_words_stand_in_rows(self) -> None:
        words = [Word("crowded", 0.9, 0.1 * n, 0.1 * n + 0.1) for n in range(20)]
        markup = html.picture(loud(2), words, 2.0)
        assert set(re.findall(r"--row: (\d)", markup)) == {"0", "1", "2"}

    def test_one_sample_can_be_drawn(self) -> None:
        well_formed(html.picture(loud(1)[:1], [], 1 / RATE))


def test_the_card_tells_limits_and_licence(monkeypatch: pytest.MonkeyPatch) -> None:
    from lstm_models.checkpoints import hub

    card = "# R\n\nHears.\n\n| | |\n|---|---|\n| Licence | of `LibriSpeech`: [CC BY](http://x) |\n\n"
    card += "## Limits\n\nIt is\n**deaf**.\n\nMore."
    monkeypatch.setattr(hub, "card", lambda name: card)
    notes = demo.fine_print("recognizer")
    assert notes[0].startswith("English, up to 10 minutes at a time.")
    assert "non-commercial" in notes[1]
    assert notes[2:] == ["It is deaf.", "Licence of the weights: of LibriSpeech: CC BY."]
    assert demo.fine_print(None) == notes[:1]


def test_every_example_is_small_and_credited() -> None:
    credits = (EXAMPLES / "CREDITS.txt").read_text()
    assert {path.name for path in EXAMPLES.glob("*.ogg")} == set(demo.EXAMPLES)
    for name, said in demo.EXAMPLES.items():
        assert name in credits
        assert said in credits
        assert (EXAMPLES / name).stat().st_size <= 60_000
        assert 3 < soundfile.info(EXAMPLES / name).duration < 10
