"""The video prediction tab of the demo: moving digits, or what you draw or upload, and how the film goes on.

Run: lstm-models demo video-prediction
"""

from __future__ import annotations

import time
from collections.abc import Callable
from html import escape
from typing import Any, Protocol

import gradio as gr
import numpy as np
from numpy.typing import NDArray

from lstm_apps.demo import components as tabs
from lstm_apps.demo.ink_pad import pad, strokes
from lstm_apps.tasks.video_prediction.demo import html as view
from lstm_datasets.video_prediction.drawn_shapes import DIGITS, shape_image
from lstm_datasets.video_prediction.moving_digits import paths, render_layers
from lstm_models.errors import InputError
from lstm_models.tasks.video_prediction.features import grey_frames, last_frames
from lstm_models.tasks.video_prediction.results import Forecast

__all__ = ["TITLE", "build"]

TITLE = "Video prediction"
EXAMPLES = {"3 and 8": ("38", 9), "4 and 7": ("47", 11), "A lone 5": ("5", 2), "6 crosses 9": ("69", 21)}
MOST_STEPS = 40
_GIVEN = 10
_TAKES_BYTES = 8 * 2**20
_MOST_FRAMES, _LARGEST = 100, 256
_NOTES = (
    "Ten frames are given; the model expects the rest: where a pixel is unsure, its forecast is a blur. It learnt from "
    "digits of MNIST (LeCun et al. 1998) that move straight on and are reflected at the edges, so it knows up to two "
    "bright shapes on black. The digits here are drawn. What you draw or upload stays on the machine that serves this "
    "page, and is not kept."
)


class Predictor(Protocol):
    """What the tab needs of a model; `lstm_models.tasks.video_prediction.model.VideoPredictor` is one."""

    config: Any

    def forecast(self, frames: Any, steps: int = 10) -> Any: ...


def build(load: Callable[[], Predictor] | None = None, model: str = "video-predictor") -> gr.Blocks:
    """The tab as Gradio blocks; theme and style sheet come with `lstm_apps.demo`.

    Args:
        load: gives the video predictor, called once, when the page is first opened.
        model: what to load if `load` is left out: a bundled name, a folder, or a Hugging Face Hub id.
    """
    predictor = tabs.once(load or tabs.bundled(model))
    with tabs.blocks(TITLE) as tab:
        page = _Page(predictor)
        quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        given = {
            "fn": page.show, "inputs": [page.digits, page.drawing, page.seed, page.steps],
            "outputs": [page.shown, page.status], **quiet,
        }  # fmt: skip
        page.go.click(**given, trigger_mode="always_last")
        page.digits.submit(**given, trigger_mode="always_last")
        page.steps.release(**given, trigger_mode="always_last")
        page.drawing.input(**given, trigger_mode="always_last")
        page.other.click(lambda seed: (int(seed or 0) + 1) % 100_000, page.seed, page.seed, **quiet).then(**given)
        for button, example in zip(page.examples, EXAMPLES.values(), strict=True):
            button.click(
                lambda chosen=example: [*chosen, "[]"], outputs=[page.digits, page.seed, page.drawing], **quiet
            ).then(**given)
        page.upload.upload(page.opened, [page.upload, page.steps], [page.shown, page.status], **quiet)
        tab.load(**given)

        def predict_video(frames: list, steps: int = 10) -> dict:  # type: ignore[type-arg]  # Gradio reads this
            """How a film goes on: expected frames and the spread of their pixels, 0 to 255, and the shapes' paths.

            Frames are lists of rows of numbers from 0 to 255; the model knows up to two bright shapes on black.
            """
            try:
                found = predictor().forecast(_numbers(frames), _checked_steps(steps))
            except InputError as error:
                raise gr.Error(escape(str(error)), print_exception=False) from error
            return {
                "frames": np.round(found.frames * 255).astype(int).tolist(),
                "spread": np.round(found.spread * 255).astype(int).tolist(),
                "paths": np.round(found.paths.astype(float), 2).tolist(),
                "expected_squared_error": np.round((found.spread.astype(float) ** 2).sum((1, 2)), 2).tolist(),
                "notes": list(found.notes),
            }

        predict_video.takes_bytes = _TAKES_BYTES  # type: ignore[attr-defined]
        gr.api(predict_video, api_name="predict_video")
    return tab


