"""Measures whether a writer goes on in somebody's hand after three of their lines, on writers it never learnt from.

lstm-models evaluate handwriting-style --data lines.npz --suspects suspect_ids.txt --out style.json

What is alike is judged by classical features of strokes (directions, turns, proportions, spacing) and a linear
discriminant that is fitted to the writers the model learnt from; neither knows of the network. How good a judge that is
shows on real lines first.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from json import dumps
from typing import Any

import numpy as np
import torch

from lstm_apps.evaluation.separation import separation
from lstm_apps.tasks.handwriting.writer_similarity import Judge, equal_error_rate, first_share
from lstm_datasets.handwriting.readers import HandwritingLine, clean, read_lines, read_names, split_lines
from lstm_models.checkpoints import hub
from lstm_models.errors import InputError
from lstm_models.io.atomic_write import check_writable, write_whole
from lstm_models.tasks.handwriting.model import HandwritingWriter
from lstm_models.tasks.handwriting.style_fitting import fit_style
from lstm_models.tasks.handwriting.styles import Style, resolve
from lstm_models.tasks.handwriting_reader.model import HandwritingReader
from lstm_models.text.edit_distance import edits

__all__ = ["evaluate"]

_LEARNT = 20  # lines of each writer that the judge is fitted to
_PROBE = 6  # real lines that are compared with others of the same hand
_GALLERY = 12  # real lines that stand for a hand


def evaluate(
    data: str,
    model: str = "writer",
    reader: str = "reader",
    validation: str = "testset_v",
    suspects: str | None = None,
    lines: int = 3,
    sentences: int = 6,
    writers: int | None = None,
    legibility: float = 0.75,
    seed: int = 1,
    json: str | None = None,
) -> dict[str, Any]:
    """Measures how alike fitted styles and their owners' hands are, and prints the figures as JSON.

    A style is fitted to a few lines of each writer of the validation split from whom the model learnt nothing, and the
    same sentences are written in every style. What is written is compared with other real lines of all these writers:
    the share of pairs in which lines of the same hand are more alike than lines of two hands (AUC), the equal error
    rate, and how often the own hand is the likest of all. Beside it stand real lines in place of written ones (the
    best there can be), the learnt style that is likeliest for the lines, and the usual hand (none fitted).

    Args:
        data: lines of handwriting with the ids of their writers, as for training.
        model: a bundled writer, a folder, or the id of one on the Hugging Face hub.
        reader: the same, of the reader that says how legible the sentences are; empty leaves this out.
        validation: the split whose writers are unseen.
        suspects: a text file with names of lines to leave out, one a line; none if missing.
        lines: real lines that a style is fitted to.
        sentences: written in each style.
        writers: so many unseen writers at most.
        legibility: of what is written.
        seed: of the random numbers.
        json: a .json file for the figures, which are printed, too.

    Returns:
        The figures.

    Raises:
        InputError: the model, the data or an option is not what it should be, or ``json`` cannot be written.
    """
    if min(lines, sentences) < 1 or seed < 0 or (writers is not None and writers < 2):
        raise InputError("lines and sentences must be 1 or more, writers 2 or more, seed 0 or more", usage=True)
    if not 0 <= legibility <= 1:
        raise InputError(f"legibility must lie between 0 and 1, not {legibility:g}", usage=True)
    if json is not None:
        check_writable(json)
    writer = hub.load(model)
    if not isinstance(writer, HandwritingWriter) or writer.style is None:
        raise InputError(f"{model} is no handwriting writer that learnt styles", usage=True)
    learn, held = _parts(writer, data, validation, suspects)
    hands = unseen(held, set(writer.config.styles), lines, writers, seed)
    known = _by_writer([line for line in learn if line.writer in writer.config.styles], _LEARNT)
    judge = Judge(
        [[_seen(writer, line.strokes) for line in each] for each in known.values()],
        [[len(line.text) for line in each] for each in known.values()],
    )
    texts = _sentences(held, set(hands), sentences)
    figures: dict[str, Any] = {
        "model": model,
        "validation": validation,
        "unseen_writers": len(hands),
        "learnt_writers": len(known),
        "lines_fitted_to": lines,
        "sentences": sentences,
    }
    gallery = [judge.of(*_drawn(writer, each.gallery)) for each in hands.values()]
    figures["real"] = _compared([judge.each(*_drawn(writer, each.probe)) for each in hands.values()], gallery)
    styles, seconds = _fitted(writer, hands)
    figures["processor_seconds_to_fit"] = round(float(np.median(seconds)), 2)
    figures["nats_a_point"] = {
        key: round(float(np.mean([style.facts[key] for style in styles["fitted"]])), 4)
        for key in ("nats_a_point", "nats_a_point_without_style")
    }
    drawn = {name: write_in(writer, each, texts, legibility, seed) for name, each in styles.items()}
    for name, sentences_of in drawn.items():
        figures[name] = _compared([judge.each(strokes, list(map(len, texts))) for strokes in sentences_of], gallery)
    if reader:
        checker = hub.load_as(HandwritingReader, reader)
        for name, sentences_of in drawn.items():
            figures[name]["character_error_rate"] = misread(checker, sentences_of, texts)
        real = [[list(line.strokes) for line in each.probe] for each in hands.values()]
        contents = [[line.text for line in each.probe] for each in hands.values()]
        figures["real"]["character_error_rate"] = misread(checker, real, contents)
    text = dumps(figures, indent=2, ensure_ascii=False)
    if json is not None:
        write_whole(json, text + "\n")
    print(text)
    return figures


def _parts(
    writer: HandwritingWriter, data: str, validation: str, suspects: str | None
) -> tuple[list[HandwritingLine], list[HandwritingLine]]:
    """The lines learnt from and those held back, without suspect ones and those of characters it does not know."""
    alphabet, bad = set(writer.config.alphabet), read_names(suspects)
    learn, held = (
        [line for line in clean(part, suspects=bad) if set(line.text) <= alphabet]
        for part in split_lines(read_lines(data), validation)
    )
    return learn, held


@dataclass(frozen=True)
class UnseenWriter:
    """Lines of an unseen writer: what a style is fitted to, others to compare with, and others that stand for it."""

    fitting: list[HandwritingLine]
    probe: list[HandwritingLine]
    gallery: list[HandwritingLine]


def unseen(
    held: Sequence[HandwritingLine], learnt: set[str], lines: int, most: int | None, seed: int
) -> dict[str, UnseenWriter]:
    """Writers none of whose lines were learnt from, with enough lines; each line serves one purpose."""
    hands: dict[str, UnseenWriter] = {}
    for name, its in _by_writer([line for line in held if line.writer not in learnt], None).items():
        order = np.random.default_rng((seed, len(hands))).permutation(len(its))
        usual = [its[number] for number in order if 18 <= len(its[number].text) <= 45]
        if len(usual) >= lines + _PROBE + _GALLERY:
            fitting, rest = usual[:lines], usual[lines:]
            hands[name] = UnseenWriter(fitting, rest[:_PROBE], rest[_PROBE : _PROBE + _GALLERY])
    hands = dict(list(hands.items())[:most])
    if len(hands) < 2:
        raise InputError(
            f"{len(hands)} unseen writers have the {lines + _PROBE + _GALLERY} lines of 18 to 45 characters that are "
            "needed; there must be 2"
        )
    return hands


def write_in(
    writer: HandwritingWriter, styles: Sequence[Style], texts: Sequence[str], legibility: float, seed: int
) -> list[list[list[np.ndarray]]]:
    """The texts in each of the styles: strokes of each."""
    contents = [text for _ in styles for text in texts]
    vectors = torch.stack([resolve(writer, style)[1] for style in styles]).repeat_interleave(len(texts), 0)
    *_, rows = writer.sample(contents, vectors, bias=writer.bias(legibility), seed=seed, tidy=True)
    drawn = [writer.config.features.decode(row) for row in rows]
    return [drawn[start : start + len(texts)] for start in range(0, len(drawn), len(texts))]


def misread(
    reader: HandwritingReader, drawn: Sequence[Sequence[list[np.ndarray]]], texts: Sequence[str] | Sequence[list[str]]
) -> float:
    """Character error rate of the reader's best path, capitals as small letters, in the lines of all hands."""
    wrong = count = 0
    for number, lines in enumerate(drawn):
        contents = texts[number] if isinstance(texts[0], list) else texts
        for strokes, text in zip(lines, contents, strict=True):
            read = reader.read(strokes, alternatives=0, lm=False, beam=0).text
            wrong += edits(str(text).lower(), " ".join(read.split()).lower())
            count += len(text)
    return round(wrong / count, 4)


