"""The captioning tab of the demo: a photo in, a caption word by word, where the model looked, JSON and a picture out.

Run: lstm-models demo captioning
"""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import gradio as gr

from lstm_apps.demo import components
from lstm_apps.demo.assets import asset
from lstm_apps.demo.translators import Translators, language_names
from lstm_apps.server.putting_aside import open_upload
from lstm_apps.tasks.captioning.demo import html
from lstm_models.errors import InputError
from lstm_models.results import TextTranslator
from lstm_models.tasks.captioning import attention_maps
from lstm_models.tasks.captioning.results import Caption

if TYPE_CHECKING:
    from PIL.Image import Image

TITLE = "Captioning"
CSS = asset("lstm_apps.tasks.captioning.demo", "captioning.css")
LICENCE = (
    "The weights learnt from Flickr8k, whose photos are for non-commercial research and education: use them, and what "
    "they say, likewise. The photos to try are free: CC0 or in the public domain."
)
EXAMPLES = {
    "soccer": "Three soccer players and a ball on a field",
    "dog": "A woman and a big brown dog that stands on its hind legs",
    "surfer": "A surfer before a large wave",
    "astronaut": "An astronaut in an orange suit before a flag",
    "cat": "A tabby cat, close up",
    "coffee": "A cup of coffee on a wooden table",
}
_FOLDER = Path(__file__).parents[1] / "examples"
_MOST_OBJECTS = 4  # that are named below a caption


class Captioner(Protocol):
    """What the tab needs of a model; `lstm_models.tasks.captioning.model.Captioner` is one."""

    def stream(self, image: Any, **options: Any) -> Iterator[Caption]: ...  # fmt: skip


def build(
    load: Callable[[], Captioner] | None = None,
    model: str = "captioner",
    translators: Translators[TextTranslator] | None = None,
) -> gr.Blocks:
    """The tab as Gradio blocks; theme and style sheet come with `lstm_apps.demo.launch`.

    Args:
        load: gives the captioner, called once, when the first photo comes.
        model: what to load if `load` is left out: a bundled name, a folder, or a Hugging Face Hub id.
        translators: for captions in other languages; the bundled ones if None.
    """
    gr.set_static_paths([_FOLDER])  # served from where they lie, and allowed as the photo
    with components.blocks(TITLE) as tab:
        CaptionTab(components.once(load or components.bundled(model)), translators or Translators.bundled())
    return tab


