"""Legibility against diversity: how differently a writer says the same thing again, and how well that can be read.

Part of ``lstm-models evaluate handwriting --plot FILE``. Two drawings are as far apart as dynamic time warping
(Sakoe and Chiba 1978) leaves them: the mean distance of matched points, each described by the direction of the pen, its
height in the line and whether it was lifted before. That depends neither on any reader nor on size, width or speed.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lstm_models.io.atomic_write import write_whole
from lstm_models.tasks.handwriting import reranking
from lstm_models.tasks.handwriting.model import HandwritingWriter
from lstm_models.tasks.handwriting_reader.features import InkFeatures

__all__ = ["distances", "features", "plot", "sweep"]

SETTINGS = (0.0, 0.25, 0.5, 0.75, 1.0)
SEEDS = 4  # drawings of each text in each style
_SPACING = 0.6  # of points, in heights of a line


def features(strokes: Sequence[np.ndarray]) -> np.ndarray:
    """What is compared of a line's points [points, 4]: cosine and sine of the direction, lift, height."""
    return InkFeatures(spacing=_SPACING).encode(strokes)[:, 2:].astype(np.float64)


def distances(pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Mean distance of the points that dynamic time warping matches, of each pair [points, features].

    Steps are of one point in one line or in both; the path's length counts both lines' points, so that a step in both
    weighs twice (Sakoe and Chiba's symmetric form) and the mean is of all points.
    """
    rows, columns = (max(len(pair[side]) for pair in pairs) for side in (0, 1))
    cost = np.full((len(pairs), rows, columns), np.inf)
    for number, (one, other) in enumerate(pairs):
        squares = (one**2).sum(1)[:, None] + (other**2).sum(1) - 2 * one @ other.T
        cost[number, : len(one), : len(other)] = np.sqrt(np.maximum(squares, 0))
    costs = np.full((len(pairs), rows + 1, columns + 1), np.inf)
    costs[:, 0, 0] = 0
    for diagonal in range(rows + columns - 1):
        i = np.arange(max(0, diagonal - columns + 1), min(diagonal, rows - 1) + 1)
        j = diagonal - i
        here = cost[:, i, j]
        straight = np.minimum(costs[:, i, j + 1], costs[:, i + 1, j]) + here
        costs[:, i + 1, j + 1] = np.minimum(straight, costs[:, i, j] + 2 * here)
    return np.array(
        [costs[number, len(one), len(other)] / (len(one) + len(other)) for number, (one, other) in enumerate(pairs)]
    )


def sweep(
    writer: HandwritingWriter,
    texts: Sequence[str],
    styles: int,
    checker: reranking.Reranker,
    judge: reranking.Reranker | None,
    seed: int,
    settings: Sequence[float] = SETTINGS,
) -> dict[str, Any]:
    """Legibility and diversity at each setting, without re-reading and with it.

    Args:
        writer: the model.
        texts: each written ``SEEDS`` times in each style.
        styles: the first so many.
        checker: reads the lines.
        judge: of the candidates; no re-reading if missing.
        seed: of the random numbers.
        settings: legibilities.

    Returns:
        Of ``plain`` and, with a judge, ``reread``, for each setting the reader's character error rate, the mean
        distance of two drawings of one text in one style, and that of two in two styles.
    """
    names = writer.styles[:styles] or ("",)
    keys = [(text, style, turn) for text in range(len(texts)) for style in range(len(names)) for turn in range(SEEDS)]
    lines_of_keys = [texts[text] for text, _, _ in keys]
    numbers = torch.tensor([writer.style_number(names[style]) for _, style, _ in keys])
    alike = [(a, b) for a, b in itertools.combinations(range(len(keys)), 2) if keys[a][:2] == keys[b][:2]]
    other = [
        (a, b)
        for a, b in itertools.combinations(range(len(keys)), 2)
        if keys[a][0] == keys[b][0] and keys[a][2] == keys[b][2] == 0 and keys[a][1] != keys[b][1]
    ]
    found: dict[str, Any] = {"lines": len(keys), "settings": list(settings)}
    for name, judging in (("plain", None), ("reread", judge)):
        if name == "reread" and judge is None:
            continue
        found[name] = []
        for setting in settings:
            bias = writer.bias(setting)
            if judging is None:
                *_, rows = writer.sample(lines_of_keys, numbers, bias=bias, seed=seed, tidy=True)
            else:
                rows = reranking.draw(writer, lines_of_keys, numbers, judging, bias=bias, seed=seed).rows
            lines = [writer.config.features.decode(row) for row in rows]
            verdicts = checker(lines, lines_of_keys)
            seen = [features(line) for line in lines]
            found[name].append(
                {
                    "legibility": setting,
                    "error_rate": sum(each.errors for each in verdicts) / sum(each.characters for each in verdicts),
                    "same_style": _mean(seen, alike),
                    "other_style": _mean(seen, other),
                }
            )
    return found


def _mean(seen: Sequence[np.ndarray], pairs: Sequence[tuple[int, int]]) -> float | None:
    """The mean distance of pairs of lines; None where there is no pair."""
    parts = [
        distances([(seen[a], seen[b]) for a, b in pairs[start : start + 16]]) for start in range(0, len(pairs), 16)
    ]
    return float(np.concatenate(parts).mean()) if parts else None


def plot(found: dict[str, Any], path: str | Path) -> None:
    """Draws a sweep as a picture: error rate over diversity, a point a setting.

    Raises:
        InputError: the picture cannot be written.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.4), dpi=150, layout="constrained")
    axes = figure.add_subplot()
    looks = {"plain": ("#1a2a5c", "o", "first drawing"), "reread": ("#c2572b", "s", "re-read, the best kept")}
    for name, (color, marker, label) in looks.items():
        points = found.get(name, [])
        if not points:
            continue
        x = [point["same_style"] for point in points]
        y = [100 * point["error_rate"] for point in points]
        axes.plot(x, y, color=color, marker=marker, label=label, linewidth=1.8, markersize=5)
        for place, (at, height) in enumerate(zip(x, y, strict=True)):
            axes.annotate(
                f"{points[place]['legibility']:g}",
                (at, height),
                textcoords="offset points",
                xytext=(0, 7 if name == "plain" else -14),
                ha="center",
                color=color,
                fontsize=9,
            )
    others = [point["other_style"] for point in found["plain"] if point["other_style"] is not None]
    if others:
        axes.axvspan(min(others), max(others), color="#8a8a8a", alpha=0.15, lw=0, label="two styles, likewise")
    axes.set_xlabel("distance of two drawings of one text in one style (heights of a line a point)")
    axes.set_ylabel("characters misread by the package's reader, %")
    axes.set_ylim(bottom=0)
    axes.set_title("What legibility costs in diversity; numbers are the setting", fontsize=11)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    made = io.BytesIO()
    figure.savefig(made, format=Path(path).suffix.lstrip(".").lower() or "png", metadata={"Software": None})
    write_whole(path, made.getvalue())
