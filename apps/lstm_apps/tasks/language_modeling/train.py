"""Trains a language model.

lstm-models train language-modeling --config base --data squad.json --data books.jsonl --data sentences.tsv
lstm-models train language-modeling --config ptb --data ptb.train.txt --validation ptb.valid.txt
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import torch

from lstm_apps.training.config import TrainingConfig
from lstm_apps.training.fitting import fit, save_trained
from lstm_datasets.language_modeling.dataset import TokenStreams
from lstm_datasets.language_modeling.readers import read_lines, read_texts
from lstm_datasets.speech.spoken_sentences import spoken_sentences
from lstm_models.checkpoints import hub
from lstm_models.errors import InputError
from lstm_models.tasks.language_modeling.config import LanguageModelConfig
from lstm_models.tasks.language_modeling.model import LanguageModel
from lstm_models.tasks.language_modeling.network import collate
from lstm_models.text.word_pieces import WordPieces

__all__ = ["train"]

_HELD = 200  # one text of so many is for validation
_SMALLEST = 259


def train(
    data: list[str],
    run: str = "runs/language-modeling",
    model: LanguageModelConfig = LanguageModelConfig(),  # noqa: B008 - frozen
    training: TrainingConfig = TrainingConfig(),  # noqa: B008 - frozen
    vocabulary: int = 8000,
    words: bool = False,
    streams: int = 48,
    validation: list[str] = [],  # noqa: B006 - never changed
    init: str | None = None,
    transcripts: list[str] = [],  # noqa: B006 - never changed
    resume: bool = False,
) -> dict[str, float]:
    """Trains a language model on free text and leaves it in RUN/model.

    Args:
        data: files of texts: .txt, .jsonl (objects with text), .tsv (sentences in the first column) or SQuAD's .json,
            also as .xz or .gz. A file named twice counts twice.
        run: folder of the run: checkpoints, logs, the model.
        model: sizes of the network and its regularisation; an empty vocabulary is made from the data.
        training: how it is trained; batch_frames are tokens.
        vocabulary: numbers of the vocabulary of word pieces.
        words: the vocabulary is of all words of the data, which are lines of words set apart by blanks, <unk> among
            them; the ends of lines count as a word.
        streams: rows of a batch; each goes on where it was in the batch before, in stretches of batch_frames / streams.
        validation: files to validate on. Every two-hundredth text of the data if missing.
        init: a language model to go on from, bundled or a folder: its sizes and vocabulary are kept.
        transcripts: more files of texts, to be learnt as a recogniser writes them: sentence by sentence, in lower case,
            without marks and with numbers spelt out.
        resume: go on from the run's last checkpoint; the other options are given as they were.

    Returns:
        The figures of the best validation: loss a token, in nats.

    Raises:
        InputError: the data cannot be read or leave nothing to train on, or an option is not what it should be; else as
            ``lstm_apps.training.fitting.fit``.
    """
    if vocabulary < _SMALLEST:
        raise InputError(f"--vocabulary must be at least {_SMALLEST}, not {vocabulary}", usage=True)
    bptt = training.batch_frames // streams if streams > 0 else 0
    if bptt < 2:
        raise InputError(f"--streams must be from 1 to half of training.batch_frames, not {streams}", usage=True)
    if words and (transcripts or init):
        raise InputError("--words goes without --transcripts and --init", usage=True)
    learn, held = _texts(data, validation, words, transcripts)
    torch.manual_seed(training.seed)
    if init is None:
        network = LanguageModel(_with_vocabulary(model, learn, vocabulary, words))
    else:
        network = hub.load_as(LanguageModel, init)
    try:
        learning = TokenStreams(_tokens(network, learn), streams, bptt, shuffle=True, seed=training.seed)
        validating = TokenStreams(_tokens(network, held), streams, bptt)
    except ValueError as error:
        raise InputError(f"the data are too small: {error}") from None
    network.train()
    figures = fit(
        network,
        learning,
        validating,
        collate,
        training,
        run,
        resume=resume,
        settings={"task": "language-modeling", "data": data, "validation": validation, "streams": streams}
        | {"words": words, "vocabulary": vocabulary, "init": init, "transcripts": transcripts}
        | {"model": network.config, "training": training},
    )
    save_trained(network, run, _card(learning.tokens, network, training), figures)
    return figures


def _texts(
    data: Sequence[str], validation: Sequence[str], words: bool, transcripts: Sequence[str]
) -> tuple[list[str], list[str]]:
    """The texts to learn from and those held out; a text that was named twice is held out, too, or not at all."""
    read = read_lines if words else read_texts
    texts = [text for path in data for text in read(path)]
    texts += [sentence for path in transcripts for sentence in spoken_sentences(read_texts(path)) if sentence]
    held = [text for path in validation for text in read(path)]
    if not validation:
        held = list(dict.fromkeys(texts))[_HELD - 1 :: _HELD]
        left_out = set(held)
        texts = [text for text in texts if text not in left_out]
    if not texts or not held:
        raise InputError(f"the data leave {len(texts)} texts to train on and {len(held)} to validate on")
    return texts, held


def _with_vocabulary(model: LanguageModelConfig, texts: list[str], size: int, words: bool) -> LanguageModelConfig:
    if model.merges or model.words:
        return model
    if words:
        known = dict.fromkeys(word for text in texts for word in text.split())
        return dataclasses.replace(model, words="\n".join(dict.fromkeys(["<unk>", *known])))
    return dataclasses.replace(model, merges=WordPieces.train(texts, size).merges)


def _tokens(network: LanguageModel, texts: list[str]) -> list[np.ndarray]:
    return [np.array(ids, np.int32) for ids in network.vocabulary.encode_batch(texts)]


def _card(tokens: int, network: LanguageModel, training: TrainingConfig) -> str:
    config = network.config
    return f"""# Language model

An LSTM that scores and completes text ({config.layers} layers of {config.hidden_size} units, a vocabulary of
{len(network.vocabulary):,}), trained by `lstm-models train language-modeling` for {training.steps} steps on
{tokens:,} tokens. The configuration in effect is in the run's config.json.
"""
