"""A layer of a deep recurrent network: a normalised LSTM beside a path that skips it."""

from __future__ import annotations

from torch import Tensor, nn

from lstm_models.nn.dropout import Dropout
from lstm_models.nn.lstm import LSTM

__all__ = ["ResidualLSTM"]


class ResidualLSTM(nn.Module):
    """x + LSTM(norm(x)), so that layers add to what is there: pre-norm residuals (Xiong et al. 2020, arXiv:2002.04745).

    Args:
        size: features of the input and the output.
        bidirectional: half of the features for either direction; `size` is even then.
        dropout: fraction of the input features dropped while training, the same for all steps (variational).
    """

    def __init__(self, size: int, *, bidirectional: bool = False, dropout: float = 0.0) -> None:
        super().__init__()
        hidden = size // 2 if bidirectional else size
        self.norm = nn.LayerNorm(size)
        self.lstm = LSTM(size, hidden, bidirectional=bidirectional, dropout=Dropout(input=dropout))

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """The layer over ``x`` [batch, time, size], of which ``lengths`` [batch] are real."""
        y, _ = self.lstm(self.norm(x), lengths=lengths)
        output: Tensor = x + y.to(x.dtype)
        return output
