"""``GeneratedImage``: a picture, how it was drawn step by step, and where the windows were; saved as files."""

from __future__ import annotations

import base64
import io
import os
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lstm_models.errors import InputError
from lstm_models.io.atomic_write import one_line
from lstm_models.io.film_writing import WRITTEN_SUFFIXES, encode_film
from lstm_models.io.save_formats import save_by_suffix

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["SUFFIXES", "GeneratedImage", "Likelihood", "Window"]

SUFFIXES = (".gif", ".webp", *WRITTEN_SUFFIXES, ".svg", ".png", ".jpg", ".json", ".npy")
SCALE = 8  # pixels of a file for one of the image
_WRITE, _READ = "#ff9f1c", "#2ec4b6"
_STEP_MS, _HOLD_MS = 160, 1600
_FONT, _LINE = 3.2, 4.2  # height of letters and of a line beneath an image, in its pixels


class Window(NamedTuple):
    """Where a step looked or drew, in pixels of the image from its left upper corner."""

    x: float
    """Centre, to the right."""
    y: float
    """Centre, downwards."""
    side: float
    """Length of a side of the grid of Gaussians."""
    blur: float
    """Standard deviation of each Gaussian."""


class Likelihood(NamedTuple):
    """How probable images are, in nats (natural logarithms)."""

    bound: np.ndarray
    """Lower bound on log p of each image [images], float32."""
    importance_weighted: np.ndarray
    """A tighter bound from several drawings, likewise; with one drawing it is noisy."""


