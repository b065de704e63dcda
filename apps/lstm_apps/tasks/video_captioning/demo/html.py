"""How the tab shows a film: a timeline of its scenes with thumbnails, and the description under the playhead."""

from __future__ import annotations

import base64
import io
from html import escape

import numpy as np

from lstm_apps.demo.assets import asset
from lstm_models.results import words_html
from lstm_models.tasks.video_captioning.results import Scene, VideoCaption, picture_url

__all__ = ["SCRIPT", "empty", "film"]

SCRIPT = asset("lstm_apps.tasks.video_captioning.demo", "timeline.js")
"""Moves the playhead: by its slider, by a click on a scene, by the arrow keys."""


def empty(sentence: str) -> str:
    """The place of the timeline, while there is no film."""
    return f'<div class="film"><p class="nothing">{escape(sentence)}</p></div>'


def film(found: VideoCaption) -> str:
    """The timeline: a slider for the playhead, a button a scene as wide as it is long, and each scene's description."""
    first, last = found.scenes[0].start, found.scenes[-1].end
    buttons, panels = [], []
    for number, scene in enumerate(found.scenes):
        length = max(scene.end - scene.start, 0.02 * max(last - first, 1e-6))
        name = f"{_clock(scene.start)} to {_clock(scene.end)}: {scene.line}"
        buttons.append(
            f'<button type="button" class="shot{" doubtful" if scene.uncertain else ""}" data-number="{number}" '
            f'aria-pressed="{str(number == 0).lower()}" style="flex: {length:.3f} 1 0" title="{escape(name)}" '
            f'aria-label="{escape(name)}">{_picture(scene, 160, "")}<small>{_clock(scene.start)}</small></button>'
        )
        panels.append(_panel(scene, number))
    notes = "".join(f'<p class="note">{escape(note)}</p>' for note in found.notes)
    return (
        f'<div class="film"><div class="panels" aria-live="polite">{"".join(panels)}</div>'
        f'<input type="range" class="playhead" min="{first:.2f}" max="{max(last, first + 0.1):.2f}" step="0.1" '
        f'value="{first:.2f}" aria-label="Time in the film, in seconds">'
        f'<div class="shots">{"".join(buttons)}</div>{notes}</div>'
    )


def _panel(scene: Scene, number: int) -> str:
    hidden = " hidden" if number else ""
    flag = '<p class="flag">Uncertain: check this before you use it.</p>' if scene.uncertain else ""
    words = words_html(scene.words) or escape(scene.caption)
    sure = "" if scene.confidence is None else f", {round(100 * scene.confidence)} % sure"
    votes = f", {round(scene.votes * len(scene.frame_times))} of {len(scene.frame_times)} frames vouch for it"
    seen = ", ".join(f"{escape(one.name)} {one.probability:.0%}" for one in scene.objects[:4])
    looks = "".join(
        f'<span style="flex: 1; opacity: {0.15 + 0.85 * weight / max(scene.frame_weights):.2f}" '
        f'title="{weight:.0%} of its attention at {_clock(time)}"></span>'
        for time, weight in zip(scene.frame_times, scene.frame_weights, strict=True)
    )
    others = "".join(f"<li>{escape(text)}</li>" for text in scene.alternatives)
    return (
        f'<section class="panel" data-number="{number}" data-start="{scene.start:.3f}" '
        f'data-end="{scene.end:.3f}"{hidden}>'
        f'<div class="picture">{_picture(scene, 480, scene.caption)}{_veil(scene)}</div>'
        f'<div class="said"><p class="time">{_clock(scene.start)} – {_clock(scene.end)}{sure}{votes}</p>'
        f'<p class="sentence">{words}</p>{flag}'
        + (f'<p class="seen">Recognised: {seen}</p>' if seen else "")
        + (f'<ul class="others">{others}</ul>' if others else "")
        + f'<div class="looks" role="img" aria-label="How much each frame was looked at">{looks}</div></div></section>'
    )


def _picture(scene: Scene, side: int, alt: str) -> str:
    if scene.thumbnail is None:
        return ""
    return f'<img src="{picture_url(scene.thumbnail, side)}" alt="{escape(alt)}">'


def _veil(scene: Scene) -> str:
    """Where the sentence looked: what covers the rest of the picture."""
    maps = [word.attention for word in scene.words if word.attention is not None]
    if scene.thumbnail is None or not maps:
        return ""
    from PIL import Image

    mean = np.mean(maps, 0)
    dark = np.rint(160 * (1 - np.clip(mean / max(mean.max(), 1e-9), 0, 1))).astype(np.uint8)
    alpha = Image.fromarray(dark).resize((48, 48), Image.Resampling.BICUBIC)
    file = io.BytesIO()
    Image.merge("LA", (Image.new("L", alpha.size), alpha)).save(file, "PNG", optimize=True)
    address = "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
    return f'<img class="veil" src="{address}" alt="">'


def _clock(seconds: float) -> str:
    """A time for people.

    >>> _clock(65.4)
    '1:05.4'
    """
    tenths = round(10 * seconds)
    return f"{tenths // 600}:{tenths % 600 // 10:02}.{tenths % 10}"
