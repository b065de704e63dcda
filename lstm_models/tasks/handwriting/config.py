"""The sizes of a handwriting writer, and what it knows of text, strokes and styles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lstm_models.field_checks import check_at_least
from lstm_models.tasks.handwriting.features import StrokeFeatures
from lstm_models.tasks.handwriting.glyphs import has_glyph

if TYPE_CHECKING:
    pass

__all__ = ["WriterConfig"]


@dataclass(frozen=True)
class WriterConfig:
    """Sizes of a writer and what it knows of text, strokes and styles.

    Attributes:
        alphabet: the characters it can write; character number 0 ends the text.
        hidden_size: cells of every layer.
        layers: layers, the soft-window layer included.
        text_size: features of a character vector.
        components: Gaussians in the window.
        max_step: largest move of the window in one point, in characters (0: unbounded, as in the paper).
        step: the move training starts from, in characters a point.
        mixtures: Gaussians in the density of the next pen move.
        floor: smallest standard deviation of a Gaussian, in normalised units.
        style_size: features of a style vector; 0 for a writer without styles.
        styles: the writers whose style was learnt, in the order of their vectors (vector 0: no style in particular).
        names: names of styles, each with the writer it stands for.
        dropout: share of features dropped before the upper layers and the head while training.
        history: moves seen beside the last one; the head then sees them, and the text in the window, too, so that it
            can carry a stroke on by itself (0: the last move alone, as in the paper).
        stop: learn where a line ends.
        drawn: characters of the alphabet that are drawn from a font all the same, as the writer seldom gets them right.
        drawn_by_style: names of styles, each with further characters that it seldom gets right.
        features: how strokes become offsets.
    """

    alphabet: str = ""
    hidden_size: int = 400
    layers: int = 2
    text_size: int = 64
    components: int = 10
    max_step: float = 0.5
    step: float = 0.1
    mixtures: int = 20
    floor: float = 0.01
    style_size: int = 32
    styles: tuple[str, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    dropout: float = 0.0
    history: int = 0
    stop: bool = True
    drawn: str = ""
    drawn_by_style: Mapping[str, str] = field(default_factory=dict)
    features: StrokeFeatures = field(default_factory=StrokeFeatures)

    def __post_init__(self) -> None:
        check_at_least(self, 1, "hidden_size", "layers", "text_size", "components", "mixtures")
        if min(self.style_size, self.max_step, self.history) < 0 or self.floor <= 0 or not 0 <= self.dropout < 1:
            raise ValueError(
                "model: style_size, max_step and history must be 0 or more, floor above 0, dropout from 0 to below 1"
            )
        if not 0 < self.step < (self.max_step or float("inf")):
            raise ValueError(f"model: step must lie between 0 and max_step, not {self.step:g}")
        for name in ("alphabet", "styles"):
            if len(set(getattr(self, name))) < len(getattr(self, name)):
                raise ValueError(f"model: {name} has something twice")
        for drawn in (self.drawn, *self.drawn_by_style.values()):
            if not all(map(has_glyph, drawn)):
                raise ValueError(f"model: drawn has a character without a glyph: {drawn!r}")
