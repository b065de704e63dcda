"""Calibration of word confidences: how often words with a confidence of 70 % are right.

It is fitted by ``lstm_models.confidence``; here it is measured, on words that it was not fitted on.

What is right, a task says: `lstm_apps.tasks.captioning.metrics.right_words`, `lstm_apps.evaluation.error_rates`. Words
such as “a” and “on” count: a reader sees their confidence too, and a model can be wrong about them (“on” for “under”).
They are right more often than others, though, and would flatter the figure, so the error over the others is given
beside it.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np

from lstm_apps.evaluation.separation import separation
from lstm_models.confidence import Calibration, fit
from lstm_models.errors import InputError
from lstm_models.io.atomic_write import check_writable, write_whole

__all__ = [
    "FUNCTION_WORDS",
    "Calibration",
    "CalibrationReport",
    "ReliabilityBin",
    "calibration_report",
    "check_results",
    "diagram",
    "expected_calibration_error",
    "first_half",
    "fit",
    "reliability",
]

BINS = 15

_FUNCTION_WORDS = """
a an the and or but while as of in on at by to from with into onto through over under near up down out off for is are be
been being was were has have had does do did his her its their he she it they him them who that which this these those
there 's n't not
"""
FUNCTION_WORDS = frozenset(_FUNCTION_WORDS.split())
"""Words that say how things are related, not what is there."""


@dataclass(frozen=True)
class ReliabilityBin:
    """Words of like confidence: their mean confidence, the share that is right, and how many there are."""

    confidence: float
    right: float
    words: int


@dataclass(frozen=True)
class CalibrationReport:
    """A calibration and what it does.

    Attributes:
        calibration: fitted on one half of the groups.
        error_before: expected calibration error of the confidences as they were, on the other half.
        error_after: the same with ``calibration``.
        error_of_temperature: the same with a fitted temperature alone, no bias and no evidence.
        error_of_others: the same with ``calibration``, over words that are no `FUNCTION_WORDS`.
        error_before_on_all: as ``error_before``, on all groups.
        error_after_on_all: with ``fitted_on_all``, on the groups it was fitted on.
        fitted_on_all: what a model is to be given: fitted on all groups.
        fitted_without_evidence: likewise, by the probabilities alone.
        area: of the other half, with ``calibration``: fraction of pairs of a right and a wrong word of which the right
            one is the surer, the area under the ROC curve.
        words: how many words there are in all.
        right: the share of them that is right.
        bins_before: of the other half, for a diagram.
        bins_after: likewise.
    """

    calibration: Calibration
    error_before: float
    error_after: float
    error_of_temperature: float
    error_of_others: float
    error_before_on_all: float
    error_after_on_all: float
    fitted_on_all: Calibration
    fitted_without_evidence: Calibration
    area: float
    words: int
    right: float
    bins_before: tuple[ReliabilityBin, ...]
    bins_after: tuple[ReliabilityBin, ...]


def reliability(
    confidences: np.ndarray | Sequence[float], right: np.ndarray | Sequence[bool], bins: int = BINS
) -> tuple[ReliabilityBin, ...]:
    """Words sorted by confidence, in bins of as many words each (fewer bins where there are fewer words)."""
    values, outcome = np.asarray(confidences, dtype=np.float64), np.asarray(right, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    parts = np.array_split(order, bins)
    return tuple(
        ReliabilityBin(float(values[part].mean()), float(outcome[part].mean()), len(part))
        for part in parts
        if len(part)
    )


def expected_calibration_error(
    confidences: np.ndarray | Sequence[float], right: np.ndarray | Sequence[bool], bins: int = BINS
) -> float:
    """Mean distance between confidence and share of right words, over bins of equal mass, 0 to 1.

    Naeini et al. 2015; bins of equal mass instead of equal width (Nguyen and O'Connor 2015), because most words lie
    near 1. With n words in a bin the error of a perfect calibration is still about 0.8 √(p (1 − p) / n).

    Raises InputError where there is no word.
    """
    parts = reliability(confidences, right, bins)
    if not parts:
        raise InputError("there is no word to measure the calibration on")
    return sum(part.words * abs(part.confidence - part.right) for part in parts) / sum(part.words for part in parts)


def first_half(name: str) -> bool:
    """Whether a group belongs to the half that is fitted on: by its name, so that it is the same everywhere."""
    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest()[0] < 128


def calibration_report(
    groups: Sequence[str],
    words: Sequence[str],
    probabilities: np.ndarray | Sequence[float],
    right: np.ndarray | Sequence[bool],
    now: Calibration | None = None,
    called: str = "photos",
    evidence: Sequence[Sequence[float]] | None = None,
) -> CalibrationReport:
    """Fit on one half of the groups of words, measure on the other.

    Args:
        groups: of each word, the name of what must not be torn apart: its photo, its speaker.
        words: the words, to tell function words.
        probabilities: of each word, by the model.
        right: of each word, whether it is.
        now: the calibration that the model has already; “before” is with it.
        called: what the groups are, for a sentence.
        evidence: what else is known of each word, to be weighed in; ``now`` may have weights then.

    Raises:
        InputError: there are too few groups: one of the halves has no word.
    """
    now = now or Calibration()
    p, outcome = np.asarray(probabilities, dtype=np.float64), np.asarray(right, dtype=bool)
    learn = np.array([first_half(group) for group in groups], dtype=bool)
    held = ~learn
    content = held & np.array([word.lower() not in FUNCTION_WORDS for word in words], dtype=bool)
    if not learn.any() or not held.any():
        raise InputError(f"{len(set(groups))} {called} are too few to fit on one half of them and measure on the other")
    known = None if evidence is None else np.asarray(evidence, dtype=np.float64)

    def fitted_on(of: np.ndarray, weigh: bool = True, bias: bool = True) -> Calibration:
        return fit(p[of], outcome[of], bias=bias, evidence=known[of] if known is not None and weigh else None)

    def confidences(calibration: Calibration, of: np.ndarray) -> np.ndarray:
        return calibration(p[of], () if known is None else known[of])

    def error(calibration: Calibration, of: np.ndarray) -> float:
        return expected_calibration_error(confidences(calibration, of), outcome[of]) if of.any() else float("nan")

    everything = np.ones_like(held)
    fitted, all_ = fitted_on(learn), fitted_on(everything)
    sure = confidences(fitted, held)
    both = outcome[held].any() and not outcome[held].all()
    return CalibrationReport(
        calibration=fitted,
        error_before=error(now, held),
        error_after=error(fitted, held),
        error_of_temperature=error(fitted_on(learn, weigh=False, bias=False), held),
        error_of_others=error(fitted, content),
        error_before_on_all=error(now, everything),
        error_after_on_all=error(all_, everything),
        fitted_on_all=all_,
        fitted_without_evidence=fitted_on(everything, weigh=False),
        area=separation(sure[outcome[held]], sure[~outcome[held]]) if both else float("nan"),
        words=len(p),
        right=float(outcome.mean()),
        bins_before=reliability(confidences(now, held), outcome[held]),
        bins_after=reliability(sure, outcome[held]),
    )


def check_results(json: str | PathLike[str] | None, plot: str | PathLike[str] | None) -> None:
    """Raise InputError where the figures or the plot of a measurement could not be written, before it is made."""
    if plot is not None and Path(plot).suffix.lower() not in (".png", ".svg", ".pdf"):
        raise InputError(f"{plot} is no name of a plot; .png, .svg or .pdf would be right", usage=True)
    for path in (json, plot):
        if path is not None:
            check_writable(path)


def diagram(
    report: CalibrationReport,
    path: str | PathLike[str],
    right: str = "share of words a reference has",
    held: str = "held-out photos",
    items: tuple[str, str] = ("a word", "words"),
) -> None:
    """Draw confidence against the share of right words, before and after, as a picture (.png, .svg or .pdf).

    ``right`` and ``held`` are what it calls the right words and what they are from, ``items`` what it calls the words.

    Raises InputError where the file cannot be written or has another suffix.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    check_results(None, path)
    suffix = Path(path).suffix.lower()
    figure = Figure(figsize=(4.6, 4.8), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="#999999", linewidth=1, linestyle="--", label="perfect")
    for bins, error, name, colour, mark in (
        (report.bins_before, report.error_before, "before", "#d95f02", "s"),
        (report.bins_after, report.error_after, "after", "#1b6ca8", "o"),
    ):
        axes.plot(
            [part.confidence for part in bins],
            [part.right for part in bins],
            color=colour,
            marker=mark,
            markersize=4,
            label=f"{name}: error {100 * error:.1f} %",
        )
    words = sum(part.words for part in report.bins_after)
    axes.set(
        xlim=(0, 1),
        ylim=(0, 1),
        aspect="equal",
        xlabel=f"confidence of {items[0]}",
        ylabel=right,
        title=f"{words:,} {items[1]} of {held}, {len(report.bins_after)} bins",
    )
    axes.title.set_fontsize(10)
    axes.grid(color="#eeeeee")
    axes.set_axisbelow(True)
    axes.legend(loc="upper left", frameon=False)
    made = io.BytesIO()
    figure.savefig(made, format=suffix[1:])
    write_whole(path, made.getvalue())
