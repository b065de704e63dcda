"""What the language model makes of others' n-best lists: errors before and after, and what it costs; on one thread.

    python -m benchmarks.tasks.rescoring reader --lines lines.npz
    python -m benchmarks.tasks.rescoring recogniser --speech SPEECH/dev-librispeech_clean-000.tar --inputs 24
    python -m benchmarks.tasks.rescoring captioner --photos FLICKR8K

Of each kind ``--inputs`` inputs of the development part: on those with even numbers the weights are chosen, the errors
are those of the others. A caption's error is 1 less the share of its words that a reference has.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.common import run_tables, table
from lstm_apps.evaluation.error_rates import count_errors
from lstm_models.checkpoints import hub
from lstm_models.decoding.ctc_search import ctc_beam_search
from lstm_models.decoding.rescoring import NBest, choose_weights, rescore
from lstm_models.ngram.model import NGram
from lstm_models.tasks.language_modeling.model import LanguageModel

N_BEST = 10


def reader(path: str, inputs: int) -> list[NBest]:
    """Lines of handwriting; errors are characters."""
    import jiwer

    from lstm_datasets.handwriting.readers import clean, read_lines
    from lstm_models.tasks.handwriting_reader.model import HandwritingReader

    model = hub.load_as(HandwritingReader, "reader")
    lines = clean(line for line in read_lines(path) if line.split == "testset_v")
    found = []
    for line in lines[:: max(1, len(lines) // inputs)][:inputs]:
        read = model.read(list(line.strokes), alternatives=N_BEST - 1)
        every = [read, *read.alternatives]
        texts = [one.text for one in every]
        errors = [_edits(jiwer.process_characters(line.text, text or " ")) for text in texts]
        found.append(NBest(texts, [one.score for one in every], errors))
    return found


def _edits(counts: Any) -> int:
    return int(counts.substitutions + counts.deletions + counts.insertions)


def recogniser(path: str, inputs: int) -> list[NBest]:
    """Recordings; errors are words, and scores have as much of the n-gram model's as the recogniser keeps."""
    from lstm_datasets.speech.readers import read_speech
    from lstm_models.tasks.speech.decoding import search_options
    from lstm_models.tasks.speech.model import Recognizer

    model = hub.load_as(Recognizer, "recognizer")
    config = model.config
    words = hub.load_as(NGram, config.language_model)
    options = search_options(config)
    taken = options.lm_weight * (1 - config.rescorer_weights[1])
    recordings = read_speech(path)
    found = []
    for recording in recordings[:: max(1, len(recordings) // inputs)][:inputs]:
        (log_probs,) = model.log_probs([recording.samples()])
        texts = [one for one in ctc_beam_search(log_probs, config.alphabet, options, words, n_best=N_BEST) if one.text]
        errors = [_word_errors(recording.text, one.text) for one in texts]
        scores = [one.score - taken * _ngram_score(words, one.text) for one in texts]
        found.append(NBest([one.text for one in texts], scores, errors))
    return found


def _ngram_score(model: NGram, text: str) -> float:
    total, context = 0.0, model.start
    for word in text.split():
        score, context = model.score(context, word)
        total += score
    return total


def _word_errors(reference: str, text: str) -> int:
    counts = count_errors(reference, text)
    return counts.substitutions + counts.deletions + counts.insertions


def captioner(path: str, inputs: int) -> list[NBest]:
    """Photos; an error is the share of a caption's words that no reference has."""
    from lstm_apps.tasks.captioning.metrics import right_words, tokenize
    from lstm_datasets.captioning.readers import read_captions
    from lstm_models.tasks.captioning.model import Captioner

    model = hub.load_as(Captioner, "captioner")
    found = []
    for photo in read_captions(path, "dev")[:inputs]:
        caption = model.caption(photo.image(), n_best=5)
        every = [caption, *caption.alternatives]
        references = [tokenize(text) for text in photo.captions]
        right = [right_words(tokenize(one.text), references) for one in every]
        errors = [1 - sum(each) / max(1, len(each)) for each in right]
        scores = [one.log_probability / (len(one.words) + 1) ** 0.7 for one in every]
        found.append(NBest([f"{one.text}." for one in every], scores, errors))
    return found


def measure(name: str, lists: Sequence[NBest]) -> dict[str, Any]:
    """Weights chosen on every second list, errors of the others before and after."""
    model = hub.load_as(LanguageModel, "language-model")
    options, _ = choose_weights(lists[::2], model)
    rest = lists[1::2]
    started = time.process_time()
    order = [rescore(each.texts, each.scores, model, options) for each in rest]
    seconds = time.process_time() - started
    found = {
        "inputs": len(rest),
        "before": sum(each.errors[0] for each in rest),
        "after": sum(each.errors[first] for each, (first, *_) in zip(rest, order, strict=True)),
        "best of the list": sum(min(each.errors) for each in rest),
        "weight": options.weight,
        "word bonus": options.word_bonus,
        "ms an input": 1000 * seconds / max(1, len(rest)),
    }
    print(table([name, ""], [[key, f"{value:.4g}"] for key, value in found.items()]))
    return found


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Prints the tables that are named, all of them if none is; see the module."""
    options = {
        "lines": {"help": "handwriting, for the reader"},
        "speech": {"help": "recordings, for the recogniser"},
        "photos": {"help": "photos with captions, for the captioner"},
        "inputs": {"type": int, "default": 48, "help": "lines, recordings or photos of each"},
    }
    kinds: dict[str, tuple[Callable[[str, int], list[NBest]], str]] = {
        "reader": (reader, "lines"), "recogniser": (recogniser, "speech"), "captioner": (captioner, "photos"),
    }  # fmt: skip

    def run(name: str, given: argparse.Namespace) -> dict[str, Any]:
        lists, option = kinds[name]
        path = getattr(given, option)
        if path is None:
            print(f"{name}: without --{option}, left out")
            return {}
        return measure(name, lists(path, 4 if given.quick else given.inputs))

    return run_tables(
        __doc__ or "", {name: lambda given, name=name: run(name, given) for name in kinds}, arguments, options
    )


if __name__ == "__main__":
    main()
