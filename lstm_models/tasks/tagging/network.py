"""The network of a tagger: vectors and spellings of words, LSTM layers in both directions, and a CRF for each question.

One chain gives the part of speech of each word (the 17 of Universal Dependencies), the other the names of people,
places and organisations (IOB2). They are trained together on text that may have labels for only one of them. As Lample
et al. 2016, "Neural architectures for named entity recognition", with the spelling of each different word of a batch
read once. Where the config has classes, a third head gives the class of the whole text, such as its sentiment, from the
largest value of each feature over its words (Conneau et al. 2017, section 3.2.2).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from lstm_models.nn.crf import CRF
from lstm_models.nn.dropout import Dropout
from lstm_models.nn.lstm import LSTM
from lstm_models.tasks.tagging.config import TaggerConfig
from lstm_models.tasks.tagging.features import FORBIDDEN, NAMES, POS_TAGS, spans_of
from lstm_models.text.word_vocabulary import PADDING, UNKNOWN, WordVocabulary

__all__ = ["UNLABELED", "TaggingNetwork", "collate"]

UNLABELED = -1  # of words without a label
_LONGEST = 32  # characters of a word that are read: half from its beginning, half from its end


class TaggingNetwork(nn.Module):
    """Scores of parts of speech and names; see the module and ``TaggerConfig``."""

    Config = TaggerConfig

    def __init__(self, config: TaggerConfig) -> None:
        super().__init__()
        self.config = config
        self.vocabulary = WordVocabulary(config.vocabulary)
        self._characters = {character: number for number, character in enumerate(config.characters, 2)}
        self.words = nn.Embedding(len(self.vocabulary), config.embedding_size, padding_idx=PADDING)
        self.characters = nn.Embedding(len(config.characters) + 2, config.character_size, padding_idx=PADDING)
        self.spelling = LSTM(config.character_size, config.spelling_size, bidirectional=True)
        size = config.embedding_size + self.spelling.output_size
        dropout = Dropout(input=config.dropout, hidden=config.dropout)
        self.lstm = LSTM(size, config.hidden_size, config.layers, bidirectional=True, dropout=dropout)
        self.dropout = nn.Dropout(config.dropout)
        self.pos_head = nn.Linear(self.lstm.output_size, len(POS_TAGS))
        self.name_head = nn.Linear(self.lstm.output_size, len(NAMES))
        classes = len(config.classes.split())
        self.class_head = nn.Linear(self.lstm.output_size, classes) if classes else None
        self.pos_chain, self.name_chain = CRF(len(POS_TAGS)), CRF(len(NAMES), FORBIDDEN)
        nn.init.normal_(self.words.weight, std=0.3)
        with torch.no_grad():
            self.words.weight[PADDING] = 0

    def encode(self, words: Sequence[str]) -> dict[str, Any]:
        """Numbers of words: ``words`` [words] and ``characters``, a list of numbers a word."""
        spellings = []
        for word in words:
            if len(word) > _LONGEST:
                word = word[: _LONGEST // 2] + word[-_LONGEST // 2 :]
            spellings.append([self._characters.get(character, UNKNOWN) for character in word])
        return {"words": self.vocabulary.ids(words), "characters": spellings}

    def parameter_groups(self) -> list[dict[str, object]]:
        """Word vectors that were trained elsewhere move slowly, so that words not seen in training still fit."""
        rest = [parameter for name, parameter in self.named_parameters() if name != "words.weight"]
        return [{"params": rest}, {"params": [self.words.weight], "scale": 0.1}]

    def forward(
        self, words: Tensor, spellings: Tensor, spelling_lengths: Tensor, places: Tensor, lengths: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Scores of labels: the emissions of the two chains, and the logits of the classes.

        Args:
            words: numbers of words [batch, words], 0 in padding.
            spellings: numbers of the characters of each different word [spellings, characters].
            spelling_lengths: how many are real [spellings].
            places: which spelling each word has [batch, words].
            lengths: how many words are real [batch].

        Returns:
            Scores of parts of speech [batch, words, tags], of names [batch, words, names] and of classes
            [batch, classes], float32; without classes the last is empty.
        """
        if self.training and self.config.word_dropout:
            drop = torch.rand(words.shape, device=words.device) < self.config.word_dropout
            words = words.masked_fill(drop & (words != PADDING), UNKNOWN)
        _, state = self.spelling(self.characters(spellings), lengths=spelling_lengths)
        spelled = torch.cat([state.h[0], state.h[1]], -1)
        x = torch.cat([self.words(words), nn.functional.embedding(places, spelled)], -1)
        hidden, _ = self.lstm(x, lengths=lengths)
        hidden = self.dropout(hidden)
        classes = hidden.new_zeros(len(hidden), 0)
        if self.class_head is not None:
            padding = torch.arange(hidden.size(1), device=hidden.device) >= lengths.to(hidden.device)[:, None]
            classes = self.class_head(hidden.masked_fill(padding[..., None], -torch.inf).amax(1))
        return self.pos_head(hidden).float(), self.name_head(hidden).float(), classes.float()

    def loss(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Negative log likelihood of the labels in nats, summed over the batch; sentences without labels count 0.

        Args:
            batch: what ``forward`` takes, by name, and ``pos`` and ``names`` [batch, words] and ``label`` [batch],
                ``UNLABELED`` throughout a sentence without labels.

        Returns:
            ``loss``, and the counts ``points`` (words) and ``lines``; while evaluating also ``pos_right`` and
            ``pos_there`` (words), ``names_right``, ``names_found`` and ``names_there`` (entities), and with classes
            ``labels_right`` and ``labels_there`` (texts).
        """
        inputs = {name: batch[name] for name in ("words", "spellings", "spelling_lengths", "places", "lengths")}
        *emissions_of, classes = self(**inputs)
        scores = dict(zip(("pos", "names"), emissions_of, strict=True))
        total = batch["words"].new_zeros((), dtype=torch.float32)
        result: dict[str, Tensor] = {}
        for name, chain in (("pos", self.pos_chain), ("names", self.name_chain)):
            rows = (batch[name][:, 0] != UNLABELED).nonzero()[:, 0]
            emissions, labels, lengths = scores[name][rows], batch[name][rows], batch["lengths"].to(rows.device)[rows]
            if len(rows):
                total = total - chain.log_likelihood(emissions, labels.clamp(min=0), lengths).sum()
            if not self.training:
                paths = chain.decode(emissions, lengths) if len(rows) else []
                wanted = [row[: len(path)] for row, path in zip(labels.tolist(), paths, strict=True)]
                result |= _pos_counts(paths, wanted) if name == "pos" else _name_counts(paths, wanted)
        if self.class_head is not None:
            labels = batch["label"].to(classes.device)
            total = total + nn.functional.cross_entropy(classes, labels, ignore_index=UNLABELED, reduction="sum")
            if not self.training:
                result["labels_right"] = (classes.argmax(-1) == labels).sum()
                result["labels_there"] = (labels != UNLABELED).sum()
        counts = {"points": batch["lengths"].sum(), "lines": torch.tensor(len(batch["words"]))}
        return {"loss": total, **counts, **result}


def _pos_counts(paths: list[list[int]], wanted: list[list[int]]) -> dict[str, Tensor]:
    pairs = [pair for path, right in zip(paths, wanted, strict=True) for pair in zip(path, right, strict=True)]
    right = sum(found == there for found, there in pairs)
    return {"pos_right": torch.tensor(right), "pos_there": torch.tensor(len(pairs))}


def _name_counts(paths: list[list[int]], wanted: list[list[int]]) -> dict[str, Tensor]:
    right = found = there = 0
    for path, labels in zip(paths, wanted, strict=True):
        ours, theirs = (set(spans_of([NAMES[label] for label in each])) for each in (path, labels))
        right, found, there = right + len(ours & theirs), found + len(ours), there + len(theirs)
    return {
        "names_right": torch.tensor(right),
        "names_found": torch.tensor(found),
        "names_there": torch.tensor(there),
    }


def collate(items: Sequence[Mapping[str, Any]]) -> dict[str, Tensor]:
    """What ``loss`` takes, of items as ``encode`` gives them, with ``pos``, ``names`` and ``label`` where known."""
    numbers: dict[tuple[int, ...], int] = {}
    rows = []
    for item in items:
        spelled = [tuple(spelling) for spelling in item["characters"]]
        rows.append([numbers.setdefault(spelling, len(numbers)) for spelling in spelled])
    lengths = [len(item["words"]) for item in items]
    unknown = [[UNLABELED] * length for length in lengths]
    return {
        "words": _padded([item["words"] for item in items], PADDING),
        "places": _padded(rows, 0),
        "spellings": _padded(list(numbers), PADDING),
        "spelling_lengths": torch.tensor([len(spelling) for spelling in numbers]),
        "lengths": torch.tensor(lengths),
        "pos": _padded([item.get("pos", row) for item, row in zip(items, unknown, strict=True)], UNLABELED),
        "names": _padded([item.get("names", row) for item, row in zip(items, unknown, strict=True)], UNLABELED),
        "label": torch.tensor([item.get("label", UNLABELED) for item in items]),
    }


def _padded(rows: Sequence[Sequence[int]], padding: int) -> Tensor:
    columns = [torch.tensor(row, dtype=torch.long) for row in rows]
    return nn.utils.rnn.pad_sequence(columns, batch_first=True, padding_value=padding)
