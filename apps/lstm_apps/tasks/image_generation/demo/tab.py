"""The image generation tab of the demo: a digit drawn as one watches, and half a digit that is finished.

Run: lstm-models demo image-generation
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator, Sequence
from html import escape
from typing import Any, Protocol

import gradio as gr
import numpy as np

from lstm_apps.demo import components, ink_pad
from lstm_apps.demo.assets import asset
from lstm_apps.tasks.image_generation.demo import html as view
from lstm_models.errors import InputError
from lstm_models.tasks.image_generation.model import ANY
from lstm_models.tasks.image_generation.results import GeneratedImage
from lstm_models.tasks.image_generation.sentence_model import bundled_for

__all__ = ["CSS", "TITLE", "build", "rastered"]

TITLE = "Images"
_MODEL = "image-generator"
CSS = asset("lstm_apps.tasks.image_generation.demo", "pad.css")
PAD = 254  # pixels of the pad's side, which the style sheet sets
EXAMPLES = {"A seven": "7", "A year": "2026", "A sentence": "a three above a seven on the left", "Any digit": ANY}
MISSING = {
    "lower half": "bottom", "upper half": "top", "right half": "right", "left half": "left",
    "anywhere: the ink stays": "ink",
}  # fmt: skip
HALVES: dict[str, list[list[list[int]]]] = {  # strokes of upper halves
    "Half a 3": [[[80, 60], [105, 44], [140, 44], [162, 62], [158, 92], [136, 112], [112, 120]]],
    "Half an 8": [[[96, 122], [82, 96], [90, 62], [120, 46], [152, 56], [162, 84], [148, 108], [124, 124]]],
}
_PEN = 20  # pixels of the pad: the usual line of the digits it learnt from
_NOTES = (
    "It learnt from MNIST, handwritten digits of 28 × 28 pixels, and draws nothing else. A sentence puts one or two of "
    "them on a canvas of 56 × 56: a word is bright as far as it is heeded. Bright pixels are probable ones. What you "
    "draw stays on the machine that serves this page, and is not kept."
)


class Generator(Protocol):
    """What the tab needs of a model; `lstm_models.tasks.image_generation.model.ImageGenerator` is one."""

    config: Any

    def generate(self, what: str, *, seed: int, temperature: float) -> GeneratedImage: ...
    def complete(self, image: Any, missing: str, *, label: str, seed: int) -> GeneratedImage: ...  # fmt: skip


def build(
    load: Callable[[], Generator] | None = None,
    model: str = _MODEL,
    load_sentences: Callable[[], Generator] | None = None,
) -> gr.Blocks:
    """The tab as Gradio blocks; theme and style sheet come with `lstm_apps.demo`.

    Args:
        load: gives the generator, called once, when the page is first opened.
        model: what to load if `load` is left out: a bundled name, a folder, or a Hugging Face Hub id.
        load_sentences: gives the generator of sentences, called once, when one is first drawn; without it and with
            another model than the bundled one, that one is used for sentences, too.
    """
    digits = components.once(load or components.bundled(model))
    if load_sentences is None and (load is not None or model != _MODEL):
        sentences = digits
    else:
        sentences = components.once(load_sentences or components.bundled(bundled_for(EXAMPLES["A sentence"])))

    def generator(what: str) -> components.Once[Any]:
        return digits if bundled_for(what) == _MODEL else sentences

    with components.blocks(TITLE) as tab:
        _Drawing(generator, tab)
        _Finishing(digits)
        gr.HTML(f"<p>{escape(_NOTES)}</p>", elem_classes="fine-print", apply_default_css=False)
        _add_endpoints(generator, digits)
    return tab


def _add_endpoints(generator: Callable[[str], components.Once[Any]], digits: components.Once[Any]) -> None:
    def generate(what: str, seed: int = 1, temperature: float = 1.0) -> dict:  # type: ignore[type-arg]
        """Draws a handwritten digit, a number of several, what a sentence such as "a three above a seven" says, or
        "any": rows of pixels 0 to 255, and the windows of each step."""
        try:
            wanted = components.checked_text(what)
            found = generator(wanted)().generate(wanted, seed=_seed(seed), temperature=temperature)
        except InputError as error:
            raise gr.Error(escape(str(error)), print_exception=False) from error
        return dict(json.loads(found.json()))

    def complete_image(image: list, missing: str = "ink", label: str = ANY, seed: int = 1) -> dict:  # type: ignore[type-arg]
        """Finishes a handwritten digit, given as rows of pixels 0 to 255: its missing top, bottom, left or right half,
        or, with ink, whatever the ink lacks."""
        try:
            found = digits().complete(_rows(image), missing, label=label, seed=_seed(seed))
        except InputError as error:
            raise gr.Error(escape(str(error)), print_exception=False) from error
        return dict(json.loads(found.json()))

    complete_image.takes_bytes = ink_pad.TAKES_BYTES  # type: ignore[attr-defined]
    gr.api(generate, api_name="generate")
    gr.api(complete_image, api_name="complete_image")


class _Drawing:
    """The part that draws what is named."""

    def __init__(self, generator: Callable[[str], components.Once[Any]], tab: gr.Blocks) -> None:
        self.generator = generator
        with gr.Row(equal_height=True):
            self.what = gr.Textbox(
                "7", label="Draw", placeholder="a digit, a number, a sentence, or any", max_length=120, scale=3,
                min_width=160, elem_id="image-generation-what",
            )  # fmt: skip
            self.seed = gr.Number(
                1, label="Seed", info="the same seed gives the same drawing", precision=0, minimum=0, scale=2,
                min_width=160, elem_id="image-generation-seed",
            )  # fmt: skip
            self.temperature = gr.Slider(
                0, 1.5, 1, step=0.1, label="Variety", info="0 the most usual image", scale=2, min_width=160,
                elem_id="image-generation-temperature",
            )  # fmt: skip
            self.go = gr.Button("Draw", variant="primary", scale=1, min_width=100, elem_id="image-generation-go")
        with gr.Row():
            examples = [gr.Button(name, size="sm", min_width=100) for name in EXAMPLES]
            another = gr.Button("Another one", size="sm", min_width=100, elem_id="image-generation-another")
        self.shown, self.status = _places("image-generation")
        inputs = [self.what, self.seed, self.temperature]
        quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        given = {"fn": self.draw, "inputs": inputs, "outputs": [self.shown, self.status], **quiet}
        gr.on([self.go.click, self.what.submit], **given, trigger_mode="always_last")
        for button, example in zip(examples, EXAMPLES.values(), strict=True):
            button.click(lambda chosen=example: chosen, outputs=self.what, **quiet).then(**given)
        another.click(lambda: random.randrange(1, 10_000), outputs=self.seed, **quiet).then(**given)
        tab.load(**given)

    def draw(self, what: str, seed: Any, temperature: float) -> Iterator[dict[Any, Any]]:
        """The drawing, or the message about what is wrong."""
        wanted = (what or "").strip()
        name = f"digits-{wanted}" if wanted.isalnum() else components.file_name(wanted, "digits")

        def run(generator: Any) -> GeneratedImage:
            found: GeneratedImage = generator.generate(wanted, seed=_seed(seed), temperature=temperature)
            return found

        yield from _shown(self.generator(wanted), run, name, self.shown, self.status)


class _Finishing:
    """The part that finishes what is drawn on a pad."""

    def __init__(self, generator: components.Once[Any]) -> None:
        self.generator = generator
        gr.HTML("<h3>Finish a drawing</h3>", elem_classes="section", apply_default_css=False)
        with gr.Row():
            with gr.Column(scale=1, min_width=290):
                self.sheet = ink_pad.pad(
                    "image-generation-pad", label="Pad for half a digit", rules=3, hint="Draw a part of a digit"
                )
                with gr.Row():
                    examples = [gr.Button(name, size="sm", min_width=100) for name in HALVES]
            with gr.Column(scale=2, min_width=290):
                self.missing = gr.Radio(
                    list(MISSING.items()), value="bottom", label="What is missing", elem_id="image-generation-missing"
                )
                with gr.Row():
                    self.label = gr.Dropdown(
                        [ANY, *map(str, range(10))], value=ANY, label="What it shall become", min_width=120,
                        elem_id="image-generation-label", allow_custom_value=True,
                    )  # fmt: skip
                    self.seed = gr.Number(
                        1, label="Seed", precision=0, minimum=0, min_width=120, elem_id="image-generation-finish-seed"
                    )
                self.go = gr.Button("Finish", variant="primary", elem_id="image-generation-finish")
        self.shown, self.status = _places("image-generation-finished")
        inputs = [self.sheet, self.missing, self.label, self.seed]
        quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        given = {"fn": self.finish, "inputs": inputs, "outputs": [self.shown, self.status], **quiet}
        self.go.click(**given, trigger_mode="always_last")
        for button, name in zip(examples, HALVES, strict=True):
            filled = [self.sheet, self.missing]
            button.click(lambda chosen=name: _half(chosen), outputs=filled, **quiet).then(**given)

    def finish(self, value: str, missing: str, label: str, seed: Any) -> Iterator[dict[Any, Any]]:
        """The finished drawing, or the message about what is wrong."""

        def run(generator: Any) -> GeneratedImage:
            drawn = ink_pad.strokes(value)
            if not drawn:
                raise InputError("The pad is empty: draw a part of a digit first.", usage=True)
            found: GeneratedImage = generator.complete(
                rastered(drawn, generator.config.image_size), missing, label=label, seed=_seed(seed)
            )
            return found

        yield from _shown(self.generator, run, "finished", self.shown, self.status)


def _half(name: str) -> tuple[str, str]:
    """The pad's value for an example, and what is missing of it."""
    return json.dumps(HALVES[name]), "bottom"