@dataclass(frozen=True, eq=False)
class GeneratedImage:
    """An image that was drawn, or finished.

    Attributes:
        image: float32 [height, width] from 0, black, to 1, white; several digits stand side by side.
        steps: float32 [steps, height, width], the canvas after every step.
        attention: of every step the writing windows, one for each digit.
        label: what was wanted, such as "7", "42" or "any".
        seed: with which the same image comes again.
        looked: of every step the reading windows, where an image was finished; else empty.
        missing: which pixels were filled in [height, width], where an image was finished; else None.
        notes: what to know about the result.
        words: of the sentence that said what to draw, if one did.
        word_attention: float32 [steps, words], how much each step heeded each word; rows sum to 1.
    """

    image: np.ndarray
    steps: np.ndarray
    attention: tuple[tuple[Window, ...], ...]
    label: str
    seed: int
    looked: tuple[tuple[Window, ...], ...] = ()
    missing: np.ndarray | None = None
    notes: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    word_attention: np.ndarray | None = None

    def __str__(self) -> str:
        height, width = self.image.shape
        return f"“{self.label}”, {width} × {height} pixels in {len(self.steps)} steps (seed {self.seed})"

    def picture(self, scale: int = 1) -> Image:
        """The image as a grey Pillow image, each pixel a square of so many."""
        return _enlarged(self.image, scale)

    def frames(self, scale: int = SCALE) -> list[Image]:
        """Each step as a Pillow image in colour, its windows drawn in, and at the end the image without them."""
        frames = [self._frame(step, scale) for step in range(len(self.steps))] + [self.picture(scale).convert("RGB")]
        return [self._with_words(frame, step, scale) for step, frame in enumerate(frames)] if self.words else frames

    def by_word(self) -> np.ndarray:
        """What was drawn while each word was heeded, float32 [words, height, width]: of every step how much whiter it
        made each pixel, as far as it heeded the word. No rows where no sentence said what to draw."""
        if self.word_attention is None:
            return np.zeros((0, *self.image.shape), np.float32)
        drawn = np.diff(self.steps, axis=0, prepend=np.zeros_like(self.steps[:1])).clip(0)
        made: np.ndarray = np.einsum("sw,shx->whx", self.word_attention, drawn)
        return made

    def _frame(self, step: int, scale: int) -> Image:
        from PIL import ImageDraw

        frame = _enlarged(self.steps[step], scale).convert("RGB")
        pen = ImageDraw.Draw(frame)
        for color, windows in ((_READ, self.looked), (_WRITE, self.attention)):
            for window in windows[step] if windows else ():
                half = window.side / 2
                box = [window.x - half, window.y - half, window.x + half, window.y + half]
                pen.rectangle([scale * each for each in box], outline=color, width=max(1, scale // 5))
        return frame

    def _with_words(self, frame: Image, step: int, scale: int) -> Image:
        """A frame with the sentence beneath it, each word as bright as the step heeds it; whole after the last step."""
        from PIL import Image as images
        from PIL import ImageDraw, ImageFont

        size = max(8, round(_FONT * scale))
        font, lines = ImageFont.load_default(size), self._lines()
        height = round(_LINE * scale)
        made = images.new("RGB", (frame.width, frame.height + height * len(lines) + height // 2), "black")
        made.paste(frame)
        pen = ImageDraw.Draw(made)
        for row, line in enumerate(lines):
            x = scale * 1.0
            for number in line:
                level = round(255 * self._shown(step, number))
                pen.text((x, frame.height + height * row), self.words[number], (level, level, level), font)
                x += pen.textlength(self.words[number] + " ", font)
        return made

    def _lines(self) -> list[list[int]]:
        """Numbers of the words of each line beneath the image."""
        lines: list[list[int]] = [[]]
        used, fits = 0, max(8, int(self.image.shape[1] / _FONT / 0.56))  # letters, about as wide as half their height
        for number, word in enumerate(self.words):
            if lines[-1] and used + len(word) > fits:
                lines.append([])
                used = 0
            lines[-1].append(number)
            used += len(word) + 1
        return lines

    def _shown(self, step: int, word: int) -> float:
        """How bright a word is at a step, 0 to 1; after the last step every word is."""
        if self.word_attention is None or step >= len(self.word_attention):
            return 1.0
        weights = self.word_attention[step]
        return 0.25 + 0.75 * float(weights[word] / weights.max())

    def svg(self, *, animated: bool = True, scale: int = SCALE) -> str:
        """The image as SVG; animated, it shows each step with its windows, again and again.

        Where a reader asks for less motion, the finished image stands still.
        """
        parts = []
        if animated:
            name = f"draw{zlib.crc32(self.steps.tobytes()):08x}"  # a page may hold several
            total = len(self.steps) * _STEP_MS + _HOLD_MS
            shown = 100 * _STEP_MS / total
            rules = f"@keyframes {name}{{0%{{opacity:1}}{shown:.3f}%,100%{{opacity:0}}}}"
            rules += f".{name}{{opacity:0;animation:{name} {total}ms step-end infinite}}"
            rules += f"@media (prefers-reduced-motion:reduce){{.{name}{{animation:none}}}}"
            parts.append(f"<style>{rules}</style>")
            for step, canvas in enumerate(self.steps):
                inside = _svg_image(canvas) + self._windows_svg(step) + self._words_svg(step)
                parts.append(f'<g class="{name}" style="animation-delay:{step * _STEP_MS}ms">{inside}</g>')
        return self._svg(parts, scale) + "\n"

    def stepped_svg(self, scale: int = SCALE) -> str:
        """The image as SVG with a hidden group ``step`` for every step, from 1, for a page that shows them in turn."""
        groups = []
        for step, canvas in enumerate(self.steps):
            inside = _svg_image(canvas) + self._windows_svg(step) + self._words_svg(step)
            groups.append(f'<g class="step" data-step="{step + 1}" visibility="hidden">{inside}</g>')
        return self._svg(groups, scale)

    def _svg(self, parts: Sequence[str], scale: int) -> str:
        height, width = self.image.shape
        tall = height + (_LINE * (len(self._lines()) + 0.5) if self.words else 0)
        size = f'viewBox="0 0 {width} {tall:g}" width="{scale * width}" height="{scale * tall:g}"'
        head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{escape(self._alt())}">'
        whole = _svg_image(self.image) + self._words_svg(len(self.steps))
        return head + whole + "".join(parts) + "</svg>"

    def _words_svg(self, step: int) -> str:
        """The sentence beneath the image, each word as bright as the step heeds it, on black."""
        if not self.words:
            return ""
        height, width = self.image.shape
        below = _LINE * (len(self._lines()) + 0.5)
        parts = [f'<rect y="{height}" width="{width}" height="{below:g}"/>']
        for row, line in enumerate(self._lines()):
            spans = "".join(
                f'<tspan fill-opacity="{self._shown(step, number):.2f}">{escape(self.words[number])} </tspan>'
                for number in line
            )
            y = height + _LINE * (row + 0.75)
            parts.append(
                f'<text x="1" y="{y:g}" font-size="{_FONT}" font-family="sans-serif" fill="#fff">{spans}</text>'
            )
        return "".join(parts)

    def _windows_svg(self, step: int) -> str:
        """The windows of a step as SVG elements, in pixels of the image."""
        return "".join(
            f'<rect x="{each.x - each.side / 2:.2f}" y="{each.y - each.side / 2:.2f}" width="{each.side:.2f}" '
            f'height="{each.side:.2f}" fill="none" stroke="{color}" stroke-width="0.4"/>'
            for color, windows in ((_READ, self.looked), (_WRITE, self.attention))
            for each in (windows[step] if windows else ())
        )

    def _alt(self) -> str:
        about = f" of {self.label}" if self.label != "any" else ""
        return f"A drawing{about} in {len(self.steps)} steps"

    def save(self, path: str | os.PathLike[str], *, scale: int = SCALE) -> Path:
        """Writes a file, whole or not at all: .gif, .webp, .mp4, .webm and .svg show the drawing as it happens, .png
        and .jpg the image, .json all numbers, .npy the image as float32.

        Raises:
            InputError: the name ends in something else, ``scale`` is not 1 to 64, or the file cannot be written.
        """
        if not 1 <= scale <= 64:
            raise InputError(f"scale must be from 1 to 64, not {scale}", usage=True)
        formats = {suffix: partial(self.encoded, suffix, scale) for suffix in SUFFIXES}
        return save_by_suffix(path, formats, "a drawing")

    def encoded(self, suffix: str, scale: int = SCALE) -> bytes:
        """The content of a file whose name ends in one of ``SUFFIXES``; see ``save``."""
        formats: dict[str, Callable[[], bytes]] = {
            ".gif": lambda: self._animation("GIF", scale),
            ".webp": lambda: self._animation("WEBP", scale),
            ".mp4": lambda: self._film(".mp4", scale),
            ".webm": lambda: self._film(".webm", scale),
            ".svg": lambda: self.svg(scale=scale).encode(),
            ".png": lambda: _bytes(self.picture(scale), "PNG"),
            ".jpg": lambda: _bytes(self.picture(scale), "JPEG", quality=92),
            ".json": lambda: self.json(steps=True).encode(),
            ".npy": lambda: _npy(self.image),
        }
        return formats[suffix]()

    def _animation(self, kind: str, scale: int) -> bytes:
        first, *others = self.frames(scale)
        durations = [_STEP_MS] * len(self.steps) + [_HOLD_MS]
        options: dict[str, Any] = {"lossless": True} if kind == "WEBP" else {"disposal": 1}
        return _bytes(first, kind, save_all=True, append_images=others, duration=durations, loop=0, **options)

    def _film(self, suffix: str, scale: int) -> bytes:
        return encode_film(self.frames(scale), suffix, rate=1000 / _STEP_MS, hold=_HOLD_MS / 1000)

    def as_dict(self, *, steps: bool = False) -> dict[str, Any]:
        """What JSON can hold: the image as rows of whole numbers 0 to 255, the windows; with ``steps`` each canvas."""
        made: dict[str, Any] = {
            "label": self.label,
            "seed": self.seed,
            "width": self.image.shape[1],
            "height": self.image.shape[0],
            "image": _levels(self.image).tolist(),
            "windows": _rounded(self.attention),
        }
        if self.looked:
            made["reading_windows"] = _rounded(self.looked)
        if self.missing is not None:
            made["missing"] = self.missing.astype(int).tolist()
        if self.word_attention is not None:
            made |= {"words": list(self.words), "word_attention": self.word_attention.astype(float).round(3).tolist()}
        if steps:
            made["steps"] = _levels(self.steps).tolist()
        return {**made, "notes": list(self.notes)} if self.notes else made

    def json(self, *, steps: bool = False) -> str:
        """One line of JSON."""
        return one_line({"format": "lstm-models image", "version": 1, **self.as_dict(steps=steps)}) + "\n"

    def _repr_png_(self) -> bytes:
        return _bytes(self.picture(SCALE), "PNG")

    def _repr_html_(self) -> str:
        """The drawing as it happens, for a notebook."""
        return self.svg()


def _levels(values: np.ndarray) -> np.ndarray:
    levels: np.ndarray = (values * 255).round().clip(0, 255).astype(np.uint8)
    return levels


def _enlarged(values: np.ndarray, scale: int) -> Image:
    from PIL import Image

    return Image.fromarray(np.kron(_levels(values), np.ones((scale, scale), np.uint8)))


def _bytes(image: Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _npy(values: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, values)
    return buffer.getvalue()


def _svg_image(values: np.ndarray) -> str:
    height, width = values.shape
    data = base64.b64encode(_bytes(_enlarged(values, 1), "PNG", optimize=True)).decode()
    style = "image-rendering:pixelated"
    return f'<image width="{width}" height="{height}" style="{style}" href="data:image/png;base64,{data}"/>'


def _rounded(windows: Sequence[Sequence[Window]]) -> list[list[dict[str, float]]]:
    return [[{name: round(value, 2) for name, value in each._asdict().items()} for each in step] for step in windows]
