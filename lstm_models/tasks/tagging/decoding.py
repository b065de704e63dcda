"""From words to their labels: what ``Tagger.tag`` does.

Sentences are run as batches of like length. One that is very long (a transcript without marks) is read in windows that
overlap, and the chains of labels run over all of it. Confidences are the chains' marginal probabilities.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lstm_models.tasks.tagging.features import NAMES, POS_TAGS, spans_of
from lstm_models.tasks.tagging.network import collate
from lstm_models.tasks.tagging.results import Entity, Token

if TYPE_CHECKING:
    from lstm_models.tasks.tagging.network import TaggingNetwork

__all__ = ["entities_of", "label", "scores"]

_WINDOW, _MARGIN = 200, 25  # words that are read together, and those at its ends whose neighbours are out of sight
_BATCH_WORDS = 4000  # of a batch, padding included


@torch.no_grad()
def scores(network: TaggingNetwork, sentences: Sequence[Sequence[str]]) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Scores of parts of speech [words, tags], names [words, names] and classes [classes] of each sentence.

    Those of the classes are the means over the sentence's windows.
    """
    windows: list[tuple[int, int, int]] = []  # sentence, first word, the word after the last
    for number, words in enumerate(sentences):
        whole = len(words) <= _WINDOW
        starts = [0] if whole else range(0, len(words) - 2 * _MARGIN, _WINDOW - 2 * _MARGIN)
        windows += [(number, start, min(start + _WINDOW, len(words))) for start in starts]
    parts: dict[tuple[int, int], tuple[Tensor, Tensor, Tensor]] = {}
    for batch in _batches(windows):
        items = [network.encode(sentences[number][first:last]) for number, first, last in batch]
        inputs = {name: value.to(network.words.weight.device) for name, value in collate(items).items()}
        order = ("words", "spellings", "spelling_lengths", "places", "lengths")
        pos, names, classes = network(*(inputs[name] for name in order))
        for row, (number, first, last) in enumerate(batch):
            begin = _MARGIN if first else 0
            end = last - first if last == len(sentences[number]) else _WINDOW - _MARGIN
            parts[number, first] = pos[row, begin:end].cpu(), names[row, begin:end].cpu(), classes[row].cpu()
    found: list[tuple[list[Tensor], list[Tensor], list[Tensor]]] = [([], [], []) for _ in sentences]
    for number, first, _ in windows:
        for kept, part in zip(found[number], parts[number, first], strict=True):
            kept.append(part)
    return [(torch.cat(pos), torch.cat(names), torch.stack(classes).mean(0)) for pos, names, classes in found]


def label(
    network: TaggingNetwork, sentences: Sequence[Sequence[str]], starts: Sequence[Sequence[int]] | None = None
) -> tuple[list[tuple[Token, ...]], dict[str, float]]:
    """The words of each sentence with their labels, and the probability of each class of the whole text.

    A text's logits are the means over its sentences; a network without classes has no probabilities.

    Args:
        network: the model.
        sentences: words, one or more each.
        starts: where each word begins in its text, in characters.
    """
    made = []
    known = network.config.labels.split()
    found = scores(network, sentences)
    for number, (words, (pos, names, _)) in enumerate(zip(sentences, found, strict=True)):
        unknown = [0] * len(words), [0.0] * len(words)
        tags, tags_sure = _path(network.pos_chain, pos) if "pos" in known else unknown
        kinds, kinds_sure = _path(network.name_chain, names) if "names" in known else unknown
        places: Sequence[int | None] = [None] * len(words) if starts is None else starts[number]
        rows = zip(words, tags, kinds, tags_sure, kinds_sure, places, strict=True)
        made.append(
            tuple(
                Token(word, POS_TAGS[tag] if "pos" in known else "", NAMES[kind], tag_sure, kind_sure, start)
                for word, tag, kind, tag_sure, kind_sure, start in rows
            )
        )
    classes = network.config.classes.split()
    sure = torch.stack([each for _, _, each in found]).mean(0).softmax(-1).tolist() if classes else []
    return made, dict(zip(classes, sure, strict=True))


def entities_of(sentences: Sequence[Sequence[Token]], text: str | None = None) -> tuple[Entity, ...]:
    """The names among labelled words, as they stand in the text where words have places in it."""
    found, before = [], 0
    for sentence in sentences:
        for first, last, kind in spans_of([token.entity for token in sentence]):
            words = sentence[first:last]
            shown = " ".join(word.text for word in words)
            if text is not None and words[0].start is not None and words[-1].start is not None:
                shown = " ".join(text[words[0].start : words[-1].start + len(words[-1].text)].split())
            logs = [math.log(max(word.entity_confidence, 1e-9)) for word in words]
            confidence = math.exp(math.fsum(logs) / len(logs))
            found.append(Entity(shown, kind, before + first, before + last, confidence))
        before += len(sentence)
    return tuple(found)


def _path(chain: torch.nn.Module, emissions: Tensor) -> tuple[list[int], list[float]]:
    """The likeliest labels of one sequence [words, labels], and the probability of each."""
    device = next(chain.parameters()).device
    rows = emissions[None].to(device)
    with torch.no_grad():
        path = chain.decode(rows)[0]  # type: ignore[operator]
        sure = chain.marginals(rows)[0]  # type: ignore[operator]
    return path, sure[torch.arange(len(path)), torch.tensor(path)].clamp(0, 1).tolist()


def _batches(windows: Sequence[tuple[int, int, int]]) -> list[list[tuple[int, int, int]]]:
    """The windows in batches of like length."""
    batches: list[list[tuple[int, int, int]]] = []
    for window in sorted(windows, key=lambda each: each[2] - each[1]):
        longest = window[2] - window[1]
        if not batches or (len(batches[-1]) + 1) * longest > _BATCH_WORDS:
            batches.append([])
        batches[-1].append(window)
    return batches