class CaptionTab:
    """The components of the tab and what they call, with the endpoint ``caption``."""

    def __init__(self, captioner: components.Once[Captioner], translators: Translators[TextTranslator]) -> None:
        self.captioner, self.translators = captioner, translators
        self._add_photo()
        self._add_settings()
        self._connect()

    def _add_photo(self) -> None:
        """The photo, its caption, and what is said of it."""
        with gr.Row():
            with gr.Column(min_width=280):
                self.image = gr.Image(
                    label="Photo", type="filepath", sources=["upload", "webcam", "clipboard"], height=340, buttons=[],
                    elem_id="captioning-image", alt_text="The photo to be described",
                )  # fmt: skip
                # Gradio would open the file itself, without bounds and without a sentence where it cannot.
                self.image.preprocess = _path  # type: ignore[method-assign]
            with gr.Column(min_width=280):
                self.photo = gr.HTML(html.empty(_NOTHING), elem_id="captioning-photo", apply_default_css=False)
        self.words = gr.HTML(
            html.words(), elem_id="captioning-words", apply_default_css=False, js_on_load=html.WORDS_SCRIPT
        )
        self.status = gr.HTML(
            components.status("Ready."), elem_classes="status", elem_id="captioning-status", apply_default_css=False
        )
        with gr.Row():
            self.go = gr.Button("Describe", variant="primary", size="sm", min_width=260, elem_id="captioning-go")
            self.downloads = [
                gr.DownloadButton(
                    f"Save {what}", interactive=False, size="sm", min_width=120, elem_id=f"captioning-save-{id_}"
                )
                for id_, what in (("json", "JSON"), ("attention", "attention"))
            ]
        self.chosen = gr.HTML(
            html.examples([_FOLDER / f"{name}.jpg" for name in EXAMPLES], EXAMPLES), elem_id="captioning-examples",
            apply_default_css=False, js_on_load=html.EXAMPLES_SCRIPT,
        )  # fmt: skip

    def _add_settings(self) -> None:
        """What a caption is to say, and how it is searched for."""
        self.language = gr.Radio(
            [("English", "en"), *language_names()], value="en", label="Language of the caption",
            elem_id="captioning-language",
        )  # fmt: skip
        with gr.Row():
            self.include = gr.Textbox(
                value="", label="Must say", info="words or phrases, with commas between", max_lines=1, max_length=500,
                min_width=240, elem_id="captioning-include",
            )  # fmt: skip
            self.exclude = gr.Textbox(
                value="", label="Must not say", info="words, with commas between", max_lines=1, max_length=500,
                min_width=240, elem_id="captioning-exclude",
            )  # fmt: skip
        with gr.Accordion("Search settings", open=False):
            with gr.Row():
                self.beam = _slider("Beam", "sentences followed", 1, 20, 5, 1)
                self.n_best = _slider("Captions", "how many, at most the beam", 1, 10, 3, 1)
                self.diversity = _slider("Diversity", "between the captions", 0, 3, 0.0, 0.1)
            with gr.Row():
                self.min_words = _slider("Minimum words", "in a caption", 1, 20, 1, 1)
                self.max_words = _slider("Maximum words", "in a caption", 1, 40, 20, 1)
                self.length_penalty = _slider("Length penalty", "0: short, 1: long", 0, 1.5, 0.7, 0.1)
        gr.HTML(f"<p>{escape(LICENCE)}</p>", elem_classes="fine-print", apply_default_css=False)
        self.answer = gr.JSON(label="Caption", visible=False)  # for those who call the tab by its API

    def _connect(self) -> None:
        """Which event calls what."""
        given: dict[str, Any] = {
            "fn": self.caption,
            "inputs": [
                self.image,
                self.include,
                self.exclude,
                self.beam,
                self.n_best,
                self.diversity,
                self.min_words,
                self.max_words,
                self.length_penalty,
                self.language,
            ],
            "outputs": [self.answer, self.photo, self.words, self.status, *self.downloads],
            "show_progress": "hidden",
        }
        asked = [self.go.click, self.include.submit, self.exclude.submit, self.language.input]
        gr.on(asked, **given, api_name="caption")
        self.image.input(**given, trigger_mode="always_last", api_visibility="private")
        self.chosen.click(_example, outputs=self.image, show_progress="hidden", api_visibility="private").then(
            **given, api_visibility="private"
        )

    def caption(
        self,
        image: str | None,
        include: str = "",
        exclude: str = "",
        beam: int = 5,
        n_best: int = 3,
        diversity: float = 0.0,
        min_words: int = 1,
        max_words: int = 20,
        length_penalty: float = 0.7,
        language: str = "en",
    ) -> Iterator[dict[Any, Any]]:
        off = [gr.DownloadButton(value=None, interactive=False)] * len(self.downloads)
        cleared: dict[Any, Any] = {
            self.answer: None,
            self.words: html.words(),
            **dict(zip(self.downloads, off, strict=True)),
        }
        if image is None:
            yield {
                **cleared,
                self.photo: html.empty(_NOTHING),
                self.status: components.status("There is no photo yet."),
            }
            return
        try:
            opened = open_upload(image)
            address = html.as_data(attention_maps.photo(opened, html.PHOTO_SIDE), "JPEG", quality=85)
            message = "Looking …" if self.captioner.done else "Loading the captioner …"
            yield {**cleared, self.photo: html.photo(address), self.status: components.status(message)}
            model = self.captioner()
            started = time.perf_counter()
            translator = None if language == "en" else self.translators.to(language)
            groups, count = int(beam) if diversity > 0 else 1, min(int(n_best), int(beam))
            options: dict[str, Any] = {"beam": int(beam), "n_best": count, "groups": groups}
            options |= {"min_words": int(min_words), "max_words": int(max_words), "length_penalty": length_penalty}
            options |= {"diversity": diversity, "include": listed(include), "exclude": listed(exclude)}
            shown, found = 0, Caption("", (), 0.0)
            if translator is not None:
                *_, every = model.stream(opened, **options | {"n_best": int(beam)})
                found = every.translated(translator, n_best=count)
            for found in () if translator is not None else model.stream(opened, **options):
                if found.confidence is None:
                    yield {self.words: html.words(found, shown), self.status: components.status("Looking …")}
                    shown = len(found.words)
            took = time.perf_counter() - started
            found = replace(found, source=Path(image).name)
            with tempfile.TemporaryDirectory() as folder:  # Gradio copies from here into its cache
                on = [gr.DownloadButton(value=file, interactive=True) for file in _saved(found, opened, folder)]
                yield {
                    self.answer: found.as_dict(),
                    self.photo: html.photo(address, found.text, hint=True),
                    self.words: html.words(found, shown),
                    self.status: components.status(_summary(found, took)),
                    **dict(zip(self.downloads, on, strict=True)),
                }
        except InputError as error:
            yield {**cleared, self.status: components.status(str(error), problem=True)}
            raise gr.Error(escape(str(error)), print_exception=False) from error


_NOTHING = "Your photo appears here, and for every word where the model looked."


def listed(text: str | None) -> tuple[str, ...]:
    """The words or phrases of a text, which commas, semicolons or line breaks divide."""
    return tuple(part.strip() for part in re.split(r"[,;\n]", text or "") if part.strip())


def _slider(label: str, info: str, lowest: float, highest: float, value: float, step: float) -> gr.Slider:
    name = label.lower().replace(" ", "-")
    return gr.Slider(
        lowest, highest, value, step=step, label=label, info=info, min_width=200, elem_id=f"captioning-{name}"
    )


def _path(payload: Any) -> str | None:
    """The file that was uploaded, as it is; Gradio has seen to it that it lies among the uploads or the examples."""
    return None if payload is None else payload.path


def _example(event: gr.EventData) -> str:
    return str(_FOLDER / f"{event.name if event.name in EXAMPLES else next(iter(EXAMPLES))}.jpg")


def _saved(caption: Caption, photo: Image, folder: str) -> Sequence[str]:
    """The caption as JSON, and the sheet of where the model looked."""
    name = Path(folder) / components.file_name(caption.text, "caption")
    sheet = caption.save_attention(photo, name.with_suffix(".jpg"))
    return [str(caption.save(name.with_suffix(".json"), attention=True)), str(sheet)]


def _summary(caption: Caption, seconds: float) -> str:
    count = len(caption.words)
    sure = "" if caption.confidence is None else f", {round(100 * caption.confidence)}\u00a0% sure"
    seen = ", ".join(f"{one.name} ({100 * one.probability:.0f}\u00a0%)" for one in caption.objects[:_MOST_OBJECTS])
    recognised = f" Recognised in the photo: {seen}." if seen else ""
    return f"“{caption.text}.” {count} {'word' if count == 1 else 'words'} in {seconds:.1f} s{sure}.{recognised}"
