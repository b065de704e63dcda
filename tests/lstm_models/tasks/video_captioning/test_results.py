"""A film's description in every format, and back."""

from __future__ import annotations

import numpy as np
import pytest

from lstm_models.errors import InputError
from lstm_models.results import Word
from lstm_models.tasks.video_captioning.results import Scene, SceneObject, VideoCaption
from lstm_models.text.subtitles import TimedText, read_subtitles, subtitle_time

WORDS = tuple(Word(text, 0.9) for text in ("a", "dog", "runs"))
SCENES = (
    Scene(0.0, 2.5, "A dog runs", WORDS, -3.0, 1.0, ("A dog is running",), (SceneObject("dog", 0.8),),
          (0.5, 1.5), (0.25, 0.75), np.full((4, 6, 3), 200, np.uint8)),
    Scene(2.5, 3725.0, "A <b>man</b> sits", (Word("a", 0.4), Word("man", 0.3)), -9.0, 0.2, (), (), (3.0,), (1.0,)),
)  # fmt: skip
FILM = VideoCaption.of(SCENES, 3725.0, "film.mp4", ["The film breaks off."])


def test_the_text_says_what_is_uncertain() -> None:
    assert FILM.text == "A dog runs. Perhaps: A <b>man</b> sits."
    assert not SCENES[0].uncertain
    assert SCENES[1].uncertain
    assert Scene(0, 1, "A dog", WORDS, votes=0.3).uncertain  # sure as a whole, but the frames are not
    assert repr(FILM).startswith('VideoCaption("A dog runs.')


def test_webvtt_and_subrip_are_read_back_by_the_reader_of_subtitles() -> None:
    spoken = FILM.with_speech([TimedText("Hello & <i>welcome</i>", 1.0, 2.0)])
    assert "<v Speech>“Hello &amp; &lt;i&gt;welcome&lt;/i&gt;”" in spoken.vtt()
    assert spoken.vtt().startswith("WEBVTT\n\n00:00:00.000 --> 00:00:02.500\n<v Description>A dog runs.\n")
    assert [(cue.start, cue.end) for cue in read_subtitles(spoken.vtt())] == [(0.0, 2.5), (1.0, 2.0), (2.5, 3725.0)]
    assert FILM.srt().startswith("1\n00:00:00,000 --> 00:00:02,500\nA dog runs.\n\n2\n00:00:02,500 --> 01:02:05,000\n")
    assert read_subtitles(FILM.srt())[0].text == "A dog runs."
    assert "Speech" not in FILM.vtt()


def test_json_comes_back() -> None:
    back = VideoCaption.from_json(FILM.json())
    assert back.json() == FILM.json()
    assert back.scenes[0].objects == (SceneObject("dog", 0.8),)
    assert back.notes == ("The film breaks off.",)


@pytest.mark.parametrize("document", ["", "[]", "{}", '{"text": "x", "duration": 1, "scenes": [3]}', "null"])
def test_other_json_is_refused(document) -> None:
    with pytest.raises(InputError, match="is a JSON object"):
        VideoCaption.from_json(document)


def test_files_by_their_suffix(tmp_path) -> None:
    for suffix, begins in (
        (".vtt", "WEBVTT"),
        (".srt", "1\n"),
        (".txt", "0.0–2.5 s  A dog runs.\n"),
        (".json", '{"format"'),
    ):
        assert FILM.save(tmp_path / f"film{suffix}").read_text("utf-8").startswith(begins)
    with pytest.raises(InputError, match="is saved as"):
        FILM.save(tmp_path / "film.doc")
    with pytest.raises(InputError, match="format is one of"):
        FILM.render("doc")


def test_a_notebook_shows_pictures_and_escapes_markup() -> None:
    shown = FILM._repr_html_()
    assert shown.count('src="data:image/jpeg;base64,') == 1
    assert "<script" not in VideoCaption.of([Scene(0, 1, "<script>")], 1.0, notes=["<script>"])._repr_html_()


def test_times() -> None:
    assert subtitle_time(3725.5) == "01:02:05.500"
    assert subtitle_time(59.9996) == "00:01:00.000"
    assert subtitle_time(-1.0, comma=True) == "00:00:00,000"