def _fitted(writer: HandwritingWriter, hands: dict[str, UnseenWriter]) -> tuple[dict[str, list[Style]], list[float]]:
    """A style for each hand by each of the ways to find one, and the seconds of the processor that fitting took."""
    fitted, nearest, seconds = [], [], []
    for name, hand in hands.items():
        pairs = [(list(line.strokes), line.text) for line in hand.fitting]
        start = time.process_time()
        fitted.append(fit_style(writer, pairs, name=name))
        seconds.append(time.process_time() - start)
        vector = resolve(writer, fitted[-1].facts["nearest"])[1]
        nearest.append(Style(tuple(vector.tolist()), fitted[-1].facts["nearest"] or "none"))
        print(f"{name}: fitted in {seconds[-1]:.1f} s", file=sys.stderr, flush=True)
    usual, vector = writer.settings(None, 0.5, 0)[:2]
    default = Style(tuple(vector.tolist()), usual or "none")
    return {"fitted": fitted, "nearest_learnt": nearest, "not_fitted": [default] * len(hands)}, seconds


def _compared(probes: Sequence[np.ndarray], gallery: Sequence[np.ndarray]) -> dict[str, float]:
    """How lines of each hand [lines, axes] compare with what stands for all [axes]: together, and line by line."""
    stands = np.stack(gallery)
    lots = cosine_similarities(np.stack([lines.mean(0) for lines in probes]), stands)
    single = np.stack([cosine_similarities(lines, stands).T for lines in probes])  # [hands, gallery, lines]
    same = np.eye(len(stands), dtype=bool)
    return {
        "auc": round(separation(lots[same], lots[~same]), 4),
        "equal_error_rate": round(equal_error_rate(lots[same], lots[~same]), 4),
        "own_hand_first": round(first_share(lots), 4),
        "likeness_own": round(float(lots[same].mean()), 4),
        "likeness_others": round(float(lots[~same].mean()), 4),
        "auc_of_single_lines": round(separation(single[same].ravel(), single[~same].ravel()), 4),
    }