def _places(name: str) -> tuple[gr.HTML, gr.HTML]:
    """Where a drawing appears, and what is said of it."""
    shown = gr.HTML(
        view.nothing("The drawing appears here."), elem_id=f"{name}-drawing", apply_default_css=False,
        css_template=view.STYLE, js_on_load=view.SCRIPT,
    )  # fmt: skip
    status = gr.HTML(
        components.status("Ready."), elem_classes="status", elem_id=f"{name}-status", apply_default_css=False
    )
    return shown, status


def _shown(
    generator: components.Once[Any], run: Callable[[Any], GeneratedImage], name: str, shown: Any, status: Any
) -> Iterator[dict[Any, Any]]:
    try:
        if not generator.done:
            yield {status: components.status("Loading the model …")}
        model = generator()
        started = time.perf_counter()
        found = run(model)
        sentence = f"{len(found.steps)} steps in {time.perf_counter() - started:.2f} s, seed {found.seed}."
        notes = (f"{note[:1].upper()}{note[1:]}." for note in found.notes)
        yield {shown: view.drawing(found, name), status: components.status(sentence, *notes)}
    except InputError as error:
        yield {shown: view.nothing("Nothing was drawn."), status: components.status(str(error), problem=True)}


def rastered(strokes: Sequence[np.ndarray], size: int) -> np.ndarray:
    """The strokes of a pad as an image [size, size] from 0 to 1, white on black, as wide as a pen's line."""
    from PIL import Image, ImageDraw

    factor = 8
    scale = size * factor / PAD
    sheet = Image.new("L", (size * factor, size * factor))
    pen, width = ImageDraw.Draw(sheet), _PEN * scale
    for stroke in strokes:
        points = [(x * scale, y * scale) for x, y in stroke.tolist()]
        pen.line(points, fill=255, width=round(width))
        for x, y in points:  # round ends and joints, and dots
            pen.ellipse([x - width / 2, y - width / 2, x + width / 2, y + width / 2], fill=255)
    return np.asarray(sheet.resize((size, size), Image.Resampling.BOX), np.float32) / 255


def _seed(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != int(value):
        raise InputError("The seed is no whole number.", usage=True)
    return int(value)


def _rows(image: Any) -> np.ndarray:
    """Rows of pixels as an array.

    Raises:
        InputError: they are none.
    """
    try:
        values = np.asarray(image, np.float64)
    except (TypeError, ValueError, OverflowError):
        values = np.zeros(0)
    if values.ndim != 2 or not 1 <= values.size <= 256 * 256 or not np.isfinite(values).all():
        raise InputError("The image is no list of rows of numbers, at most 256 of 256.", usage=True)
    if values.min() < 0 or values.max() > 255:
        raise InputError("The image has pixels outside of 0 to 255.", usage=True)
    pixels: np.ndarray = values.round().astype(np.uint8)
    return pixels
