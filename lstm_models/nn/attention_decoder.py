"""Attention decoders: word by word over a memory such as a picture's grid, each a cell or two of the backbone's LSTM.

``TopDownDecoder`` is the two-layer decoder of Anderson et al. (2018): the lower LSTM decides where to look, the upper
one what to say. ``SingleDecoder`` is that of Show, Attend and Tell (Xu et al. 2015): one LSTM does both.

Both run over rows: as many for each entry of the memory, one after another (the captions of a photo, or its beams).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor, nn

from lstm_models.nn.attention import AdditiveAttention
from lstm_models.nn.dropout import Dropout, DropoutMasks
from lstm_models.nn.lstm import LSTM, LSTMState
from lstm_models.nn.prepacked_linear import PrepackedLinear

__all__ = ["DECODERS", "DecoderState", "Memory", "SingleDecoder", "TopDownDecoder", "map_noise"]


class Memory(NamedTuple):
    """What is looked at: ``values`` [batch, places, feature], their ``keys`` [batch, places, attention], and their
    ``mean`` [batch, feature]."""

    values: Tensor
    keys: Tensor
    mean: Tensor

    def select(self, index: Tensor) -> Memory:
        """The entries ``index`` [new batch]."""
        return Memory(*(tensor.index_select(0, index) for tensor in self))


class DecoderState(NamedTuple):
    """What a decoder carries from one word to the next: the states of its LSTMs, over the rows."""

    layers: tuple[LSTMState, ...]

    def select(self, index: Tensor) -> DecoderState:
        """The states of the rows ``index`` [new rows]."""
        return DecoderState(tuple(state.select(index) for state in self.layers))

    def narrow(self, batch: int, rows: int) -> DecoderState:
        """The first ``rows`` rows of each of the ``batch`` entries of the memory."""
        return DecoderState(
            tuple(
                LSTMState(*(part.unflatten(1, (batch, -1))[:, :, :rows].flatten(1, 2) for part in state))
                for state in self.layers
            )
        )


def map_noise(noise: DropoutMasks, cut: Callable[[Tensor | None], Tensor | None]) -> DropoutMasks:
    """The masks with their rows changed by ``cut``."""
    cells = tuple(replace(cell, recurrent=cut(cell.recurrent)) for cell in noise.cells)
    return DropoutMasks(cut(noise.input), tuple(cut(mask) for mask in noise.hidden), cells)


class _Decoder(nn.Module):
    layers: Sequence[LSTM]

    def __init__(self, size: int, hidden_size: int, attention_size: int) -> None:
        super().__init__()
        self.attention = AdditiveAttention(size, hidden_size, attention_size)
        self.gate = PrepackedLinear(hidden_size, size)

    def memory(self, values: Tensor) -> Memory:
        """The memory for values [batch, places, feature]."""
        return Memory(values, self.attention.keys(values), values.mean(1))

    def look(self, h: Tensor, memory: Memory) -> tuple[Tensor, Tensor]:
        """What rows of hidden states ``h`` see, gated (Xu et al. 2015, section 4.2.1), and where they look."""
        context, weights = self.attention(h, memory.keys, memory.values)
        return context * self.gate(h).sigmoid(), weights

    def draw_noise(self, rows: int) -> tuple[DropoutMasks, ...]:
        """Dropout masks for all steps of as many rows."""
        return tuple(lstm.draw_noise(rows) for lstm in self.layers)


class TopDownDecoder(_Decoder):
    """Two LSTMs (Anderson et al. 2018, arXiv:1707.07998, section 3.2).

    h¹ = LSTM¹([h² of the step before, mean of the memory, word]), context by attention of h¹,
    h² = LSTM²([context, h¹]).

    Args:
        word_size: features of a word.
        size: features of a place of the memory.
        hidden_size: cells of either LSTM.
        attention_size: features within the attention.
        dropout: of both LSTMs.
    """

    def __init__(
        self, word_size: int, size: int, hidden_size: int, attention_size: int, dropout: Dropout | float = 0.0
    ) -> None:
        super().__init__(size, hidden_size, attention_size)
        self.lower = LSTM(hidden_size + size + word_size, hidden_size, dropout=dropout)
        self.upper = LSTM(size + hidden_size, hidden_size, dropout=dropout)
        self.output_size = hidden_size

    @property
    def layers(self) -> tuple[LSTM, LSTM]:  # type: ignore[override]
        return self.lower, self.upper

    def initial_state(self, memory: Memory, rows: int) -> DecoderState:
        """The state before the first word, for as many rows in all."""
        return DecoderState((self.lower.initial_state(rows), self.upper.initial_state(rows)))

    def step(
        self, word: Tensor, state: DecoderState, memory: Memory, noise: Sequence[DropoutMasks | None] = (None, None)
    ) -> tuple[Tensor, Tensor, DecoderState]:
        """One word ``[rows, word]``: the features for the next word [rows, feature], where it looked [rows, places]."""
        lower, upper = state.layers
        mean = memory.mean.repeat_interleave(len(word) // len(memory.mean), 0)
        x = torch.cat([upper.h[0].to(word.dtype), mean.to(word.dtype), word], 1)
        h, lower = self.lower.step(x, lower, noise[0])
        context, weights = self.look(h, memory)
        y, upper = self.upper.step(torch.cat([context.to(h.dtype), h], 1), upper, noise[1])
        return y, weights, DecoderState((lower, upper))


class SingleDecoder(_Decoder):
    """One LSTM (Xu et al. 2015, arXiv:1502.03044, section 3.1.2): context by attention of the hidden state before.

    h = LSTM([context, word]); it starts from two layers on the memory's mean; features for the next word are
    [h, context, word].
    """

    def __init__(
        self, word_size: int, size: int, hidden_size: int, attention_size: int, dropout: Dropout | float = 0.0
    ) -> None:
        super().__init__(size, hidden_size, attention_size)
        self.lstm = LSTM(size + word_size, hidden_size, dropout=dropout)
        self.start_h, self.start_c = nn.Linear(size, hidden_size), nn.Linear(size, hidden_size)
        self.output_size = hidden_size + size + word_size

    @property
    def layers(self) -> tuple[LSTM]:  # type: ignore[override]
        return (self.lstm,)

    def initial_state(self, memory: Memory, rows: int) -> DecoderState:
        """The state before the first word, for as many rows in all."""
        like = self.lstm.cells[0].weight_ih.dtype
        mean = memory.mean.repeat_interleave(rows // len(memory.mean), 0)
        h, c = self.start_h(mean).tanh().to(like), self.start_c(mean).tanh().to(like)
        return DecoderState((LSTMState(h[None], c[None]),))

    def step(
        self, word: Tensor, state: DecoderState, memory: Memory, noise: Sequence[DropoutMasks | None] = (None,)
    ) -> tuple[Tensor, Tensor, DecoderState]:
        """One word ``[rows, word]``: the features for the next word [rows, feature], where it looked [rows, places]."""
        (before,) = state.layers
        context, weights = self.look(before.h[0], memory)
        context = context.to(word.dtype)
        h, after = self.lstm.step(torch.cat([context, word], 1), before, noise[0])
        return torch.cat([h.to(word.dtype), context, word], 1), weights, DecoderState((after,))


DECODERS: dict[str, type[TopDownDecoder] | type[SingleDecoder]] = {"top_down": TopDownDecoder, "single": SingleDecoder}
