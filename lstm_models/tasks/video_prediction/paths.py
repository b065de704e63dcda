"""``PathForecaster``: an LSTM that follows the path of an object along one axis and goes on with it.

Rows and columns are paths by themselves, of the same weights. An observed place is followed by the expected next one
and its standard deviation; beyond the last observed place it reads what it expected itself.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lstm_models.nn.lstm import LSTM, LSTMState

__all__ = ["PathForecaster"]

_BUMPS = 24  # features that say where on the axis a place is
_PACE = 4.0  # pixels a frame that count as 1


class PathForecaster(nn.Module):
    """Continues paths; see the module.

    Args:
        hidden_size: units of the LSTM.
        layers: its layers.
    """

    def __init__(self, hidden_size: int, layers: int = 1) -> None:
        super().__init__()
        self.lstm = LSTM(_BUMPS + 6, hidden_size, layers=layers)
        self.head = nn.Linear(hidden_size, 2)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, places: Tensor, clarity: Tensor, steps: int, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Expected places and log standard deviations, [paths, time - 1 + steps] each, from the second frame on.

        Args:
            places: observed [paths, time], in pixels.
            clarity: how much of the object was seen [paths, time], from 0 to 1.
            steps: frames beyond the last observed one.
            lengths: of the axis of each path [paths], in pixels.
        """
        before = torch.cat([places[:, :1], places[:, :-1]], 1)
        pace = places - before
        # The mean pace until now: what it would take the network many steps to learn to sum up
        mean = (places - places[:, :1]) / torch.arange(places.size(1), device=places.device).clamp(min=1)
        inputs = self._features(places, pace, mean, clarity, lengths, observed=1.0)
        output, state = self._read_all(inputs)
        change, spread = self._read(output)
        pace = pace + change  # it goes on as it went, and the network says where not
        expected, spreads = [places + pace], [spread]
        place, pace, mean = expected[0][:, -1:], pace[:, -1:], mean[:, -1:]
        unseen = torch.zeros_like(place)
        for _ in range(steps - 1):
            inputs = self._features(place, pace, mean, unseen, lengths, observed=0.0)
            output, state = self._step(inputs, state)
            change, spread = self._read(output)
            pace = pace + change
            place = place + pace
            expected.append(place)
            spreads.append(spread)
        return torch.cat(expected, 1), torch.cat(spreads, 1)

    def _read_all(self, inputs: Tensor) -> tuple[Tensor, LSTMState]:
        if not torch.jit.is_tracing():  # type: ignore[attr-defined, no-untyped-call]
            output, state = self.lstm(inputs)
            return output, state
        # For ONNX, step by step: the loops over whole sequences are kernels of our own
        outputs, state = [], self.lstm.initial_state(len(inputs))
        for step in inputs.unbind(1):
            output, state = self.lstm.step(step, state)
            outputs.append(output)
        return torch.stack(outputs, 1), state

    def _step(self, inputs: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        output, state = self.lstm.step(inputs[:, 0], state)
        return output[:, None], state

    def _read(self, output: Tensor) -> tuple[Tensor, Tensor]:
        change, spread = self.head(output).unbind(-1)
        return change * _PACE, spread.clamp(-1.6, 3.0)

    def _features(
        self, place: Tensor, pace: Tensor, mean: Tensor, clarity: Tensor, lengths: Tensor, *, observed: float
    ) -> Tensor:
        """Features [paths, time, features] of places and paces [paths, time]."""
        scaled = place / lengths[:, None]
        centres = torch.linspace(0.0, 1.0, _BUMPS, device=place.device)
        bumps = torch.exp(-0.5 * ((scaled[..., None] - centres) * (_BUMPS - 1)).square())
        parts = [scaled - 0.5, pace / _PACE, mean / _PACE, clarity, torch.full_like(place, observed)]
        parts.append((lengths / 64.0)[:, None].expand_as(place))
        return torch.cat([torch.stack(parts, -1), bumps], -1)
