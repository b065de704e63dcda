"""How the image generation tab shows a drawing: each step with its windows, to play or to step through, and files."""

from __future__ import annotations

import base64
from html import escape

from lstm_apps.demo.assets import asset
from lstm_models.tasks.image_generation.results import GeneratedImage

__all__ = ["SCRIPT", "STYLE", "drawing", "nothing"]

STYLE = asset("lstm_apps.tasks.image_generation.demo", "drawing.css")
SCRIPT = asset("lstm_apps.tasks.image_generation.demo", "drawing.js")


def nothing(sentence: str) -> str:
    """The place of the drawing, while there is none."""
    return f'<div class="drawing"><p class="waiting">{escape(sentence)}</p></div>'


def drawing(found: GeneratedImage, name: str) -> str:
    """The drawing with its player, and links to its files, which need no server; ``name`` is that of the files."""
    count = len(found.steps)
    player = (
        '<div class="drive"><button type="button" class="play">Play</button>'
        f'<input type="range" min="1" max="{count + 1}" value="{count + 1}" step="1" aria-label="Step of the drawing">'
        "<output>finished</output></div>"
    )
    read = '<i class="read"></i>where it looked' if found.looked else ""
    legend = f'<p class="legend"><i class="write"></i>where it draws{read}</p>'
    shown = found.stepped_svg(scale=10) + player + legend + _saves(found, name)
    return f'<div class="drawing" data-steps="{count}">{shown}</div>'


def _saves(found: GeneratedImage, name: str) -> str:
    links = []
    for suffix, kind in (("gif", "image/gif"), ("svg", "image/svg+xml"), ("png", "image/png")):
        data = base64.b64encode(found.encoded(f".{suffix}")).decode()
        links.append(
            f'<a download="{escape(name)}.{suffix}" href="data:{kind};base64,{data}">Save {suffix.upper()}</a>'
        )
    return f'<div class="saves">{"".join(links)}</div>'
