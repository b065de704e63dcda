"""``StoryAnswerer``: questions about short stories whose answer has to be worked out, such as bAbI's.

The answer is one of a fixed list ("garden", "yes", "two", "milk,apple"), and may stand nowhere in the story.

- An LSTM in both directions reads each sentence; another goes over the sentences of the story with the question.
- The answer is looked for in several hops: an LSTM step after each look at the sentences, by attention (as memory
  networks do: Sukhbaatar et al. 2015, arXiv:1503.08895, section 2, with LSTMs in the place of bags of words).
- Where the data name the sentences that an answer rests on, the looks are trained to fall on them.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from lstm_models.errors import InputError
from lstm_models.field_checks import check_at_least
from lstm_models.nn.dropout import Dropout
from lstm_models.nn.lstm import LSTM
from lstm_models.tasks.question_answering.passages import sentences_of

__all__ = ["Story", "StoryAnswer", "StoryAnswerer", "StoryAnswererConfig", "StoryEncoder", "StoryItem", "collate"]

_WORD = re.compile(r"\w+(?:'\w+)?")
_PADDING, _UNKNOWN = 0, 1


@dataclass(frozen=True)
class StoryAnswererConfig:
    """Sizes of the network, its words and its answers.

    Attributes:
        vocabulary: words in lower case, set apart by blanks; taken from the training stories if empty.
        answers: answers it can give, set apart by blanks; likewise.
        embedding_size: features of a word.
        hidden_size: units of the LSTMs over words and over sentences, in each direction.
        hops: looks at the story.
        longest: sentences of a story; of a longer one the last.
        dropout: fraction of features dropped while training.
        facts_weight: of the loss that draws the looks to the sentences an answer rests on; 0 for none.
    """

    vocabulary: str = ""
    answers: str = ""
    embedding_size: int = 64
    hidden_size: int = 64
    hops: int = 3
    longest: int = 130
    dropout: float = 0.1
    facts_weight: float = 1.0

    def __post_init__(self) -> None:
        check_at_least(self, 1, "embedding_size", "hidden_size", "hops", "longest")
        if not 0 <= self.dropout < 1 or not 0 <= self.facts_weight < math.inf:
            raise ValueError("model: dropout must be from 0 to below 1, and facts_weight 0 or more")


class Story(NamedTuple):
    """Sentences, a question about them, its answer, the numbers of the sentences that the answer rests on, and the
    kind of question, such as bAbI's task."""

    sentences: tuple[str, ...]
    question: str
    answer: str = ""
    facts: tuple[int, ...] = ()
    kind: str = ""


class StoryItem(NamedTuple):
    """A story as numbers: of the words of each sentence and of the question, the answer's, and its facts."""

    sentences: tuple[tuple[int, ...], ...]
    question: tuple[int, ...]
    answer: int
    facts: tuple[int, ...]


@dataclass(frozen=True)
class StoryAnswer:
    """An answer, how probable it is, how much each look fell on each sentence, and the next likeliest answers.

    ``attention`` is [hops][sentences]; ``sentences`` are those of the story.
    """

    text: str
    confidence: float
    sentences: tuple[str, ...]
    attention: tuple[tuple[float, ...], ...]
    alternatives: tuple[tuple[str, float], ...] = ()

    def __str__(self) -> str:
        return self.text


class StoryEncoder:
    """Stories as numbers; see ``StoryAnswererConfig``."""

    def __init__(self, config: StoryAnswererConfig) -> None:
        self.words = {word: number for number, word in enumerate(config.vocabulary.split(), 2)}
        self.answers = config.answers.split()
        self._answers = {answer: number for number, answer in enumerate(self.answers)}
        self.longest = config.longest

    @staticmethod
    def split(sentence: str) -> list[str]:
        """The words of a sentence, in lower case."""
        return _WORD.findall(sentence.lower().replace("’", "'"))

    def sentence(self, text: str) -> tuple[int, ...]:
        """Numbers of a sentence's words; of one without words, the unknown one's."""
        return tuple(self.words.get(word, _UNKNOWN) for word in self.split(text)) or (_UNKNOWN,)

    def __call__(self, story: Story) -> StoryItem:
        """A story as numbers; an answer that is not in the list is -1, and a fact that is cut off is left out."""
        cut = max(0, len(story.sentences) - self.longest)
        return StoryItem(
            tuple(map(self.sentence, story.sentences[cut:])),
            self.sentence(story.question),
            self._answers.get(story.answer.lower(), -1),
            tuple(fact - cut for fact in story.facts if fact >= cut),
        )


