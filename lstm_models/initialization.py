"""First values of a recurrent layer's weights."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


@torch.no_grad()
def orthogonal(weight_ih: Tensor, weight_hh: Tensor, bias: Tensor, hidden: int) -> None:
    """Glorot-uniform input weights, an orthogonal recurrent block for every gate, forget bias 1.

    Shapes: weight_ih ``[4 hidden, input]``, weight_hh ``[4 hidden, recurrent]``, bias ``[4 hidden]``, gates in the
    order i, f, g, o. Sources: Saxe et al. 2014 (orthogonal), Jozefowicz et al. 2015 (forget bias).
    """
    for gate in weight_ih.split(hidden):
        nn.init.xavier_uniform_(gate)
    for gate in weight_hh.split(hidden):
        nn.init.orthogonal_(gate)
    bias.zero_()
    bias[hidden : 2 * hidden] = 1.0


@torch.no_grad()
def uniform(weight_ih: Tensor, weight_hh: Tensor, bias: Tensor, hidden: int) -> None:
    """Every weight uniform in ±1/sqrt(hidden), as torch does; the bias is a sum of two such numbers."""
    bound = 1 / math.sqrt(hidden)
    weight_ih.uniform_(-bound, bound)
    weight_hh.uniform_(-bound, bound)
    bias.copy_(torch.empty_like(bias).uniform_(-bound, bound) + torch.empty_like(bias).uniform_(-bound, bound))


@torch.no_grad()
def chrono(weight_ih: Tensor, weight_hh: Tensor, bias: Tensor, hidden: int, longest: int) -> None:
    """As :func:`orthogonal`, but forget biases log(u) with u uniform in 1..longest-1, and input biases their negative.

    A unit with forget bias b remembers for about exp(b) steps, so memories of every span up to ``longest`` steps exist
    from the start. Source: Tallec and Ollivier 2018, equation 16.
    """
    orthogonal(weight_ih, weight_hh, bias, hidden)
    forget = torch.empty_like(bias[:hidden]).uniform_(1, max(longest - 1, 1)).log_()
    bias[hidden : 2 * hidden] = forget
    bias[:hidden] = -forget
