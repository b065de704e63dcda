"""The translator: milliseconds a sentence as sentences and batches grow, beside a plain beam, on one thread.

    python -m benchmarks.tasks.translation --json out.json
    python -m benchmarks.tasks.translation length --quick

``length``: milliseconds of one sentence against its words.
``batch``: milliseconds a sentence against the sentences that are translated at once.
The peer is a beam search as tutorials write it: with the same weights, every hypothesis a call of the network by
itself, sorted in Python.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from functools import partial
from statistics import median
from typing import Any

import torch

from benchmarks.common import interleaved, milliseconds, run_tables, table
from lstm_models.checkpoints import hub
from lstm_models.tasks.translation.features import END, encode
from lstm_models.tasks.translation.model import Translator

SENTENCE = "a man in a blue shirt is standing on a ladder and cleaning a window while two dogs are watching him"
LENGTHS, BATCHES = (5, 10, 20, 40, 80), (1, 4, 16, 64)
BEAM, PENALTY = 5, 1.0


@torch.inference_mode()
def plain_beam(translator: Translator, text: str) -> str:
    """The best translation by a beam whose hypotheses go through the network one by one."""
    pieces = torch.tensor([encode(translator.vocabulary, text)])
    source = translator.encode(pieces, torch.tensor([pieces.size(1)]))
    live: list[tuple[float, list[int], Any]] = [(0.0, [], translator.initial(source))]
    ended: list[tuple[float, list[int]]] = []
    for _ in range(2 * pieces.size(1) + 10):
        grown = []
        for total, tokens, state in live:
            log_p, _, after = translator.step(torch.tensor([tokens[-1] if tokens else END]), state, source)
            values, numbers = log_p[0].topk(BEAM)
            for value, number in zip(values.tolist(), numbers.tolist(), strict=True):
                if number == END:
                    ended.append(((total + value) / (len(tokens) + 1) ** PENALTY, tokens))
                else:
                    grown.append((total + value, [*tokens, number], after))
        live = sorted(grown, key=lambda one: -one[0])[:BEAM]
        best = max((score for score, _ in ended), default=-math.inf)
        if len(ended) >= BEAM and best >= live[0][0] / (len(live[0][1]) + 1) ** PENALTY:
            break
    return translator.vocabulary.decode(max(ended, default=(0.0, live[0][1]))[1])


def sentence(length: int) -> str:
    """A sentence of so many words."""
    words = SENTENCE.split()
    return " ".join((words * (length // len(words) + 1))[:length]).capitalize() + "."


def measure(name: str, translator: Translator, sizes: Sequence[int], repeats: int) -> dict[str, Any]:
    """Milliseconds a sentence, ours and the plain beam's, for each size."""
    found: dict[str, Any] = {}
    for size in sizes:
        texts = [sentence(size)] if name == "length" else [sentence(8 + number % 8) for number in range(size)]
        runs: dict[str, Callable[[], Any]] = {
            "lstm-models": partial(translator.translate, texts),
            "plain beam": lambda given=texts: [plain_beam(translator, text) for text in given],  # type: ignore[misc]
        }
        times = interleaved(runs, repeats)
        found[str(size)] = {kind: median(seconds) / len(texts) for kind, seconds in times.items()}
    head = ["words" if name == "length" else "sentences at once", "lstm-models, ms", "plain beam, ms", "times as fast"]
    rows = [
        [size, *map(milliseconds, each.values()), f"{each['plain beam'] / each['lstm-models']:.1f}"]
        for size, each in found.items()
    ]
    print(table(head, rows))
    return found


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Prints the tables that are named, all of them if none is; see the module."""

    def measured(name: str, sizes: Sequence[int], given: argparse.Namespace) -> dict[str, Any]:
        translator = hub.load_as(Translator, given.model)
        return measure(name, translator, sizes[:1] if given.quick else sizes, 1 if given.quick else 3)

    tables = {"length": partial(measured, "length", LENGTHS), "batch": partial(measured, "batch", BATCHES)}
    options = {"model": {"default": "translator-en-de", "help": "a bundled model or a folder"}}
    return run_tables(__doc__ or "", tables, arguments, options)


if __name__ == "__main__":
    main()
