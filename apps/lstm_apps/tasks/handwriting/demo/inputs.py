"""The inputs of the writing panel: values from a page or a script, checked, with a message for each that is wrong.

Whose hand writes (`hand`), how its ink looks (`look`), on what pages (`sheet`) and with what plotter (`plotter`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lstm_models.errors import InputError
from lstm_models.ink.page import PageOptions
from lstm_models.ink.plotter import PlotterOptions
from lstm_models.io.atomic_write import shown
from lstm_models.tasks.handwriting.styles import Style

__all__ = ["CUSTOM_STYLE", "INK", "Look", "hand", "look", "number", "plotter", "sheet"]

CUSTOM_STYLE = "your own hand"
"""What the style is called that was fitted in the other panel, or opened from a file."""
INK = "#1a2a5c"
PIXEL_MM = 25.4 / 96
_LONGEST_COLOR = 100  # characters


@dataclass(frozen=True)
class Look:
    """How the ink looks.

    Attributes:
        width: of the line, in pixels.
        color: such as #1a2a5c.
        kind: plain, or pressure: wider where the pen was slower.
    """

    width: float = 1.6
    color: str = INK
    kind: str = "plain"

    @property
    def shown(self) -> str:
        """The colour on the demo's page: the page's own, light or dark, where no other was chosen."""
        return "currentColor" if self.color == INK else self.color


def number(name: str, value: Any, lowest: float, highest: float) -> float:
    """The value as a number.

    Raises:
        InputError: it is none, or out of its range.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise InputError(f"{name} must be a number from {lowest:g} to {highest:g}.", usage=True)
    if not lowest <= value <= highest:
        raise InputError(f"{name} must lie between {lowest:g} and {highest:g}, not {value:g}.", usage=True)
    return float(value)


def text(value: Any) -> str:
    """The text to write.

    Raises:
        InputError: it is none.
    """
    if not isinstance(value, str) or not value.strip():
        raise InputError("there is no text to write", usage=True)
    return value.encode("utf-8", "replace").decode()  # half a character could not be sent back


def hand(writer: Any, style: Any, other: Any = "", share: Any = 0.5, custom: str | None = None) -> str | Style | None:
    """Whose hand is meant, as `HandwritingWriter.write` takes it: learnt styles, mixes of them, and the own one.

    A name is never taken for a file: anybody may send one.

    Args:
        writer: the model.
        style: a name; several joined by +, each with a share after a colon or all without; `CUSTOM_STYLE`; nothing
            for the usual hand.
        other: of a second one, to mix with; nothing for none.
        share: of the second, 0 to 1.
        custom: the style that `CUSTOM_STYLE` stands for, as JSON.

    Raises:
        InputError: there is no such style, or the share is out of range.
    """
    one = _hand(writer, style, custom)
    if not other:
        return one
    two = _hand(writer, other, custom)
    share = number("The share of the second style", share, 0, 1)
    if share == 0 or one == two:
        return one
    if share == 1:
        return two
    first = next(iter(writer.styles), "") if one is None else one
    plain = all(isinstance(each, str) and "+" not in each for each in (first, two))
    return f"{first}:{1 - share:.3g}+{two}:{share:.3g}" if plain else writer.mix(first, two, share)


def _hand(writer: Any, style: Any, custom: str | None) -> str | Style | None:
    if style is None or style == "":
        return None
    if not isinstance(style, str) or len(style) > 1_000:
        raise InputError("A style is a name, such as those of the gallery.", usage=True)
    if style == CUSTOM_STYLE:
        if not custom:
            raise InputError("There is no hand of your own yet: write a few lines in the panel for it.", usage=True)
        return Style.from_json(custom, name="Your own hand")
    known = {*writer.styles, *getattr(getattr(writer, "config", None), "styles", ())}
    names = (
        [style]
        if style in known
        else [part.rpartition(":")[0].strip() if ":" in part else part.strip() for part in style.split("+")]
    )
    for name in names:
        if name not in known:
            styles = ", ".join(list(writer.styles)[:12]) or "none, this writer learnt no styles"
            raise InputError(f"there is no style “{shown(name)[:60]}”; the styles are: {styles}", usage=True)
    return style


def look(width: Any = 1.6, color: Any = INK, kind: Any = "plain") -> Look:
    """How the ink looks.

    Raises:
        InputError: the width is out of range, the colour none, or the kind unknown.
    """
    if kind not in ("plain", "pressure"):
        raise InputError("A line is plain or pressure.", usage=True)
    return Look(number("The width of the line", width, 0.3, 8), _color(color), kind)


def _color(value: Any) -> str:
    """The colour as #rrggbb: what a page's colour picker gives may be written in other ways."""
    from PIL import ImageColor

    try:
        if not isinstance(value, str) or len(value) > _LONGEST_COLOR:  # before any pattern sees it
            raise ValueError
        rounded = re.sub(r"(\d+\.\d+)", lambda match: str(round(float(match[1]))), value)
        red, green, blue = ImageColor.getrgb(re.sub(r"^rgba\((.*),[^,]*\)$", r"rgb(\1)", rounded.strip()))[:3]
        return f"#{red:02x}{green:02x}{blue:02x}"
    except (ValueError, TypeError):
        raise InputError("The colour must be one such as #1a2a5c or navy.", usage=True) from None


def sheet(
    size: Any, margins: Any, line_height: Any, align: Any, paper: Any, pen: float, custom: Sequence[Any] = ()
) -> PageOptions:
    """The paper.

    Args:
        size: a name, or width x height in mm.
        margins: in mm.
        line_height: in mm; the letters take their size from it.
        align: left, right, center or justify.
        paper: blank, ruled or squared.
        pen: width of the line in pixels.
        custom: width and height in mm, instead of `size`.

    Raises:
        InputError: as `PageOptions`; a value is no number.
    """
    if custom:
        size = "x".join(f"{number(f'The {name} of the page in mm', side, 50, 1200):g}"
                        for name, side in zip(("width", "height"), custom, strict=True))  # fmt: skip
    if not isinstance(size, str):
        raise InputError("The size of a page is a4, a5, letter or width x height in mm.", usage=True)
    height = number("The line height in mm", line_height, 3, 100)
    return PageOptions(
        size=size[:40].lower(),
        margins=number("The margins in mm", margins, 0, 600),
        line_height=height,
        x_height=round(max(0.8, height * 2 / 9), 3),
        align=align if isinstance(align, str) else "",
        paper=paper if isinstance(paper, str) else "",
        drift=round(height / 18, 3),
        pen=round(max(0.05, pen * PIXEL_MM), 3),
    )


def plotter(values: dict[str, Any]) -> PlotterOptions:
    """The plotter's options by name; empty ones are as usual.

    Raises:
        InputError: one is no number, or out of its range.
    """
    given = {name: value for name, value in values.items() if value not in (None, "")}
    for name, value in given.items():
        if name != "pen" and (isinstance(value, bool) or not isinstance(value, (int, float))):
            raise InputError(f"{name} of a plotter must be a number.", usage=True)
        if name == "pen" and not isinstance(value, str):
            raise InputError("The pen of a plotter is moved by z, servo or spindle.", usage=True)
    return PlotterOptions(**given)
