"""What every acoustic encoder promises, whatever its convolutions are."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from lstm_models.nn.acoustic_encoder import AcousticEncoder


def check_trunk_and_tail(encoder: AcousticEncoder, samples: Tensor) -> None:
    """The tail of the trunk is the whole encoder, of ``samples [batch, samples]``."""
    with torch.no_grad():
        states, whole = encoder.tail(encoder.trunk(samples)), encoder(samples)
    assert len(states) == encoder.states == 3
    for one, other in zip(states, whole[1:], strict=True):
        torch.testing.assert_close(one, other)


def check_batch(encoder: AcousticEncoder, recordings: Sequence[Tensor]) -> None:
    """Recordings in a batch give what each gives alone."""
    batch = torch.nn.utils.rnn.pad_sequence(list(recordings), batch_first=True)
    with torch.no_grad():
        together = encoder(batch, torch.tensor([len(one) for one in recordings]))
        for row, one in enumerate(recordings):
            for state, alone in zip(together, encoder(one[None]), strict=True):
                assert alone.size(1) == encoder.frames(len(one))
                torch.testing.assert_close(state[row, : alone.size(1)], alone[0], atol=1e-4, rtol=1e-4)
