"""The network of a question answerer: LSTMs read a passage with a question and point to the start and end of an answer.

- The first layers read the passage, and the question, by themselves. So a passage is read once for all its questions,
  and only what comes after is done for each: BiDAF's order (Seo et al. 2017, arXiv:1611.01603), not that of DrQA.
- A word's vector is that of its number and what a convolution finds in its characters (Kim 2014, arXiv:1408.5882), by
  which numbers and names that are not in the vocabulary differ.
- Each token of the passage is aligned with the words of the question twice: by what the layers read, and by the words
  alone (Chen et al. 2017, arXiv:1704.00051, section 3.2); it also has flags for words that the question has.
- A layer reads the passage with all that; a second one goes over it once more with what is said elsewhere in the
  passage (self-matching, as Clark and Gardner 2018, arXiv:1710.10723, section 2.1).
- The probability of an answer is that of its start times that of its end given the start. The start may also be
  "nowhere", which is learnt from passages that do not belong to the question.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from lstm_models.nn.dropout import Dropout, drop_features
from lstm_models.nn.lstm import LSTM
from lstm_models.tasks.question_answering.config import QuestionAnswererConfig
from lstm_models.tasks.question_answering.features import (
    ALPHABET,
    CHARACTERS,
    FLAGS,
    PADDING,
    SHAPES,
    EncodedText,
    WordNumbers,
)

__all__ = ["NOWHERE", "CharacterFeatures", "Item", "Pointers", "QuestionAnsweringNetwork", "Read", "collate"]

NOWHERE = -1  # the start of an answer that is not in the passage


class Read(NamedTuple):
    """Texts that were read by themselves: ``context`` [texts, tokens, 2 × encoder], ``words`` [texts, tokens,
    features], and which tokens are ``real`` [texts, tokens]."""

    context: Tensor
    words: Tensor
    real: Tensor

    def select(self, index: Tensor) -> Read:
        """The texts ``index`` [texts]."""
        return Read(*(tensor.index_select(0, index) for tensor in self))


class Pointers(NamedTuple):
    """What is found for each question.

    Attributes:
        start: log probabilities [questions, 1 + tokens] that there is no answer, and that it starts at each token.
        tokens: features [questions, tokens, 2 × modeling] of the tokens, from which the end is found.
        real: which tokens are real [questions, tokens].
        alignment: attention [questions, tokens, question tokens] from the passage to the question.
    """

    start: Tensor
    tokens: Tensor
    real: Tensor
    alignment: Tensor


class Item(NamedTuple):
    """A passage with some of its questions, as ``collate`` takes it.

    ``spans``: the first and the last token of each answer; ``NOWHERE`` twice where the passage has none.
    ``repeats``: where the same words stand again: the question's place, first and last token.
    """

    passage: EncodedText
    questions: Sequence[EncodedText]
    flags: Sequence[object]
    spans: Sequence[tuple[int, int]]
    repeats: Sequence[tuple[int, int, int]] = ()


class CharacterFeatures(nn.Module):
    """What a convolution over five characters finds in a word, as an addition to its vector, nothing at first.

    Args:
        filters: of the convolution; each gives its highest value in the word.
        size: features of the vector.
    """

    def __init__(self, filters: int, size: int) -> None:
        super().__init__()
        self.characters = nn.Embedding(ALPHABET, 16)
        self.convolution = nn.Conv1d(16, filters, 5, padding=2)
        self.output = nn.Linear(filters, size, bias=False)
        nn.init.normal_(self.characters.weight, std=0.3)
        nn.init.zeros_(self.output.weight)

    def forward(self, words: Tensor) -> Tensor:
        """[texts, tokens, size] of the characters [texts, tokens, 16]; a word that comes often is read once."""
        unique, places = words.flatten(0, 1).unique(dim=0, return_inverse=True)
        found = self.convolution(self.characters(unique.long()).transpose(1, 2)).amax(2).relu()
        vectors: Tensor = self.output(found)[places].unflatten(0, words.shape[:2])
        return vectors


class QuestionAnsweringNetwork(nn.Module):
    """Probabilities of the start and end of an answer; see the module and ``QuestionAnswererConfig``."""

    Config = QuestionAnswererConfig

    def __init__(self, config: QuestionAnswererConfig) -> None:
        super().__init__()
        self.config = config
        self.numbers = WordNumbers(config.vocabulary, config.ending_buckets)
        self.vectors = nn.Embedding(len(self.numbers), config.embedding_size, padding_idx=PADDING)
        self.vectors.weight.requires_grad_(False)
        self.tuned = nn.Embedding(config.tuned_words + 2, config.embedding_size)
        nn.init.zeros_(self.tuned.weight)
        self.endings = nn.Embedding(config.ending_buckets, config.ending_size)
        self.shapes = nn.Embedding(len(SHAPES), 8)
        for embedding in (self.endings, self.shapes):
            nn.init.normal_(embedding.weight, std=0.3)
        self.characters = None
        if config.character_filters:
            self.characters = CharacterFeatures(config.character_filters, config.embedding_size)
        features = config.embedding_size + config.ending_size + 8
        dropout = Dropout(input=config.embedding_dropout, hidden=config.dropout)
        self.encoder = LSTM(
            features, config.encoder_size, config.encoder_layers, bidirectional=True, dropout=dropout, skip="residual"
        )
        context, size = 2 * config.encoder_size, config.attention_size
        # What a passage gives whatever the question: a query, a factor, and a part of what is read further
        self.of_passage = nn.Linear(context, 3 * size)
        self.of_question = nn.Linear(context, 3 * size)
        self.word_key = nn.Linear(config.embedding_size, size)
        self.word_value = nn.Linear(config.embedding_size, size, bias=False)
        self.product = nn.Linear(size, size, bias=False)
        self.flags = nn.Linear(FLAGS, size, bias=False)
        hidden = 2 * config.modeling_size
        self.modeling = LSTM(size, config.modeling_size, bidirectional=True)
        if config.self_attention:
            self.self_key = nn.Linear(hidden, 2 * hidden, bias=False)
            self.self_mix = nn.Linear(2 * hidden, size)
            self.second = LSTM(size, config.modeling_size, bidirectional=True)
        self.summary = nn.Linear(context, 1)
        self.start = nn.Linear(context, hidden)
        self.end = nn.Linear(context, hidden)
        self.end_of_start = nn.Linear(hidden, hidden, bias=False)
        self.span_length = nn.Parameter(torch.zeros(config.longest_answer))
        self.nowhere = nn.Sequential(nn.Linear(hidden + context, 64), nn.ReLU(), nn.Linear(64, 1))

    def _drop(self, x: Tensor) -> Tensor:
        return drop_features(x, self.config.dropout, self.training)

    def read(
        self, words: Tensor, endings: Tensor, shapes: Tensor, lengths: Tensor, characters: Tensor | None = None
    ) -> Read:
        """Reads texts by themselves.

        Args:
            words: numbers of words [texts, tokens].
            endings: of their endings.
            shapes: of their shapes.
            lengths: how many tokens are real [texts], at least 1.
            characters: of the words [texts, tokens, 16], where the network has a convolution over them.
        """
        tuned = words.where(words < self.tuned.num_embeddings, PADDING)
        vectors = self.vectors(words) + self.tuned(tuned)
        if self.characters is not None:
            assert characters is not None
            vectors = vectors + self.characters(characters)
        features = torch.cat([vectors, self.endings(endings), self.shapes(shapes)], -1)
        context, _ = self.encoder(features, lengths=lengths)
        real = torch.arange(words.size(1), device=words.device) < lengths[:, None].to(words.device)
        return Read(self._drop(context), vectors, real)

    def read_part(self, batch: Mapping[str, Tensor], kind: str) -> Read:
        """Reads the passages or the questions of a batch as ``collate`` makes it; kind: passage or question."""
        parts = ("words", "endings", "shapes", "lengths", "characters")
        return self.read(*(batch[f"{kind}_{part}"] for part in parts))

    def forward(self, passage: Read, question: Read, owner: Tensor, flags: Tensor) -> Pointers:
        """Reads passages with questions.

        Args:
            passage: passages that were read.
            question: questions that were read.
            owner: which passage each question is put to [questions].
            flags: which tokens of the passage the question has [questions, tokens, 3].

        Returns:
            Where an answer starts, and what its end follows from.
        """
        mixed, alignment = self._align(passage, question, owner, flags)
        real = passage.real.index_select(0, owner)
        lengths = real.sum(1).cpu()
        tokens, _ = self.modeling(self._drop(mixed), lengths=lengths)
        if self.config.self_attention:
            tokens = self._drop(tokens)
            again = self._match_self(tokens, real)
            tokens, _ = self.second(self._drop(again), lengths=lengths)
        tokens = self._drop(tokens)
        question_vector = self._summarize(question)
        start = (tokens @ self.start(question_vector).unsqueeze(2).to(tokens.dtype)).squeeze(2).float() / math.sqrt(
            tokens.size(2)
        )
        start = start.masked_fill(~real, -math.inf)
        seen = (start.softmax(1).to(tokens.dtype).unsqueeze(1) @ tokens).squeeze(1)
        nowhere = self.nowhere(torch.cat([seen, question_vector.to(seen.dtype)], 1)).float()
        return Pointers(torch.cat([nowhere, start], 1).log_softmax(1), tokens, real, alignment)

    def _align(self, passage: Read, question: Read, owner: Tensor, flags: Tensor) -> tuple[Tensor, Tensor]:
        """What is read further of each token [questions, tokens, attention], and its alignment with the question."""
        query, factor, token_part = self.of_passage(passage.context).index_select(0, owner).chunk(3, -1)
        key, other_factor, value = self.of_question(question.context).chunk(3, -1)
        padding = ~question.real[:, None]
        scores = query @ key.transpose(1, 2) / math.sqrt(key.size(-1))
        by_context = scores.float().masked_fill(padding, -math.inf).softmax(-1)
        of_words = self.word_key(passage.words).relu().index_select(0, owner)
        scores = of_words @ self.word_key(question.words).relu().transpose(1, 2)
        by_words = scores.float().masked_fill(padding, -math.inf).softmax(-1)
        aligned, aligned_factor = (by_context.to(key.dtype) @ torch.cat([value, other_factor], -1)).chunk(2, -1)
        words = by_words.to(key.dtype) @ self.word_value(question.words)
        product = self.product(factor * aligned_factor)
        return (token_part + aligned + words + product + self.flags(flags.to(token_part.dtype))).relu(), by_context

    def _match_self(self, tokens: Tensor, real: Tensor) -> Tensor:
        """Each token with what the others of the passage say about the same [questions, tokens, attention]."""
        query, key = self.self_key(tokens).chunk(2, -1)
        # Half as long as scaled_dot_product_attention on a CPU
        padding = torch.zeros_like(tokens[..., 0]).masked_fill(~real, -1e4)[:, None]
        scores = torch.baddbmm(padding, query / math.sqrt(query.size(-1)), key.transpose(1, 2))
        elsewhere = scores.softmax(-1, dtype=torch.float32).to(tokens.dtype) @ tokens
        mixed: Tensor = self.self_mix(torch.cat([tokens, elsewhere], -1))
        return mixed.relu()

    def _summarize(self, question: Read) -> Tensor:
        """The questions as one vector each [questions, 2 × encoder]."""
        scores: Tensor = self.summary(question.context).squeeze(2).float().masked_fill(~question.real, -math.inf)
        weights = scores.softmax(1).to(question.context.dtype)
        return (weights.unsqueeze(1) @ question.context).squeeze(1)

    def ends(self, found: Pointers, starts: Tensor, question: Read) -> Tensor:
        """Log probabilities [questions, longest answer] that an answer which starts at the token ``starts``
        [questions] has so many tokens, from 1 on."""
        count, longest = starts.size(0), self.config.longest_answer
        first = found.tokens[torch.arange(count, device=starts.device), starts]
        places = starts[:, None] + torch.arange(longest, device=starts.device)
        inside = places < found.tokens.size(1)
        places = places.clamp(max=found.tokens.size(1) - 1)
        tokens = found.tokens.gather(1, places[..., None].expand(-1, -1, found.tokens.size(2)))
        wanted: Tensor = self.end(self._summarize(question)) + self.end_of_start(first)
        scores = (tokens @ wanted.unsqueeze(2).to(tokens.dtype)).squeeze(2).float() / math.sqrt(tokens.size(2))
        real = inside & found.real.gather(1, places)
        return (scores + self.span_length).masked_fill(~real, -math.inf).log_softmax(1)

    def loss(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Negative log-likelihood of the answers in nats, summed over the batch; where the words of an answer stand in
        several places, of any of these (Clark and Gardner 2018, section 3.1).

        Args:
            batch: as ``collate`` makes it.

        Returns:
            ``loss``, and the counts ``points`` (questions) and ``lines`` (those with an answer); while evaluating also
            ``exact``, the answers that were found to the token.
        """
        passage, question = (self.read_part(batch, kind) for kind in ("passage", "question"))
        found = self(passage, question, batch["owner"], batch["flags"])
        start, end, again = batch["start"], batch["end"], batch["repeats"]
        there = start != NOWHERE
        rows = torch.cat([there.nonzero()[:, 0], again[:, 0]])
        starts = torch.cat([start[there], again[:, 1]])
        more = torch.cat([(end - start)[there], again[:, 2] - again[:, 1]])
        part = Pointers(*(tensor.index_select(0, rows) for tensor in found))
        ends = self.ends(part, starts, question.select(rows)).gather(1, more[:, None])[:, 0]
        spans = part.start.gather(1, starts[:, None] + 1)[:, 0] + ends
        loss = -found.start[~there, 0].sum() - _summed(spans, rows, len(start))[there].sum()
        result = {"loss": loss, "points": torch.tensor(float(len(start))), "lines": there.sum()}
        if not self.training:
            best = found.start[:, 1:].argmax(1)
            length = self.ends(found, best, question).argmax(1)
            result["exact"] = ((best[rows] == starts) & (length[rows] == more)).sum()
        return result


