"""Pictures of tensors as PNG files within the page, and line plots as SVG whose text is the page's own.

Dark is nothing: a closed gate, a state of zero. So the pictures look right on a light and on a dark page.
"""

from __future__ import annotations

import base64
import functools
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

__all__ = ["Curve", "heat", "order", "packed", "plot"]

_GATE = ((0.0, "#10131f"), (0.35, "#2f4a8f"), (0.7, "#86a6de"), (1.0, "#fff3d0"))
_SIGNED = ((0.0, "#b7dcff"), (0.25, "#3f74c8"), (0.5, "#10131f"), (0.75, "#c0601c"), (1.0, "#ffd9a3"))


@functools.cache
def _palette(signed: bool) -> bytes:
    """256 colours for Pillow."""
    places, names = zip(*(_SIGNED if signed else _GATE), strict=True)
    colours = np.array([[int(name[k : k + 2], 16) for k in (1, 3, 5)] for name in names])
    channels = [np.interp(np.linspace(0, 1, 256), places, colours[:, k]) for k in range(3)]
    return np.round(np.stack(channels, 1)).astype(np.uint8).tobytes()


def heat(values: np.ndarray, low: float, high: float, *, signed: bool = False) -> str:
    """The address of a PNG with a pixel for each value ``[row, column]``; what lies beyond ``low`` to ``high`` is cut.

    ``signed`` has two colours that meet dark in the middle.
    """
    from PIL import Image

    shares = np.clip((values - low) / max(high - low, 1e-9), 0, 1)
    image = Image.fromarray(np.round(255 * shares).astype(np.uint8), "L")
    image.putpalette(_palette(signed))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def packed(values: np.ndarray) -> str:
    """HTML attributes with the numbers for the page's script: 16-bit whole numbers and the scale that undoes them."""
    scale = max(float(np.abs(values).max(initial=0)), 1e-6) / 32767
    numbers = np.round(values / scale).astype("<i2").tobytes()
    return f'data-scale="{scale:.9g}" data-values="{base64.b64encode(numbers).decode()}"'


def order(layer: dict[str, np.ndarray], count: int, by: str) -> np.ndarray:
    """The units to show: the ``count`` whose tanh(c) varies most, sorted. (c itself may grow without bound.)

    Args:
        layer: activations [time, units] by name.
        count: how many at most.
        by: "peak", when tanh(c) is farthest from its mean; "memory", the mean of the forget gate, longest
            memory first; "likeness", the angle in the plane of the first two principal components, so that units with
            a like course lie together.
    """
    cell = np.tanh(layer["cell"])
    shown = np.sort(np.argsort(-cell.std(0), kind="stable")[:count])
    course = (cell - cell.mean(0))[:, shown] / (cell.std(0)[shown] + 1e-9)
    if by == "memory":
        key = -layer["forget"].mean(0)[shown]
    elif by == "likeness":
        _, _, parts = np.linalg.svd(course, full_matrices=False)
        key = np.arctan2(*parts[1::-1]) if len(parts) > 1 else parts[0]
    else:
        key = np.abs(course).argmax(0)
    return shown[np.argsort(key, kind="stable")]


@dataclass(frozen=True)
class Curve:
    """A line of a plot: its name, its points, and which of the style sheet's lines it is drawn as."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    kind: str


def plot(
    curves: Sequence[Curve],
    about: str,
    *,
    x: tuple[float, float],
    y: tuple[float, float],
    names: tuple[str, str],
    level: tuple[float, str] | None = None,
) -> str:
    """Curves over a logarithmic scale; text is HTML, so that it keeps its size on a phone.

    Args:
        curves: what is drawn; what lies outside is cut, zeros lie at the bottom.
        about: what a screen reader reads out.
        x: first and last place.
        y: lowest and highest value, powers of ten.
        names: of the two axes.
        level: a value marked by a line across, with its name.
    """
    (left, right), (bottom, top) = x, (math.log10(value) for value in y)

    def place(across: float, value: float) -> tuple[float, float]:
        height = (math.log10(max(value, 1e-300)) - bottom) / (top - bottom)
        return 1000 * (across - left) / max(right - left, 1e-9), 1000 * (1 - min(max(height, -0.02), 1.02))

    lines = []
    for curve in curves:
        points = " ".join(
            "{:.1f},{:.1f}".format(*place(*point)) for point in zip(curve.x, curve.y, strict=True)
        )  # fmt: skip
        lines.append(f'<polyline class="{curve.kind}" points="{points}"/>')
    across = ""
    if level is not None:
        at = place(left, level[0])[1]
        lines.append(f'<polyline class="level" points="0,{at:.1f} 1000,{at:.1f}"/>')
        across = f'<span class="level" style="top: {at / 10:.2f}%">{escape(level[1])}</span>'
    decades = round(top - bottom)
    every = max(1, -(-decades // 6))
    rows = "".join(
        f'<span style="top: {100 * k / decades:.2f}%"><i></i>{_power(round(top) - k)}</span>'
        for k in range(0, decades + 1, every)
    )
    step = _step(right - left)
    ticks = [left, *(k * step for k in range(math.floor(left / step) + 1, math.floor(right / step) + 1))]
    if len(ticks) > 1 and ticks[1] - ticks[0] < 0.6 * step:  # 0 or 1 would lie upon the next one
        ticks = ticks[1:] if left else [ticks[0], *ticks[2:]]
    columns = "".join(f'<span style="left: {place(at, 1)[0] / 10:.2f}%">{at:g}</span>' for at in ticks)
    legend = "".join(f'<li><i class="{curve.kind}"></i>{escape(curve.name)}</li>' for curve in curves)
    return (
        f'<figure class="plot" role="img" aria-label="{escape(about)}"><ul class="key">{legend}</ul>'
        f'<p class="axis">{escape(names[1])}</p><div class="area"><div class="rows">{rows}</div>'
        f'<svg viewBox="0 0 1000 1000" preserveAspectRatio="none" aria-hidden="true">{"".join(lines)}</svg>{across}'
        f'</div><div class="columns">{columns}</div><p class="axis last">{escape(names[0])}</p></figure>'
    )


def _step(span: float) -> float:
    """A round distance of ticks, about five of them."""
    rough = max(span / 5, 1e-9)
    power = 10 ** math.floor(math.log10(rough))
    return max(1.0, next(float(factor * power) for factor in (1, 2, 5, 10) if factor * power >= rough))


def _power(exponent: int) -> str:
    return "1" if exponent == 0 else f"10<sup>{'−' if exponent < 0 else ''}{abs(exponent)}</sup>"
