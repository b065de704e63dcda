"""How legible a line of handwriting is: what a reader makes of it beside the text it should say.

The reader judges by its best path and by the probability of the right text (CTC's forward score: Graves et al. 2006),
both without its language model, which would mend what is illegible.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from lstm_models import deadlines
from lstm_models.ink.verdict import Verdict
from lstm_models.tasks.handwriting_reader.network import HandwritingReaderNetwork
from lstm_models.text.edit_distance import edits, missing_words

__all__ = ["verdicts"]

Strokes = Sequence[np.ndarray]

_BATCH = 32  # lines that are read together: few, of like length, so that little is padding
_UNREADABLE = 1e4  # nats of a line that cannot be read at all, or is too short for its text


@torch.inference_mode()
def verdicts(reader: HandwritingReaderNetwork, lines: Sequence[Strokes], texts: Sequence[str]) -> list[Verdict]:
    """What the reader makes of each line of strokes ``[points, 2]``, beside the text it should say.

    A character of the text that the reader does not know stands for whatever it reads there; words of such characters
    alone are not judged.
    """
    found = [_verdict(reader, text, "", _UNREADABLE) for text in texts]
    features = {number: each for number, line in enumerate(lines) if (each := _features(reader, line)) is not None}
    order = sorted(features, key=lambda number: len(features[number]))
    names = " " + reader.config.alphabet  # of labels
    for start in range(0, len(order), _BATCH):
        deadlines.check()
        part = order[start : start + _BATCH]
        batch = nn.utils.rnn.pad_sequence([features[number] for number in part], batch_first=True)
        device = reader.head.weight.device
        log_probs, lengths = reader(batch.to(device), torch.tensor([len(features[number]) for number in part]))
        log_probs = log_probs.cpu()
        nats = _nats(reader, log_probs, lengths, [texts[number] for number in part])
        for number, row, length, loss in zip(part, log_probs.argmax(-1), lengths, nats, strict=True):
            labels = torch.unique_consecutive(row[:length]).tolist()
            read = " ".join("".join(names[label] for label in labels if label).split())
            found[number] = _verdict(reader, texts[number], read, loss)
    return found


def _features(reader: HandwritingReaderNetwork, line: Strokes) -> Tensor | None:
    try:
        return torch.from_numpy(reader.config.features.encode(line))
    except ValueError:  # nothing to read, or an InputError: far too much
        return None


def _nats(reader: HandwritingReaderNetwork, log_probs: Tensor, lengths: Tensor, texts: Sequence[str]) -> list[float]:
    """−log probability of each text; what the reader does not know is a label of its own, any but the blank."""
    anything = torch.log1p(-log_probs[..., :1].exp().clamp(max=1 - 1e-6))
    last = log_probs.size(-1)
    encoded = [torch.tensor([reader.label_numbers.get(character, last) for character in text]) for text in texts]
    found = nn.functional.ctc_loss(
        torch.cat([log_probs, anything], -1).transpose(0, 1),
        nn.utils.rnn.pad_sequence(encoded, batch_first=True),
        lengths,
        torch.tensor([len(each) for each in encoded]),
        reduction="none",
    )
    return [float(value) for value in found.clamp(0, _UNREADABLE)]


def _verdict(reader: HandwritingReaderNetwork, text: str, read: str, nats: float) -> Verdict:
    known = [character in reader.label_numbers for character in text]
    missing, extra = missing_words(text, read, reader.label_numbers)
    return Verdict(read, edits(text, read, known), sum(known), missing, extra, nats)