class _Page:
    """The elements of the tab, and what fills them."""

    def __init__(self, predictor: tabs.Once[Any]) -> None:
        self.predictor = predictor
        digits, seed = next(iter(EXAMPLES.values()))
        with gr.Row():
            self.examples = [gr.Button(name, size="sm", min_width=100) for name in EXAMPLES]
        with gr.Row():
            with gr.Column(scale=1):
                self.digits = gr.Textbox(
                    digits, label="Digits that move (one or two)", max_length=2, elem_id="video-prediction-digits"
                )
                self.drawing = pad(
                    "video-prediction-drawing", label="A shape of your own", rules=2,
                    hint="Draw a shape: it moves in place of the first digit",
                )  # fmt: skip
                self.steps = gr.Slider(1, MOST_STEPS, 10, step=1, label="Steps", elem_id="video-prediction-steps")
                self.seed = gr.Number(seed, visible="hidden", precision=0)
                with gr.Row():
                    self.go = gr.Button("Forecast", variant="primary", elem_id="video-prediction-go")
                    self.other = gr.Button("Other paths", elem_id="video-prediction-other")
                self.upload = gr.UploadButton("Open a film", size="sm", elem_id="video-prediction-file")
            with gr.Column(scale=2):
                self.shown = gr.HTML(
                    view.nothing("The film appears here."), elem_id="video-prediction-film", apply_default_css=False,
                    css_template=view.STYLE, js_on_load=view.SCRIPT,
                )  # fmt: skip
        self.status = gr.HTML(
            tabs.status("Ready."), elem_classes="status", elem_id="video-prediction-status", apply_default_css=False
        )
        gr.HTML(f"<p>{escape(_NOTES)}</p>", elem_classes="fine-print", apply_default_css=False)

    def show(self, digits: str, drawing: str, seed: float, steps: float) -> dict[Any, Any]:
        """Moving digits and how they go on, or the message about what is wrong."""
        try:
            count = _checked_steps(steps)
            film = _moving(_shapes(digits, drawing), int(seed or 0), _GIVEN + count)
            return self._forecast(film[:_GIVEN], count, film[_GIVEN:].astype(np.float32) / np.float32(255))
        except InputError as error:
            return self._problem(error)

    def opened(self, path: str, steps: float) -> dict[Any, Any]:
        """How a film goes on; of one with enough frames the last ones are held against the forecast."""
        try:
            count = _checked_steps(steps)
            frames = last_frames(path, _GIVEN + count).pixels
            if len(frames) < _GIVEN + count:
                return self._forecast(frames, count, None)
            config = self.predictor().config
            truth = grey_frames(frames[_GIVEN:], config.height, config.width)
            return self._forecast(frames[:_GIVEN], count, truth)
        except InputError as error:
            return self._problem(error)

    def _forecast(self, film: NDArray[np.uint8], steps: int, truth: NDArray[np.float32] | None) -> dict[Any, Any]:
        started = time.perf_counter()
        found = self.predictor().forecast(film, steps)
        seconds = time.perf_counter() - started
        notes = (f"{note[:1].upper()}{note[1:]}." for note in found.notes)
        return {
            self.shown: view.player(found, truth),
            self.status: tabs.status(f"{_figures(found, truth)} In {seconds:.2f} s.", *notes),
        }

    def _problem(self, error: InputError) -> dict[Any, Any]:
        return {
            self.shown: view.nothing("Nothing was forecast."),
            self.status: tabs.status(str(error), problem=True),
        }


def _figures(found: Forecast, truth: NDArray[np.float32] | None) -> str:
    expected = float((found.spread.astype(float) ** 2).sum((1, 2)).mean())
    if truth is None:
        return f"Squared error a frame: {expected:.0f} expected."
    error = float(np.square(found.frames - truth).sum((1, 2)).mean())
    copied = float(np.square(found.given[-1] - truth).sum((1, 2)).mean())
    sentence = f"Squared error a frame: {error:.0f}, expected {expected:.0f}"
    return f"{sentence}; {copied:.0f} if the last frame were just repeated."


def _checked_steps(steps: Any) -> int:
    if not isinstance(steps, (int, float)) or not 1 <= steps <= MOST_STEPS or steps != int(steps):
        raise InputError(f"the demo forecasts 1 to {MOST_STEPS} steps", usage=True)
    return int(steps)


def _shapes(digits: str, drawing: str) -> NDArray[np.uint8]:
    """Images of the digits; what was drawn comes in place of the first one."""
    chosen = list("".join(tabs.checked_text(digits or "").split()))
    if not all(name in DIGITS for name in chosen) or len(chosen) > 2:
        raise InputError("one or two digits, 0 to 9, are expected", usage=True)
    drawn = strokes(drawing, "The pad")
    images = ([shape_image(drawn)] if drawn else [])[:1] + [shape_image(DIGITS[name]) for name in chosen]
    if drawn and len(chosen) == 2:
        del images[1]
    if not images:
        raise InputError("there is nothing to move yet: write one or two digits, or draw a shape", usage=True)
    return np.stack(images)


def _moving(images: NDArray[np.uint8], seed: int, frames: int) -> NDArray[np.uint8]:
    return np.asarray(render_layers(images, paths(np.random.default_rng(seed), len(images), frames)).max(0))


def _numbers(frames: Any) -> NDArray[np.uint8]:
    """Frames that a script sent as lists of numbers."""
    try:
        values = np.asarray(frames, np.float64)
    except (TypeError, ValueError):
        values = np.zeros(0)
    if values.ndim != 3 or not values.size or not np.isfinite(values).all() or values.min() < 0 or values.max() > 255:
        raise InputError("frames are a list of frames of one size, each a list of rows of numbers from 0 to 255")
    if len(values) > _MOST_FRAMES or max(values.shape) > _LARGEST:
        raise InputError(f"the demo takes {_MOST_FRAMES} frames of {_LARGEST} × {_LARGEST} pixels at most")
    return np.round(values).astype(np.uint8)
