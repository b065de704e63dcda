"""Measures a language model: bits a character of texts, or the perplexity of Penn Treebank.

lstm-models evaluate language-modeling --data squad-dev.json
lstm-models evaluate language-modeling --model runs/ptb/model --data ptb.valid.txt --adapt true
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Sequence
from json import dumps
from typing import Any

from lstm_apps.tasks.language_modeling.metrics import bits_per_character, perplexity, xz_bits_per_character
from lstm_datasets.language_modeling.readers import read_lines, read_texts
from lstm_models.checkpoints import hub
from lstm_models.errors import InputError
from lstm_models.io.atomic_write import check_writable, write_whole
from lstm_models.tasks.language_modeling.adaptation import AdaptOptions
from lstm_models.tasks.language_modeling.model import LanguageModel
from lstm_models.tasks.language_modeling.scoring import read
from lstm_models.text.word_pieces import END

__all__ = ["evaluate"]


def evaluate(
    data: list[str],
    model: str = "language-model",
    adapt: bool = False,
    adaptation: AdaptOptions = AdaptOptions(),  # noqa: B008 - frozen
    limit: int | None = None,
    json: str | None = None,
) -> dict[str, Any]:
    """Measures a language model on texts and prints the figures.

    A model of word pieces reads each text by itself, a paragraph a line, an article in sections of about 12,000
    characters: bits a character, the ends of texts counted in the bits, and perplexity a word piece; beside them what
    xz -9 needs for the same texts. A model of words reads the lines of a file as one text, as is usual for Penn
    Treebank: perplexity a word, the ends of lines counted. The speed is in tokens a second of one core.

    Args:
        data: files of texts, as for training.
        model: a bundled model, a folder, or the id of one on the Hugging Face hub.
        adapt: learn from each text while it is read.
        adaptation: how it adapts.
        limit: measure on so many texts of each file, from its beginning; of a model of words, lines.
        json: a .json file for the figures.

    Returns:
        The figures, as in the file.

    Raises:
        InputError: the model, the data or an option is not what it should be, or the file cannot be written.
    """
    if limit is not None and limit < 1:
        raise InputError("--limit must be 1 or more", usage=True)
    if json is not None:
        check_writable(json)
    loaded = hub.load_as(LanguageModel, model)
    words = bool(loaded.config.words)
    options = adaptation if adapt else None
    figures: dict[str, Any] = {"model": model, "adapt": dataclasses.asdict(options) if options else None, "files": {}}
    tokens, seconds = 0, 0.0
    for path in data:
        texts = _texts(path, words, limit)
        started = time.process_time()
        log_prob, count = _log_prob(loaded, texts, options)
        seconds, tokens = seconds + time.process_time() - started, tokens + count
        scores: dict[str, Any] = {"texts": len(texts), "tokens": count}
        scores["perplexity"] = round(perplexity(log_prob, count), 2)
        if not words:
            characters = sum(map(len, texts))
            scores |= {"characters": characters, "characters_a_token": round(characters / count, 3)}
            scores["bits_per_character"] = round(bits_per_character(log_prob, characters), 4)
            scores["xz_bits_per_character"] = round(xz_bits_per_character(texts), 4)
        figures["files"][path] = scores
    figures["tokens_a_second"] = round(tokens / max(seconds, 1e-9))
    print(dumps(figures, indent=2, ensure_ascii=False))
    if json is not None:
        write_whole(json, dumps(figures, indent=1, ensure_ascii=False) + "\n")
    return figures


def _texts(path: str, words: bool, limit: int | None) -> list[str]:
    if words:
        return ["\n".join(read_lines(path)[:limit])]
    texts = list(read_texts(path))[:limit]
    if not texts:
        raise InputError(f"{path} has no texts")
    return texts


def _log_prob(model: LanguageModel, texts: Sequence[str], adapt: AdaptOptions | None) -> tuple[float, int]:
    """The log probability of all texts, and their tokens."""
    log_prob, count = 0.0, 0
    for ids in _ids(model, texts):
        for stretch in read(model, ids, adapt):
            log_prob += float(stretch.log_probs.gather(1, stretch.targets[:, None]).double().sum())
            count += len(stretch.targets)
    return log_prob, count


def _ids(model: LanguageModel, texts: Sequence[str]) -> Iterator[list[int]]:
    for text in texts:
        yield [END, *model.vocabulary.encode(text), END]