class StoryAnswerer(nn.Module):
    """Answers questions about stories; see the module.

    >>> answerer = lstm_models.load("story-answerer")                                       # doctest: +SKIP
    >>> answerer.answer("Where is Mary?", "Mary went home. John left.").text                # doctest: +SKIP
    """

    Config = StoryAnswererConfig

    def __init__(self, config: StoryAnswererConfig) -> None:
        super().__init__()
        self.config, self.encoder = config, StoryEncoder(config)
        size, both = config.hidden_size, 2 * config.hidden_size
        self.words = nn.Embedding(len(self.encoder.words) + 2, config.embedding_size)
        nn.init.normal_(self.words.weight, std=0.3)
        self.reader = LSTM(config.embedding_size, size, bidirectional=True, dropout=Dropout(input=config.dropout))
        self.story = LSTM(2 * both, size, bidirectional=True)
        self.key = nn.Linear(2 * both, both)
        self.value = nn.Linear(2 * both, both)
        self.query = nn.Linear(both, both)
        self.hop = LSTM(2 * both, both)
        self.dropout = nn.Dropout(config.dropout)
        self.output = nn.Linear(2 * both, max(1, len(self.encoder.answers)))

    def forward(self, batch: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Log probabilities of the answers, and where the looks fell.

        Args:
            batch: as ``collate`` makes it.

        Returns:
            Log probabilities [stories, answers], and attention [stories, hops, sentences].
        """
        _, state = self.reader(self.words(batch["texts"]), lengths=batch["text_lengths"])
        read = self.dropout(torch.cat([state.h[-2], state.h[-1]], 1))
        sentences = read.index_select(0, batch["sentences"].flatten()).unflatten(0, batch["sentences"].shape)
        question = read.index_select(0, batch["question"])
        lengths = batch["lengths"]
        about = torch.cat([sentences, sentences * question[:, None]], -1)
        over, _ = self.story(about, lengths=lengths)
        memory = torch.cat([sentences, self.dropout(over).to(sentences.dtype)], -1)
        keys, values = self.key(memory), self.value(memory)
        padding = torch.arange(keys.size(1), device=keys.device) >= lengths[:, None].to(keys.device)
        query, looks, hops = question, [], self.hop.initial_state(len(question))
        for _ in range(self.config.hops):
            scores = (keys @ self.query(query).unsqueeze(2).to(keys.dtype)).squeeze(2).float()
            look = (scores / math.sqrt(keys.size(2))).masked_fill(padding, -math.inf).softmax(1)
            seen = (look.to(values.dtype).unsqueeze(1) @ values).squeeze(1)
            query, hops = self.hop.step(torch.cat([seen.to(question.dtype), query.to(question.dtype)], 1), hops)
            looks.append(look)
        found = self.output(self.dropout(torch.cat([query.to(question.dtype), question], 1)))
        return found.float().log_softmax(1), torch.stack(looks, 1)

    def loss(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Negative log-likelihood of the answers in nats, summed, and the weighted loss of the looks while training.

        Returns:
            ``loss``, and the counts ``points`` and ``lines`` (both stories); while evaluating also ``right``.
        """
        found, looks = self(batch)
        answer = batch["answer"]
        loss = nn.functional.nll_loss(found, answer.clamp(min=0), reduction="sum")
        count = torch.tensor(float(len(answer)))
        if not self.training:
            return {"loss": loss, "points": count, "lines": count, "right": (found.argmax(1) == answer).sum()}
        facts = batch["facts"]
        wanted = -(looks.mean(1) + 1e-6).log() * facts
        return {"loss": loss + self.config.facts_weight * wanted.sum(), "points": count, "lines": count}

    @torch.no_grad()
    def answer(self, question: str, story: str | Sequence[str], *, n_best: int = 3) -> StoryAnswer:
        """The answer to a question about a story, a text or a list of sentences.

        Raises:
            InputError: the question or the story is empty.
        """
        sentences = tuple(sentences_of(story) if isinstance(story, str) else story)
        if not question.strip() or not any(each.strip() for each in sentences):
            raise InputError("the question is empty" if not question.strip() else "the story is empty", usage=True)
        item = self.encoder(Story(sentences, question))
        device = self.words.weight.device
        found, looks = self({name: value.to(device) for name, value in collate([item]).items()})
        best = found[0].exp().topk(min(n_best, found.size(1)))
        ranked = [
            (self.encoder.answers[number], value) for value, number in zip(*map(Tensor.tolist, best), strict=True)
        ]
        attention = tuple(tuple(row) for row in looks[0].tolist())
        return StoryAnswer(*ranked[0], sentences[-self.config.longest :], attention, tuple(ranked[1:]))

    def export_onnx(self, path: str | os.PathLike[str], *, int8: bool = False) -> Path:
        """Write the network as an ONNX graph; see ``lstm_models.tasks.question_answering.stories_onnx_graph``.

        Inputs, int64, as ``collate`` makes them: ``texts`` [different, words], each different sentence and question
        once, with ``text_lengths`` [different]; which of them are the ``sentences`` [stories, sentences], of which
        ``lengths`` [stories] are real, and the ``question`` [stories]. Outputs: ``log_probs`` [stories, answers] and
        ``attention`` [stories, hops, sentences].

        Raises:
            InputError: onnx (or, for int8, onnxruntime) is missing, or the file cannot be written.
        """
        from lstm_models.tasks.question_answering.stories_onnx_graph import export

        return export(self, path, int8=int8)


def collate(items: Sequence[StoryItem]) -> dict[str, Tensor]:
    """What the network takes: each different sentence once in ``texts`` [texts, words] with ``text_lengths``, which of
    them are the ``sentences`` [stories, sentences] and the ``question`` [stories], how many sentences are real
    (``lengths``), the number of the ``answer`` and each sentence's share of the ``facts``, which sum to 1 or 0."""
    texts: dict[tuple[int, ...], int] = {}
    rows = [[texts.setdefault(each, len(texts)) for each in item.sentences] for item in items]
    question = [texts.setdefault(item.question, len(texts)) for item in items]
    pad = nn.utils.rnn.pad_sequence
    sentences = pad([torch.tensor(row) for row in rows], batch_first=True)
    facts = torch.zeros(sentences.shape)
    for number, item in enumerate(items):
        for fact in item.facts:
            facts[number, fact] = 1 / len(item.facts)
    return {
        "texts": pad([torch.tensor(text) for text in texts], batch_first=True, padding_value=_PADDING),
        "text_lengths": torch.tensor([len(text) for text in texts]),
        "sentences": sentences,
        "lengths": torch.tensor([len(row) for row in rows]),
        "question": torch.tensor(question),
        "answer": torch.tensor([item.answer for item in items]),
        "facts": facts,
    }
