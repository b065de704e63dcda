"""The video captioning tab: drop a film, see its scenes on a timeline, each with its description and where it looked.

Run: lstm-models demo video-captioning
"""

from __future__ import annotations

import functools
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any, Protocol

import gradio as gr

from lstm_apps.demo import components
from lstm_apps.demo.assets import asset
from lstm_apps.tasks.video_captioning.demo import html
from lstm_models.errors import InputError
from lstm_models.io.films import read_film
from lstm_models.tasks.video_captioning.results import Scene, VideoCaption

TITLE = "Video captioning"
CSS = asset("lstm_apps.tasks.video_captioning.demo", "video_captioning.css")
LICENCE = (
    "The weights learnt from Flickr8k's photos and from sentences about MSVD's clips, both for non-commercial "
    "research: use them, and what they say, likewise. The film to try was made of free photos."
)
EXAMPLE = Path(__file__).parents[1] / "examples" / "three-scenes.mp4"
_DESCRIBED = EXAMPLE.with_suffix(".json")
_LONGEST = 300.0  # seconds of a film that the demo describes


class VideoCaptioner(Protocol):
    """What the tab needs of a model; `lstm_models.tasks.video_captioning.model.VideoCaptioner` is one."""

    def stream(self, film: Any, **options: Any) -> Iterator[Scene]: ...  # fmt: skip


def build(load: Callable[[], VideoCaptioner] | None = None, model: str = "video-captioner") -> gr.Blocks:
    """The tab as Gradio blocks; theme and style sheet come with `lstm_apps.demo.launch`.

    Args:
        load: gives the video captioner, called once, when the first film comes.
        model: what to load if `load` is left out: a bundled name, a folder, or a Hugging Face Hub id.
    """
    gr.set_static_paths([EXAMPLE.parent])
    with components.blocks(TITLE) as tab:
        VideoCaptionTab(components.once(load or components.bundled(model)))
    return tab


class VideoCaptionTab:
    """The components of the tab and what they call, with the endpoint ``caption_film``."""

    def __init__(self, captioner: components.Once[VideoCaptioner]) -> None:
        self.captioner = captioner
        self.film = gr.File(
            label="Film", type="filepath", file_types=["video", ".gif", ".webp"], height=120, elem_id="film-file"
        )
        self.film.preprocess = _path  # type: ignore[method-assign]
        with gr.Row():
            self.style = gr.Radio(
                [("In few words, what happens", "film"), ("In detail, as a photo", "photo")], value="film",
                label="Descriptions", elem_id="film-style",
            )  # fmt: skip
            self.go = gr.Button("Describe", variant="primary", size="sm", min_width=160, elem_id="film-go")
            self.example = gr.Button("Film to try", size="sm", min_width=160, elem_id="film-example")
        self.status = gr.HTML(
            components.status("A film of three scenes, made of free photos. Drop a film of your own."),
            elem_classes="status", elem_id="film-status", apply_default_css=False,
        )  # fmt: skip
        self.shown = gr.HTML(
            html.film(example()), elem_id="film-scenes", apply_default_css=False, js_on_load=html.SCRIPT
        )
        with gr.Row():
            self.downloads = [
                gr.DownloadButton(
                    f"Save {what}", interactive=False, size="sm", min_width=120, elem_id=f"film-save-{suffix}"
                )
                for suffix, what in (("vtt", "WebVTT"), ("srt", "SRT"), ("json", "JSON"))
            ]
        gr.HTML(f"<p>{escape(LICENCE)}</p>", elem_classes="fine-print", apply_default_css=False)
        self.answer = gr.JSON(label="Scenes", visible=False)  # for those who call the tab by its API
        given: dict[str, Any] = {
            "fn": self.caption_film,
            "inputs": [self.film, self.style],
            "outputs": [self.answer, self.shown, self.status, *self.downloads],
            "show_progress": "hidden",
        }
        self.go.click(**given, api_name="caption_film")
        self.film.upload(**given, trigger_mode="always_last", api_visibility="private")
        self.example.click(
            lambda: str(EXAMPLE), outputs=self.film, show_progress="hidden", api_visibility="private"
        ).then(**given, api_visibility="private")

    def caption_film(self, film: str | None, style: str = "film") -> Iterator[dict[Any, Any]]:
        """Describes a film scene by scene, with times."""
        off = [gr.DownloadButton(value=None, interactive=False)] * len(self.downloads)
        cleared: dict[Any, Any] = {self.answer: None, **dict(zip(self.downloads, off, strict=True))}
        if film is None:
            yield {**cleared, self.status: components.status("There is no film yet.")}
            return
        try:
            message = "Looking …" if self.captioner.done else "Loading the video captioner …"
            yield {**cleared, self.shown: html.empty(_NOTHING), self.status: components.status(message)}
            model, started, scenes, notes = self.captioner(), time.perf_counter(), list[Scene](), list[str]()
            for scene in model.stream(film, notes=notes, style=style, n_best=3):
                if scene.start > _LONGEST:
                    notes.append(f"The demo describes {_LONGEST / 60:g} minutes; the command line goes on.")
                    break
                scenes.append(scene)
                so_far = VideoCaption.of(scenes, scene.end, Path(film).name)
                yield {self.shown: html.film(so_far), self.status: components.status(f"Looking … {scene.end:.0f} s")}
            found = VideoCaption.of(scenes, scenes[-1].end - scenes[0].start, Path(film).name, notes)
            with tempfile.TemporaryDirectory() as folder:  # Gradio copies from here into its cache
                stem = Path(folder) / components.file_name(Path(film).stem, "film")
                files = [str(found.save(stem.with_suffix(suffix))) for suffix in (".vtt", ".srt", ".json")]
                on = [gr.DownloadButton(value=file, interactive=True) for file in files]
                yield {
                    self.answer: found.as_dict(),
                    self.shown: html.film(found),
                    self.status: components.status(_summary(found, time.perf_counter() - started), *notes),
                    **dict(zip(self.downloads, on, strict=True)),
                }
        except InputError as error:
            yield {**cleared, self.status: components.status(str(error), problem=True)}
            raise gr.Error(escape(str(error)), print_exception=False) from error


_NOTHING = "The scenes of your film appear here, with thumbnails and descriptions."


@functools.lru_cache(maxsize=1)
def example() -> VideoCaption:
    """The film to try as the bundled model describes it, which the tab shows when it is opened."""
    found = VideoCaption.from_json(_DESCRIBED.read_text("utf-8"))
    frames = read_film(EXAMPLE)
    scenes = []
    for scene in found.scenes:
        best = max(zip(scene.frame_weights, scene.frame_times, strict=True))[1]
        scenes.append(replace(scene, thumbnail=frames.pixels[abs(frames.times - best).argmin()]))
    return replace(found, scenes=tuple(scenes))


def _path(payload: Any) -> str | None:
    """The file that was uploaded, as it is; Gradio has seen to it that it lies among the uploads or the examples."""
    return None if payload is None else payload.path


def _summary(found: VideoCaption, seconds: float) -> str:
    count, unsure = len(found.scenes), sum(scene.uncertain for scene in found.scenes)
    doubt = f", {unsure} of them uncertain" if unsure else ""
    return f"{count} {'scene' if count == 1 else 'scenes'} of {found.duration:.1f} s in {seconds:.1f} s{doubt}."
