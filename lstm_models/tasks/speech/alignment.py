"""When each word of a known text is spoken: forced alignment, what ``Recognizer.align`` does.

The most probable CTC path of the text's letters (Graves et al. 2006, section 4.1), found by torchaudio.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from lstm_models.decoding.ctc_search import Found
from lstm_models.errors import InputError
from lstm_models.io.audio import open_audio
from lstm_models.results import Word
from lstm_models.tasks.speech.decoding import WordTimer, as_transcript, blocks_of
from lstm_models.tasks.speech.results import Transcript
from lstm_models.tasks.speech.segment_outputs import AcousticModel, batched_outputs
from lstm_models.text.spelling import spoken_words

__all__ = ["align"]

_MAX_SECONDS = 30 * 60.0
_MISFIT = 0.05  # geometric mean of the letters' probabilities; of the right text it is above a half
_IMPOSSIBLE = math.log(1e-9)  # a label of probability 0 leaves no path: none is less likely than this


def align(recognizer: AcousticModel, source: Any, text: str, *, rate: int | None = None) -> Transcript:
    """The words of a text with their times in a recording; see ``Recognizer.align``."""
    alphabet = recognizer.config.alphabet
    tokens = spoken_words(text, alphabet)
    with open_audio(source, rate=rate) as audio:
        if audio.seconds is not None and audio.seconds > _MAX_SECONDS:
            raise InputError(f"{audio.name} is longer than 30 minutes: align it in parts.")
        found = [outputs for outputs, _ in batched_outputs(recognizer, blocks_of(audio, None, _MAX_SECONDS))]
        notes, seconds, name = audio.notes, audio.read, audio.name
    label = "" if name == "The recording" else name
    outputs = np.concatenate(found) if found else np.zeros((0, len(alphabet) + 1), np.float32)
    labels = [alphabet.index(letter) + 1 for letter in " ".join(" ".join(parts) for _, parts in tokens)]
    needed = len(labels) + sum(a == b for a, b in itertools.pairwise(labels))
    if len(outputs) < needed:
        raise InputError(
            f"{name} is too short for this text: {seconds:.1f} s have room for {len(outputs)} characters, and the text "
            f"needs {needed}."
        )
    log_probs = np.maximum(outputs, _IMPOSSIBLE)
    words, fit = _words(recognizer, tokens, labels, _spans(log_probs, labels), log_probs)
    transcript = as_transcript(words, seconds, label, notes)
    if fit < _MISFIT:
        sentence = f"The text does not seem to be what is spoken in {label or 'the recording'}: "
        note = f"{sentence}the mean probability of its letters is {fit:.2g}."
        transcript = replace(transcript, notes=(*transcript.notes, note))
    return replace(transcript, text=" ".join(text.split()))


def _spans(log_probs: np.ndarray, labels: Sequence[int]) -> list[tuple[int, int]]:
    """The first and last output of each label on the most probable path."""
    import torch
    from torchaudio.functional import forced_align

    path, _ = forced_align(torch.from_numpy(log_probs)[None], torch.tensor([labels], dtype=torch.int32))
    spans: list[tuple[int, int]] = []
    previous = 0
    for t, label in enumerate(path[0].tolist()):
        if label and label == previous:
            spans[-1] = (spans[-1][0], t)
        elif label:
            spans.append((t, t))
        previous = label
    return spans


def _words(
    recognizer: AcousticModel,
    tokens: Sequence[tuple[str, list[str]]],
    labels: Sequence[int],
    spans: Sequence[tuple[int, int]],
    log_probs: np.ndarray,
) -> tuple[list[Word], float]:
    """The words with times, and the geometric mean of their letters' probabilities."""
    timer = WordTimer(recognizer)
    words, log_means, first = [], [], 0
    for text, parts in tokens:
        last = first + len(" ".join(parts))
        peaks = [
            float(log_probs[begin : end + 1, label].max())
            for label, (begin, end) in zip(labels[first:last], spans[first:last], strict=True)
        ]
        log_means.append(math.fsum(peaks) / len(peaks))
        found = Found(text, spans[first][0], spans[last - 1][1], math.fsum(peaks), math.exp(log_means[-1]))
        words.append(timer.word(found))
        first = last + 1
    return words, math.exp(math.fsum(log_means) / len(log_means))
