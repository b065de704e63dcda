"""How the video prediction tab shows a forecast: the film, the forecast and how unsure it is, side by side, to play.

The frames of each panel are one picture, a column of frames, of which the script shows one at a time.
"""

from __future__ import annotations

import base64
import io
from html import escape

import numpy as np
from numpy.typing import NDArray

from lstm_apps.demo.assets import asset
from lstm_models.tasks.video_prediction.results import Forecast, heat

__all__ = ["SCRIPT", "STYLE", "nothing", "player"]

STYLE = asset("lstm_apps.tasks.video_prediction.demo", "video_prediction.css")
SCRIPT = asset("lstm_apps.tasks.video_prediction.demo", "video_prediction.js")

_COLOURS = np.array([(255, 150, 60), (80, 170, 255), (120, 230, 120), (240, 120, 240), (240, 230, 90)], np.float32)


def nothing(sentence: str) -> str:
    """The place of the film, while there is none."""
    return f'<div class="forecast"><p class="waiting">{escape(sentence)}</p></div>'


def player(found: Forecast, truth: NDArray[np.float32] | None) -> str:
    """The panels, and the controls below them.

    Args:
        found: the forecast.
        truth: float32 [steps, height, width] what came in fact; None where nobody knows.
    """
    given, steps = len(found.given), len(found.frames)
    known = _grey(found.given)
    black = np.zeros_like(known[:1]).repeat(steps, 0)
    panels = [
        ("The film", np.concatenate([known, black if truth is None else _grey(truth)])),
        ("The forecast", np.concatenate([known, _grey(found.frames)])),
        ("How unsure", np.concatenate([np.zeros_like(known), heat(found.spread)])),
    ]
    if len(found.layers):
        panels.append(("What moves", np.concatenate([np.zeros_like(known), _tinted(found.layers)])))
    figures = "".join(_panel(title, frames) for title, frames in panels)
    return (
        f'<div class="forecast" data-given="{given}" data-steps="{steps}"><div class="panels">{figures}</div>'
        '<p class="controls"><button type="button" class="play" aria-label="Play or pause">Pause</button>'
        f'<input type="range" min="0" max="{given + steps - 1}" value="0" aria-label="Frame">'
        '<output aria-live="off"></output></p></div>'
    )


def _panel(title: str, frames: NDArray[np.uint8]) -> str:
    from PIL import Image

    made = io.BytesIO()
    Image.fromarray(frames.reshape(-1, *frames.shape[2:])).save(made, format="PNG")
    data = base64.b64encode(made.getvalue()).decode()
    shape = f"--frames: {len(frames)}; aspect-ratio: {frames.shape[2]} / {frames.shape[1]}"
    return (
        f'<figure><div class="frame" role="img" aria-label="{title}" '
        f'style="background-image: url(data:image/png;base64,{data}); {shape}"></div>'
        f"<figcaption>{title}</figcaption></figure>"
    )


def _grey(frames: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.repeat(np.round(frames.clip(0, 1) * 255).astype(np.uint8)[..., None], 3, -1)


def _tinted(layers: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Layers [objects, steps, height, width], each in a colour of its own."""
    mixed = sum(layer[..., None] * colour for layer, colour in zip(layers, _COLOURS, strict=False))
    return np.asarray(np.round(np.clip(mixed, 0, 255)), np.uint8)
