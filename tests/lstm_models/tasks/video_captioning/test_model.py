"""Films described by a small model without trained weights: scenes, times, votes, and every kind of bad input."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from lstm_models.checkpoints import hub
from lstm_models.errors import InputError
from lstm_models.io.films import FilmFrame
from lstm_models.tasks.video_captioning import model as module
from lstm_models.tasks.video_captioning.decoding import VideoCaptionOptions
from lstm_models.tasks.video_captioning.model import VideoCaptioner
from tests.helpers.tiny_films import BLUE, RED, animation, sound_only, square_frames, video
from tests.helpers.tiny_video_captioner import disturbed, video_captioner

torch.set_num_threads(1)
FILM = square_frames(32, colours=(BLUE, RED))  # eight seconds at four frames a second


@pytest.fixture(scope="module")
def model():
    return disturbed(video_captioner(), 0.5)


def test_a_film_has_its_scenes_with_times_and_where_it_looked(model, tmp_path) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(video(FILM))
    found = model.caption(path, n_best=3)
    assert found.source == str(path)
    assert [round(scene.start) for scene in found.scenes] == [0, 4]
    assert found.scenes[-1].end == pytest.approx(8.0, abs=0.01)
    for scene in found.scenes:
        assert len(scene.words) >= 2
        assert scene.words[0].attention.shape == (3, 3)
        assert sum(scene.frame_weights) == pytest.approx(1.0, abs=1e-5)
        assert len(scene.frame_times) == 6
        assert all(scene.start <= time <= scene.end for time in scene.frame_times)
        assert scene.thumbnail.shape == (48, 64, 3)
        assert len(scene.alternatives) == 2
    assert found.scenes[0].thumbnail[0, 0].argmax() == 2  # a frame of its own scene, which is blue
    assert found.scenes[1].thumbnail[0, 0].argmax() == 0


def test_gif_webp_arrays_and_lists(model, tmp_path) -> None:
    gif, webp = tmp_path / "film.gif", tmp_path / "film.webp"
    gif.write_bytes(animation(FILM, "GIF"))
    webp.write_bytes(animation(FILM, "WEBP"))
    found = model.caption([gif, webp])
    assert [len(each.scenes) for each in found] == [2, 2]
    assert model.caption(FILM).scenes[-1].end == pytest.approx(3.2, abs=0.2)  # ten frames a second


def test_votes_are_what_each_frame_says_alone(model) -> None:
    frames = [FilmFrame(float(number), picture) for number, picture in enumerate(FILM[::8])]
    scene = model.describe(frames, 0.0, 4.0, VideoCaptionOptions(votes=1.0, n_best=1))
    tokens = torch.tensor([[[*model.vocabulary.encode(scene.caption), 0]]])
    lengths = torch.tensor([[tokens.size(-1)]])
    alone = []
    with torch.no_grad():
        for frame in frames:
            grids, _, _ = model.captioner.frame_features([frame.pixels])
            seen = model.see(grids[None], torch.zeros(1, 4, dtype=torch.long))
            alone.append(float(model.sentences("film")(*seen, tokens, lengths)[0].mean()))
    vouching = np.mean([each >= module.SUPPORTED for each in alone])
    assert scene.votes == pytest.approx(vouching)


def test_the_same_sentence_goes_on_over_parts_of_a_shot(model) -> None:
    still = np.repeat(FILM[:1], 120, 0)  # twelve seconds
    found = model.caption(still, longest_scene=3.0)
    assert len(found.scenes) == 1
    assert found.scenes[0].end > 11.5
    assert sum(found.scenes[0].frame_weights) == pytest.approx(1.0, abs=1e-4)


def test_a_part_of_a_film(model) -> None:
    found = model.caption(video(FILM), start=5.0, end=7.0)
    assert found.scenes[0].start == pytest.approx(5.0, abs=0.01)
    assert found.scenes[-1].end <= 7.0


def test_saved_and_loaded_it_says_the_same(model, tmp_path, monkeypatch) -> None:
    hub.save(model.captioner, tmp_path / "captioner", card="# Captioner", half=False)
    monkeypatch.setattr(model, "config", replace(model.config, captioner=str(tmp_path / "captioner")))
    hub.save(model, tmp_path / "video", card="# Video captioner", half=False)
    again = hub.load(tmp_path / "video")
    assert again.caption(FILM).text == model.caption(FILM).text


LONG = "is 10.0 hours long; at most 2 are described at once"
BAD = {
    "empty": (b"", "is empty"),
    "corrupt": (video(FILM)[:400], "damaged or cut off"),
    "words": (b"Once upon a time. " * 50, "is not a film"),
    "sound": (sound_only(), "has no pictures"),
    "ten hours": (animation(FILM[:3], "GIF", duration=20), LONG),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_films_are_a_sentence(model, what, tmp_path, monkeypatch) -> None:
    content, sentence = BAD[what]
    path = tmp_path / "film.mp4"
    path.write_bytes(content)
    if what == "ten hours":  # a film of ten hours is too large for a test: what its file says of it is enough
        opened = module.open_film

        def long(*given, **options):
            manager = opened(*given, **options)

            class Long:
                def __enter__(self):
                    film = manager.__enter__()
                    film.seconds = 36000.0
                    return film

                def __exit__(self, *error):
                    return manager.__exit__(*error)

            return Long()

        monkeypatch.setattr(module, "open_film", long)
    with pytest.raises(InputError, match=sentence) as caught:
        model.caption(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [({"style": "poem"}, "style is one of"), ({"start": 5.0, "end": 2.0}, "end above it"),
     ({"start": 99.0}, "before 99|from 99"),
     ({"frames": 0}, "frames must lie"), ({"votes": 2.0}, "votes must lie"), ({"beam": 0}, "beam must be"),
     ({"max_words": 99}, "max_words must lie"), ({"longest_scene": 0.1}, "longest_scene must lie")],
)  # fmt: skip
def test_bad_options_are_a_sentence(model, options, sentence) -> None:
    with pytest.raises(InputError, match=sentence):
        model.caption(video(FILM), **options)


def test_a_missing_captioner_is_a_sentence() -> None:
    broken = VideoCaptioner(replace(video_captioner().config, captioner="nobody"))
    with pytest.raises(InputError, match="nobody"):
        broken.caption(FILM)
