"""The loss of connectionist temporal classification (CTC: Graves et al. 2006), and the errors of the best path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

__all__ = ["ctc_batch", "ctc_sums"]


def ctc_batch(items: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """A batch of sequences with their texts, padded with 0.

    Args:
        items: ``features`` [steps, features] and ``text`` [characters] labels each.

    Returns:
        ``features`` [batch, steps, features], ``lengths`` [batch], ``text`` [batch, characters], ``text_lengths``.
    """
    pad = nn.utils.rnn.pad_sequence
    return {
        "features": pad([item["features"] for item in items], batch_first=True),
        "lengths": torch.tensor([len(item["features"]) for item in items]),
        "text": pad([item["text"] for item in items], batch_first=True),
        "text_lengths": torch.tensor([len(item["text"]) for item in items]),
    }


def ctc_sums(log_probs: Tensor, lengths: Tensor, batch: Mapping[str, Tensor], *, edits: bool) -> dict[str, Tensor]:
    """The loss of connectionist temporal classification (CTC: Graves et al. 2006), as every CTC model here reports it.

    Args:
        log_probs: [batch, outputs, labels], label 0 the blank.
        lengths: how many outputs are real [batch].
        batch: ``text`` [batch, characters] labels, ``text_lengths`` [batch].
        edits: whether to count those of the best paths, too.

    Returns:
        ``loss`` in nats, summed (sequences too short for their text count 0), ``edits`` if wanted (labels by which the
        best path differs), and the counts ``points`` (labels) and ``lines``.
    """
    text, text_lengths = batch["text"], batch["text_lengths"].cpu()
    loss = nn.functional.ctc_loss(
        log_probs.transpose(0, 1), text, lengths, text_lengths, reduction="sum", zero_infinity=True
    )
    sums = {"loss": loss, "points": text_lengths.sum().to(loss.device), "lines": loss.new_tensor(len(text))}
    if edits:
        sums["edits"] = loss.new_tensor(_best_path_edits(log_probs.detach(), lengths, text, text_lengths))
    return sums


def _best_path_edits(log_probs: Tensor, lengths: Tensor, text: Tensor, text_lengths: Tensor) -> int:
    from torchaudio.functional import edit_distance

    edits = 0
    for path, length, wanted, count in zip(log_probs.argmax(-1), lengths, text, text_lengths, strict=True):
        found = torch.unique_consecutive(path[:length])
        edits += edit_distance(wanted[:count].tolist(), found[found > 0].tolist())
    return edits
