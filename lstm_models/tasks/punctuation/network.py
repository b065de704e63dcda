"""The network of a punctuator: vectors of words and of their endings, LSTM layers, and two heads.

One head gives the mark after each word, the other the word's case. Two forms: bidirectional layers over the whole text
(as Tilk and Alumäe 2016, "Bidirectional recurrent neural network with attention mechanism for punctuation
restoration", without their attention), or layers in one direction that decide about a word once ``lookahead`` more
have been read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from lstm_models.nn.dropout import Dropout
from lstm_models.nn.lstm import LSTM
from lstm_models.tasks.punctuation.config import PunctuatorConfig
from lstm_models.tasks.punctuation.features import CASES, GROUPS, MARKS
from lstm_models.text.word_vocabulary import PADDING, WordVocabulary, ending_ids

__all__ = ["IGNORED", "PunctuationNetwork", "collate"]

IGNORED = -100  # a label that does not count


class PunctuationNetwork(nn.Module):
    """Marks and cases of words; see the module and ``PunctuatorConfig``."""

    Config = PunctuatorConfig

    def __init__(self, config: PunctuatorConfig) -> None:
        super().__init__()
        self.config = config
        self.vocabulary = WordVocabulary(config.vocabulary)
        self.end = len(self.vocabulary)  # the number of the end of the text
        self.words = nn.Embedding(self.end + 1, config.embedding_size, padding_idx=PADDING)
        self.endings = nn.Embedding(config.ending_buckets, config.ending_size) if config.ending_size else None
        size, both = config.embedding_size + config.ending_size, config.lookahead is None
        dropout = Dropout(input=config.embedding_dropout, hidden=config.dropout)
        self.lstm = LSTM(size, config.hidden_size, config.layers, bidirectional=both, dropout=dropout)
        self.dropout = nn.Dropout(config.dropout)
        self.marks = nn.Linear(self.lstm.output_size, len(MARKS))
        self.cases = nn.Linear(self.lstm.output_size, len(CASES))
        nn.init.normal_(self.words.weight, std=0.3)
        with torch.no_grad():
            self.words.weight[PADDING] = 0

    def encode(self, words: Sequence[str], *, end: bool = True) -> tuple[Tensor, Tensor]:
        """Numbers of words and of their endings [words], and with ``end`` one more, of the end of the text."""
        ids, endings = self.vocabulary.ids(words), ending_ids(words, self.config.ending_buckets)
        if end:
            ids, endings = [*ids, self.end], [*endings, 0]
        return torch.tensor(ids, dtype=torch.long), torch.tensor(endings, dtype=torch.long)

    def embed(self, words: Tensor, endings: Tensor) -> Tensor:
        """Features [batch, words, features] of numbers [batch, words]."""
        parts = [self.words(words)] + ([] if self.endings is None else [self.endings(endings)])
        return torch.cat(parts, -1)

    def heads(self, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Log probabilities of marks [..., marks] and cases [..., cases] of the LSTM's outputs."""
        hidden = self.dropout(hidden)
        return self.marks(hidden).float().log_softmax(-1), self.cases(hidden).float().log_softmax(-1)

    def forward(self, words: Tensor, endings: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Log probabilities of what follows each word and of its case.

        Args:
            words: numbers of words [batch, words], 0 in padding.
            endings: numbers of their endings [batch, words].
            lengths: how many words are real [batch]; all if None.

        Returns:
            Log probabilities of marks [batch, words, marks] and of cases [batch, words, cases].
        """
        ahead = self.config.lookahead or 0
        if ahead:
            words, endings = (nn.functional.pad(each, (0, ahead)) for each in (words, endings))
            lengths = None if lengths is None else lengths + ahead
        hidden, _ = self.lstm(self.embed(words, endings), lengths=lengths)
        return self.heads(hidden[:, ahead:])

    def loss(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Cross-entropy of marks and cases in nats, summed over the batch.

        Args:
            batch: ``words``, ``endings``, ``marks`` and ``cases`` [batch, words] (labels, ``IGNORED`` where none
                counts), ``lengths`` [batch].

        Returns:
            ``loss``, and the counts ``points`` (words) and ``lines``; while evaluating also ``marks_right``,
            ``marks_found`` and ``marks_there``, from which F1 follows, marks merged into their groups.
        """
        marks, cases = self(batch["words"], batch["endings"], batch["lengths"])
        total = marks.new_zeros(())
        for log_probs, labels in ((marks, batch["marks"]), (cases, batch["cases"])):
            flat = labels.flatten()
            total = total + nn.functional.nll_loss(log_probs.flatten(0, 1), flat, ignore_index=IGNORED, reduction="sum")
        real = batch["marks"] != IGNORED
        result = {"loss": total, "points": real.sum(), "lines": torch.tensor(len(real))}
        if not self.training:
            there = torch.tensor(GROUPS, device=real.device)[batch["marks"].clamp(min=0)][real]
            found = group_log_probs(marks)[real].argmax(-1)
            result |= {"marks_right": ((found == there) & (there > 0)).sum()}
            result |= {"marks_found": (found > 0).sum(), "marks_there": (there > 0).sum()}
        return result


def group_log_probs(marks: Tensor) -> Tensor:
    """Log probabilities [..., 4] of no mark, comma, period and question mark, of those of all marks [..., marks]."""
    groups = torch.tensor(GROUPS, device=marks.device)
    return torch.stack([marks[..., groups == group].logsumexp(-1) for group in range(max(GROUPS) + 1)], -1)


def collate(items: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """What ``loss`` takes, of items with ``words``, ``endings``, ``marks`` and ``cases`` [words] each."""
    lengths = torch.tensor([len(item["words"]) for item in items])
    batch = {"lengths": lengths}
    for name, padding in (("words", PADDING), ("endings", 0), ("marks", IGNORED), ("cases", IGNORED)):
        columns = [item[name].long() for item in items]
        batch[name] = nn.utils.rnn.pad_sequence(columns, batch_first=True, padding_value=padding)
    return batch
