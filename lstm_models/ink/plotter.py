"""A drawing for pen plotters, as G-code or HPGL.

    options = PlotterOptions(width_mm=150, x_mm=20, y_mm=20, pen="servo", pen_up=60, pen_down=30)
    drawing.save("letter.gcode", plotter=options)

G-code is that of NIST RS-274/NGC (Kramer, Proctor and Messina 2000), of which only G0, G1, G4, G21 and G90 are used,
and M3 or M280 for a servo: GRBL, Marlin, FluidNC and LinuxCNC understand them. HPGL is the instructions IN, SP, PU and
PD of Hewlett-Packard's 7475A. The origin is the lower left corner of the bed, x goes right and y up.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from lstm_models.errors import InputError
from lstm_models.field_checks import check_kinds

if TYPE_CHECKING:
    import numpy as np

__all__ = ["PlotterOptions", "Sheet", "gcode", "hpgl", "page_gcode", "page_hpgl", "turned"]

PIXEL_MM = 25.4 / 96  # of a CSS pixel, which is one unit of a drawing
HPGL_UNITS = 40  # a millimetre
_HPGL_MOST = 32_767  # the greatest coordinate of the instructions
_HPGL_POINTS = 32  # in one instruction, for the small buffers of plotters
_PLACE = 10.0  # mm
_PENS = {"z": (5.0, 0.0), "servo": (60.0, 30.0), "spindle": (700.0, 300.0)}  # how the pen moves -> up, down
_RANGES = {"z": (-200.0, 200.0), "servo": (0.0, 180.0), "spindle": (0.0, 30_000.0)}


@dataclass(frozen=True)
class PlotterOptions:
    """How a pen plotter draws.

    Attributes:
        width_mm: width of the writing on the paper in mm, from the leftmost to the rightmost point of the pen; the size
            it has on a screen, 96 pixels an inch, if missing.
        x_mm: where the left edge of the writing, or of a page, comes to lie, in mm from the left edge of the bed; if
            missing 10, and 0 for a page.
        y_mm: where the lower edge comes to lie, in mm from the lower edge of the bed; likewise.
        bed_width_mm: how far the pen reaches in x; a drawing that goes beyond is refused.
        bed_height_mm: how far the pen reaches in y.
        pen: what moves the pen; z: the z axis, G0 Z and G1 Z; servo: M280 P0 S, as Marlin has it; spindle: M3 S, a
            servo where the spindle's speed goes out, usual with GRBL.
        pen_up: height in mm (z), degrees (servo) or spindle speed of the lifted pen; 5, 60 or 700 if missing.
        pen_down: the same of the pen on paper; 0, 30 or 300 if missing.
        pen_seconds: how long a servo takes to move the pen.
        feed_mm_min: speed on paper, in mm a minute.
        travel_mm_min: speed in the air, in mm a minute; GRBL goes as fast as the machine can instead.
        tolerance_mm: how far the straight moves may be from the curve.

    Raises:
        InputError: a value is out of its range.
    """

    width_mm: float | None = None
    x_mm: float | None = None
    y_mm: float | None = None
    bed_width_mm: float = 297.0
    bed_height_mm: float = 210.0
    pen: Literal["z", "servo", "spindle"] = "z"
    pen_up: float | None = None
    pen_down: float | None = None
    pen_seconds: float = 0.2
    feed_mm_min: float = 1500.0
    travel_mm_min: float = 3000.0
    tolerance_mm: float = 0.02

    def __post_init__(self) -> None:
        check_kinds(self)
        for name in ("width_mm", "bed_width_mm", "bed_height_mm", "feed_mm_min", "travel_mm_min"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise InputError(f"{name} of a plotter must be above 0, not {value}.", usage=True)
        for name in ("x_mm", "y_mm"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value >= 0):
                raise InputError(f"{name} of a plotter must be 0 or more, not {value}.", usage=True)
        for name, lowest, highest in (("pen_seconds", 0.0, 10.0), ("tolerance_mm", 0.001, 1.0)):
            value = getattr(self, name)
            if not lowest <= value <= highest:
                raise InputError(f"{name} of a plotter must be {lowest:g} to {highest:g}, not {value}.", usage=True)
        if self.pen not in tuple(_PENS):
            raise InputError(f"pen of a plotter is one of {', '.join(_PENS)}, not {self.pen!r}.", usage=True)
        lowest, highest = _RANGES[self.pen]
        for name in ("pen_up", "pen_down"):
            value = getattr(self, name)
            if value is not None and not lowest <= value <= highest:
                raise InputError(
                    f"{name} of a plotter must be {lowest:g} to {highest:g} where the pen is moved by {self.pen}, "
                    f"not {value}.",
                    usage=True,
                )
        if self.up == self.down:
            raise InputError(f"pen_up and pen_down of a plotter must differ; both are {self.up:g}.", usage=True)
        if self.pen == "z" and self.up < self.down:
            raise InputError(
                f"pen_up of a plotter must be above pen_down where the z axis moves the pen, not {self.up:g} below "
                f"{self.down:g}.",
                usage=True,
            )

    @property
    def place(self) -> tuple[float, float]:
        """`x_mm` and `y_mm` of a drawing, or what is usual."""
        return (_PLACE if self.x_mm is None else self.x_mm, _PLACE if self.y_mm is None else self.y_mm)

    @property
    def up(self) -> float:
        """`pen_up`, or what is usual."""
        return _PENS[self.pen][0] if self.pen_up is None else self.pen_up

    @property
    def down(self) -> float:
        """`pen_down`, or what is usual."""
        return _PENS[self.pen][1] if self.pen_down is None else self.pen_down


class Sheet(NamedTuple):
    """A page as a plotter takes it, in mm."""

    width: float
    height: float
    margins: tuple[float, float, float, float]
    """Top, right, bottom, left; nothing is written on them."""


def gcode(strokes: Sequence[np.ndarray], text: str, options: PlotterOptions) -> str:
    """Strokes as G-code: absolute, in mm, ASCII, the pen up at the beginning and at the end, which is the origin.

    There is no M2 at the end: with a servo at the spindle's output it would let the pen drop.

    Args:
        strokes: each [points, 2] in pixels, 96 an inch, y down.
        text: what they say, for a comment.
        options: of the plotter.

    Raises:
        InputError: the strokes do not fit on the bed.
    """
    return _gcode(_placed(strokes, options), [text], options)


def page_gcode(strokes: Sequence[np.ndarray], sheet: Sheet, comments: Sequence[str], options: PlotterOptions) -> str:
    """A page as G-code: see `lstm_models.ink.page.Page.gcode`.

    Args:
        strokes: each [points, 2] in mm from the top left corner, y down.
        sheet: the page.
        comments: what it is; the last is completed with its size and how it lies.
        options: of the plotter.
    """
    side = turned(sheet, options)
    how = "on its side, its top to the left" if side else "upright"
    about = [*comments[:-1], f"{comments[-1]}, {sheet.width:g} x {sheet.height:g} mm, {how}"]
    return _gcode(_set(strokes, sheet.height, options, side), about, options)


def _gcode(placed: Iterator[np.ndarray], about: Sequence[str], options: PlotterOptions) -> str:
    """Lines `[points, 2]` in mm on the bed as G-code, with comments that say what it is about."""
    travel = f"F{_number(options.travel_mm_min)}"
    up, down = _pen_commands(options)
    lines = [f"; {comment}" for comment in map(_comment, about) if comment]
    lines += ["; handwriting by lstm-models, mm, origin at the lower left", "G21", "G90", *up]
    for line in placed:
        (x, y), *rest = [(_number(x), _number(y)) for x, y in line.tolist()]
        lines += [f"G0 X{x} Y{y} {travel}", *down]
        rest = rest or [(x, y)]  # a dot: a move to where the pen is
        lines.append(f"G1 X{rest[0][0]} Y{rest[0][1]} F{_number(options.feed_mm_min)}")
        lines += [f"G1 X{x} Y{y}" for x, y in rest[1:]]
        lines += up
    lines.append(f"G0 X0 Y0 {travel}")
    return "\n".join(lines) + "\n"


def hpgl(strokes: Sequence[np.ndarray], options: PlotterOptions) -> str:
    """Strokes as HPGL: one instruction a line, absolute, pen 1, which is put back at the end. Arguments as `gcode`.

    Raises:
        InputError: the strokes do not fit on the bed, or go beyond the numbers HPGL has.
    """
    return _hpgl(_placed(strokes, options), "width_mm")


def page_hpgl(strokes: Sequence[np.ndarray], sheet: Sheet, options: PlotterOptions) -> str:
    """A page as HPGL: see `lstm_models.ink.page.Page.hpgl`; arguments as `page_gcode`."""
    return _hpgl(_set(strokes, sheet.height, options, turned(sheet, options)), "page")


def _hpgl(placed: Iterator[np.ndarray], what: str) -> str:
    """Lines `[points, 2]` in mm on the bed as HPGL; `what` could be smaller where they are too far out."""
    instructions = ["IN", "SP1"]
    for line in placed:
        if line.max() * HPGL_UNITS > _HPGL_MOST:
            raise InputError(
                f"The drawing would reach {line.max():.0f} mm, and HPGL ends at {_HPGL_MOST / HPGL_UNITS:.0f} mm; take "
                f"a smaller {what}.",
                usage=True,
            )
        points = [f"{round(x * HPGL_UNITS)},{round(y * HPGL_UNITS)}" for x, y in line.tolist()]
        instructions.append(f"PU{points[0]}")
        rest = points[1:] or points
        instructions += [
            f"PD{','.join(rest[start : start + _HPGL_POINTS])}" for start in range(0, len(rest), _HPGL_POINTS)
        ]
    instructions += ["PU", "PU0,0", "SP0"]
    return "".join(f"{instruction};\n" for instruction in instructions)


def _placed(strokes: Sequence[np.ndarray], options: PlotterOptions) -> Iterator[np.ndarray]:
    """The strokes as polylines `[points, 2]` in mm on the bed, y up.

    Raises:
        InputError: they do not fit on the bed.
    """
    from lstm_models.ink.curves import bezier, flattened

    curves = [bezier(stroke) for stroke in strokes]
    if not curves:
        return
    # The curve may go a little beyond its points; what the pen draws is measured, as finely as it is drawn
    rough = [flattened(curve, options.tolerance_mm / PIXEL_MM) for curve in curves]
    left, _, right, _ = _extent(rough)
    scale = PIXEL_MM
    if options.width_mm is not None:
        if right - left < 1e-3:
            raise InputError("The drawing has no width, so it cannot be scaled to width_mm.", usage=True)
        scale = options.width_mm / (right - left)
    lines = [flattened(curve, options.tolerance_mm / scale) for curve in curves]
    left, top, right, bottom = _extent(lines)
    start_x, start_y = options.place
    sides = (
        ("x", "wide", start_x, (right - left) * scale, options.bed_width_mm),
        ("y", "high", start_y, (bottom - top) * scale, options.bed_height_mm),
    )
    for axis, how, start, size, bed in sides:
        if start + size > bed + 1e-6:
            raise InputError(
                f"The drawing is {size:.1f} mm {how} and begins at {axis}_mm = {start:g}, so it would end at "
                f"{start + size:.1f} mm, beyond the bed's {bed:g} mm; take a smaller width_mm or {axis}_mm.",
                usage=True,
            )
    for line in lines:
        yield (line - (left, bottom)) * (scale, -scale) + (start_x, start_y)


def turned(sheet: Sheet, options: PlotterOptions) -> bool:
    """Whether pages lie on their side, as the bed is too small for the upright ones: the same for all of a text.

    What must be on the bed is what the margins leave of the page.

    Raises:
        InputError: they do not fit either way; `width_mm` is given.
    """
    if options.width_mm is not None:
        raise InputError("A page is plotted at its true size; width_mm does not go with it.", usage=True)
    top, right, bottom, _ = sheet.margins
    x, y = options.x_mm or 0.0, options.y_mm or 0.0
    bed = (options.bed_width_mm + 1e-6, options.bed_height_mm + 1e-6)
    if x + sheet.width - right <= bed[0] and y + sheet.height - top <= bed[1]:
        return False
    if x + sheet.height - bottom <= bed[0] and y + sheet.width - right <= bed[1]:
        return True
    raise InputError(
        f"The writing on a page of {sheet.width:g} x {sheet.height:g} mm does not fit on the plotter's bed of "
        f"{options.bed_width_mm:g} x {options.bed_height_mm:g} mm, neither upright nor on its side; take a "
        "smaller page, or give the size of the bed.",
        usage=True,
    )


def _set(strokes: Sequence[np.ndarray], height: float, options: PlotterOptions, side: bool) -> Iterator[np.ndarray]:
    """The strokes of a page as polylines `[points, 2]` in mm on the bed, y up; `side`: its top lies to the left."""
    from lstm_models.ink.curves import bezier, flattened

    x, y = options.x_mm or 0.0, options.y_mm or 0.0
    for stroke in strokes:
        line = flattened(bezier(stroke), options.tolerance_mm)
        if side:
            yield line[:, ::-1] + (x, y)
        else:
            yield line * (1, -1) + (x, y + height)


def _extent(lines: list[np.ndarray]) -> tuple[float, float, float, float]:
    """Least x, least y, greatest x, greatest y."""
    low = [line.min(axis=0) for line in lines]
    high = [line.max(axis=0) for line in lines]
    return (
        float(min(x for x, _ in low)),
        float(min(y for _, y in low)),
        float(max(x for x, _ in high)),
        float(max(y for _, y in high)),
    )


def _pen_commands(options: PlotterOptions) -> tuple[list[str], list[str]]:
    """What lifts the pen, and what puts it down."""
    up, down = _number(options.up), _number(options.down)
    if options.pen == "z":
        return [f"G0 Z{up} F{_number(options.travel_mm_min)}"], [f"G1 Z{down} F{_number(options.feed_mm_min)}"]
    if options.pen == "servo":  # Marlin counts P of G4 in milliseconds, the others in seconds
        command, wait = "M280 P0 S", f"G4 P{_number(1000 * options.pen_seconds)}"
    else:
        command, wait = "M3 S", f"G4 P{_number(options.pen_seconds)}"
    return [command + up, wait], [command + down, wait]


def _comment(text: str) -> str:
    """The text as a comment can hold it.

    GRBL takes !, ?, ~ and bytes beyond ASCII for orders even within a comment, and % and brackets end one elsewhere.
    """
    return " ".join(re.sub(r"[^A-Za-z0-9 .,:'-]+", " ", text).split())[:60].strip()


def _number(value: float) -> str:
    """At most three decimals, without trailing zeros and without a negative zero."""
    text = f"{value:.3f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