def _summed(log_probs: Tensor, rows: Tensor, count: int) -> Tensor:
    """The logarithms of the sums of probabilities that belong to the same of ``count`` rows."""
    highest = log_probs.new_zeros(count).scatter_reduce(0, rows, log_probs.detach(), "amax", include_self=False)
    sums = log_probs.new_zeros(count).index_add(0, rows, (log_probs - highest[rows]).exp())
    return highest + sums.log()


def collate(items: Sequence[Item]) -> dict[str, Tensor]:
    """What ``loss`` takes, of passages with their questions."""
    batch = _padded("passage", [item.passage for item in items])
    batch |= _padded("question", [question for item in items for question in item.questions])
    batch["owner"] = torch.tensor([number for number, item in enumerate(items) for _ in item.questions])
    flags = torch.zeros(len(batch["owner"]), batch["passage_words"].size(1), FLAGS, dtype=torch.uint8)
    for row, each in enumerate(flag for item in items for flag in item.flags):
        flags[row, : len(each)] = torch.as_tensor(each)  # type: ignore[arg-type]
    spans = torch.tensor([span for item in items for span in item.spans]).view(-1, 2)
    repeats, before = [], 0
    for item in items:
        repeats += [(before + place, first, last) for place, first, last in item.repeats]
        before += len(item.questions)
    again = torch.tensor(repeats, dtype=torch.long).view(-1, 3)
    return {**batch, "flags": flags, "start": spans[:, 0], "end": spans[:, 1], "repeats": again}


def _padded(name: str, texts: Sequence[EncodedText]) -> dict[str, Tensor]:
    longest = max(len(text.words) for text in texts)
    batch = {f"{name}_lengths": torch.tensor([len(text.words) for text in texts])}
    for part in ("words", "endings", "shapes"):
        column = torch.zeros(len(texts), longest, dtype=torch.long)
        for row, text in enumerate(texts):
            column[row, : len(text.words)] = torch.as_tensor(getattr(text, part))
        batch[f"{name}_{part}"] = column
    characters = torch.zeros(len(texts), longest, CHARACTERS, dtype=torch.uint8)
    for row, text in enumerate(texts):
        characters[row, : len(text.words)] = torch.as_tensor(text.characters.copy())
    return {**batch, f"{name}_characters": characters}
