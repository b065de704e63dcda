"""The video captioning tab: what it shows when opened, what its handler yields, its endpoint."""

from __future__ import annotations

import numpy as np
import pytest

from lstm_models.results import Word
from lstm_models.tasks.video_captioning.results import Scene
from tests.helpers.tab_events import handler, last
from tests.helpers.tiny_films import square_frames, video

gr = pytest.importorskip("gradio")

from lstm_apps.tasks.video_captioning.demo import html, tab  # noqa: E402 - needs gradio

pytestmark = pytest.mark.filterwarnings("ignore:::gradio.queueing")  # its use of pandas


class Scripted:
    """Two scenes of any film, the second unsure."""

    def stream(self, film, *, notes, **options):
        from lstm_models.io.films import read_film

        pixels = read_film(film).pixels
        words = (Word("a", 0.9, attention=np.eye(3)), Word("<b>", 0.8, attention=np.eye(3)))
        yield Scene(0.0, 1.0, "a <b>", words, frame_times=(0.5,), frame_weights=(1.0,), thumbnail=pixels[0])
        yield Scene(1.0, 2.0, "a cat", (Word("a", 0.1),), votes=0.0, frame_times=(1.5,), frame_weights=(1.0,))
        notes.append("The film breaks off.")


@pytest.fixture(scope="module")
def page():
    return tab.build(Scripted)


def test_it_opens_with_the_film_to_try(page):
    shown = next(block.value for block in page.blocks.values() if block.elem_id == "film-scenes")
    assert shown.count('class="panel"') == len(tab.example().scenes) >= 3
    assert "data:image/jpeg;base64," in shown
    assert "NaN" not in shown


def test_a_film_gets_its_timeline(page, tmp_path):
    path = tmp_path / "film.mp4"
    path.write_bytes(video(square_frames(8)))
    updates = list(handler(page, "caption_film")(str(path), "film"))
    shown = last(updates, "film-scenes")
    assert shown.count('<section class="panel"') == 2
    assert shown.count('class="shot doubtful"') == 1
    assert "<b>" not in shown.replace("<b>x", "")
    assert "check this before you use it" in shown
    assert "The film breaks off." in last(updates, "film-status")
    answer = next(value for update in updates[::-1] for block, value in update.items() if block.label == "Scenes")
    assert [scene["caption"] for scene in answer["scenes"]] == ["a <b>", "a cat"]


def test_no_film_and_no_film_at_all(page, tmp_path):
    assert "There is no film yet" in last(handler(page, "caption_film")(None, "film"), "film-status")
    path = tmp_path / "film.mp4"
    path.write_bytes(b"words")
    updates = []
    with pytest.raises(gr.Error, match="is not a film"):
        updates += handler(page, "caption_film")(str(path), "film")


def test_one_endpoint_is_public(page):
    names = {function.api_name for function in page.fns.values() if function.api_visibility == "public"}
    assert "caption_film" in names


def test_the_clock():
    assert html._clock(65.44) == "1:05.4"