def cosine_similarities(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    one, other = (each / np.linalg.norm(each, axis=1, keepdims=True) for each in (one, other))
    return np.asarray(one @ other.T)


def _by_writer(lines: Sequence[HandwritingLine], most: int | None) -> dict[str, list[HandwritingLine]]:
    found: dict[str, list[HandwritingLine]] = {}
    for line in lines:
        if line.writer:
            found.setdefault(line.writer, []).append(line)
    return {name: its[:most] for name, its in sorted(found.items())}


def _sentences(held: Sequence[HandwritingLine], measured: set[str], count: int) -> list[str]:
    """Texts to write, the same in every style: held-out ones, spread over the split, of nobody who is compared."""
    texts = sorted({line.text for line in held if 20 <= len(line.text) <= 40 and line.writer not in measured})
    texts = texts or sorted({line.text for line in held if 20 <= len(line.text) <= 40})
    if len(texts) < count:
        raise InputError(
            f"the held-out lines have {len(texts)} texts of 20 to 40 characters; {count} are to be written"
        )
    return texts[:: max(1, len(texts) // count)][:count]


def _seen(writer: HandwritingWriter, strokes: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Real strokes as the writer would draw them: sampled alike, so that sampling is nothing to tell them by."""
    features = writer.config.features
    return features.decode(features.encode(strokes))


def _drawn(writer: HandwritingWriter, lines: Sequence[HandwritingLine]) -> tuple[list[list[np.ndarray]], list[int]]:
    return [_seen(writer, line.strokes) for line in lines], [len(line.text) for line in lines]
