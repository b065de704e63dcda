"""Films on the command line: formats, folders, bad input; the model is a small one without trained weights."""

from __future__ import annotations

import json

import pytest
from PIL import Image

from lstm_apps.tasks.captioning import commands
from lstm_apps.tasks.video_captioning import commands as films
from lstm_models.checkpoints import hub
from lstm_models.errors import InputError
from lstm_models.text.subtitles import TimedText, read_subtitles
from tests.helpers.tiny_films import BLUE, RED, animation, sound_only, square_frames, video
from tests.helpers.tiny_video_captioner import disturbed, video_captioner

FRAMES = square_frames(16, colours=(BLUE, RED))


@pytest.fixture(autouse=True)
def model(monkeypatch):
    made = disturbed(video_captioner(), 0.5)
    monkeypatch.setattr(hub, "load_as", lambda kind, name: made)
    return made


@pytest.fixture
def film(tmp_path):
    path = tmp_path / "film.mp4"
    path.write_bytes(video(FRAMES))
    return path


def test_a_film_is_printed_with_times(film, capsys):
    commands.caption(str(film))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("0.0–2.0 s  ")
    assert lines[1].startswith("2.0–4.0 s  ")


@pytest.mark.parametrize("format", ["vtt", "srt", "json", "txt"])
def test_files_in_every_format(film, tmp_path, capsys, format):
    out = tmp_path / f"made.{format}"
    commands.caption(str(film), out=str(out))
    commands.caption(str(film), format=format)
    assert capsys.readouterr().out == out.read_text("utf-8")
    if format in ("vtt", "srt"):
        assert [round(cue.start) for cue in read_subtitles(out.read_text("utf-8"))] == [0, 2]
    if format == "json":
        assert len(json.loads(out.read_text("utf-8"))["scenes"]) == 2


def test_a_folder_of_films_goes_into_a_folder_and_on_where_it_stopped(film, tmp_path, capsys):
    gif = tmp_path / "second.gif"
    gif.write_bytes(animation(FRAMES))
    (tmp_path / "broken.mp4").write_bytes(b"no film at all")
    out = tmp_path / "out"
    with pytest.raises(InputError, match=r"1 of 3 could not be described"):
        commands.caption(str(tmp_path), format="srt", out=str(out))
    assert sorted(path.name for path in out.iterdir()) == ["film.srt", "second.srt"]
    (out / "film.srt").write_text("by hand")
    with pytest.raises(InputError):
        commands.caption(str(tmp_path), format="srt", out=str(out))
    assert (out / "film.srt").read_text() == "by hand"
    assert "is not a film" in capsys.readouterr().err


def test_an_animation_is_a_film_and_a_still_gif_a_photo(tmp_path):
    moving, still = tmp_path / "moving.gif", tmp_path / "still.gif"
    moving.write_bytes(animation(FRAMES))
    Image.new("RGB", (20, 20)).save(still)
    assert films.film_paths([str(moving)], False, False).sources == [str(moving)]
    assert films.film_paths([str(still)], False, False) is None
    with pytest.raises(InputError, match="by a command each"):
        films.film_paths([str(moving), str(still)], False, False)


def test_a_folder_of_frames_is_a_film_if_films_are_meant(tmp_path, capsys):
    folder = tmp_path / "frames"
    folder.mkdir()
    for number, frame in enumerate(FRAMES):
        Image.fromarray(frame).save(folder / f"{number}.png")
    assert films.film_paths([str(folder)], False, False) is None
    commands.caption(str(folder), format="txt")
    assert "s  " in capsys.readouterr().out


def test_what_is_said_stands_beside_what_is_seen(film, monkeypatch, capsys):
    monkeypatch.setattr(films, "_speech", lambda source: [TimedText("Good morning.", 0.5, 1.5)])
    commands.caption(str(film), transcript=True, format="vtt")
    shown = capsys.readouterr().out
    assert "00:00:00.500 --> 00:00:01.500\n<v Speech>“Good morning.”" in shown
    assert shown.count("<v Description>") == 2


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"format": "doc"}, "--format is one of vtt, srt, json, txt"),
        ({"transcript": True}, "goes with --format vtt or json"),
        ({"html": "page.html"}, "--html is for photos"),
        ({"include": "dog"}, "--include is for photos"),
        ({"language": "de"}, "--language is for photos"),
        ({"style": "poem"}, "style is one of"),
        ({"start": 3.0, "end": 1.0}, "end above it"),
        ({"out": "x.vtt", "format": "srt"}, "name two formats"),
        ({"out": "no/such/folder/x.vtt"}, "no/such/folder"),
    ],
)
def test_bad_options_are_a_sentence_before_anything_is_read(film, options, sentence, monkeypatch):
    with pytest.raises(InputError, match=sentence):
        commands.caption(str(film), **options)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b"", "is empty"), (b"words " * 99, "is not a film"), (sound_only(), "has no pictures"), (None, "does not exist")],
)
def test_bad_films_are_a_sentence(tmp_path, content, sentence):
    path = tmp_path / "film.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=sentence):
        commands.caption(str(path), out=str(tmp_path / "film.vtt"))
    assert not (tmp_path / "film.vtt").exists()
