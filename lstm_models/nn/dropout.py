"""Dropout for recurrent layers: which kinds and how much (`Dropout`), and one draw of them (`DropoutMasks`)."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

import torch
from torch import Tensor


@dataclass(frozen=True)
class Dropout:
    """How much of each kind of dropout, all shares 0 <= p < 1; nothing happens outside of training but for zoneout.

    - ``input``, ``hidden``: variational dropout of the stack's input and between its layers: one mask for all frames of
      a sequence (Gal and Ghahramani 2016).
    - ``recurrent``: the same on h before the recurrent weights.
    - ``weight``: DropConnect on the recurrent weights, one mask for the whole batch (Merity et al. 2018).
    - ``zoneout_h``, ``zoneout_c``: the share of units that keep their last value in a step; outside of training every
      unit keeps that share of its last value (Krueger et al. 2017).
    """

    input: float = 0.0
    hidden: float = 0.0
    recurrent: float = 0.0
    weight: float = 0.0
    zoneout_h: float = 0.0
    zoneout_c: float = 0.0

    def __post_init__(self) -> None:
        for name, fraction in asdict(self).items():
            if not 0 <= fraction < 1:
                raise ValueError(f"the {name} dropout is {fraction}, but a fraction from 0 to below 1 is needed")


@dataclass(frozen=True)
class CellMasks:
    """One draw for one cell; None or 0 where nothing is dropped.

    ``recurrent [batch, recurrent]`` and ``weight`` (shaped as weight_hh) multiply; ``zoneout_h`` and ``zoneout_c`` are
    shares, drawn anew at every step when ``sample`` is true and used as expectations otherwise.
    """

    recurrent: Tensor | None = None
    weight: Tensor | None = None
    zoneout_h: float = 0.0
    zoneout_c: float = 0.0
    sample: bool = False

    def keep(self, fraction: float, like: Tensor) -> Tensor | float:
        """How much of the last value each entry of ``like`` keeps: 0 or 1 when sampling, else the share."""
        return torch.empty_like(like).bernoulli_(fraction) if self.sample and fraction else fraction


@dataclass(frozen=True)
class DropoutMasks:
    """One draw for a whole stack: pass it again to keep the masks of a sequence over chunks or single steps.

    ``input [batch, feature]``, ``hidden`` one ``[batch, feature]`` for each gap between layers, ``cells`` one for each
    cell.
    """

    input: Tensor | None = None
    hidden: tuple[Tensor | None, ...] = ()
    cells: tuple[CellMasks, ...] = field(default=())


def drop_features(x: Tensor, fraction: float, training: bool) -> Tensor:
    """x [batch, steps, features] with the same features of a sequence dropped in all of its steps; x outside of
    training."""
    mask = draw_mask(fraction, x.size(0), x.size(2), like=x) if training else None
    return x if mask is None else x * mask[:, None]


def draw_mask(fraction: float, *size: int, like: Tensor) -> Tensor | None:
    """A mask of zeros (that fraction) and 1/(1-fraction), on the device and in the type of ``like``; None for 0."""
    if not fraction:
        return None
    return torch.empty(size, device=like.device, dtype=like.dtype).bernoulli_(1 - fraction).div_(1 - fraction)
