"""What a model did, step by step: its input tensor, the gates and states of its LSTM layers, where it was in the text.

A ``Tape`` is of one text that the writer wrote, or of one recording that the recogniser heard. The layers' inputs are
taken from the running model, so that the gates are those it ran with.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lstm_apps.tasks.speech.demo.tab import EXAMPLES
from lstm_models.analysis.gates import GateActivations, gate_activations, window_activations
from lstm_models.errors import InputError
from lstm_models.io.samples import SAMPLE_RATE
from lstm_models.results import Word
from lstm_models.text.spelling import spell

__all__ = ["BESIDE", "EXAMPLES", "GATES", "MOST_CHARACTERS", "Tape", "audio", "trace_recognizer", "trace_writer"]

MOST_CHARACTERS = 40
BESIDE = ("Dear reader,", "yes")
"""Written in the same batch as the visitor's text, so that the batch has samples of unequal length."""
GATES = ("input", "forget", "output", "candidate", "cell", "hidden")
"""The fields of `GateActivations` in the order they are shown in."""

_FOLDER = Path(__file__).parents[1] / "tasks" / "speech" / "examples"
_LEGIBILITY = 0.75


@dataclass(frozen=True)
class Tape:
    """One sequence through one model.

    Attributes:
        model: "writer" or "recognizer".
        title: the text, or what is said in the recording.
        batch: the model's input of every sample of the batch [time, feature]; the first is the one shown.
        names: of the samples.
        shapes: what the tensors on the way are, and their shapes.
        layers: a name and the activations [time, units] of each LSTM layer, by the names of `GATES`.
        letters: (first step, step after the last, character) along the time axis.
        points: where the pen is after each step [time, 2], y down, and 1 where it lifts then [time]; the writer's.
        place: how much of every character the window sees [time, characters]; the writer's.
        samples: the sound [n] at 16 kHz; the recogniser's.
        words: words with times in seconds; the recogniser's.
        seconds: from one step to the next; 0 for the writer.
        encoded: whether the input comes from an acoustic encoder; the recogniser's.
        notes: what was written differently.
    """

    model: str
    title: str
    batch: tuple[np.ndarray, ...]
    names: tuple[str, ...]
    shapes: tuple[tuple[str, tuple[int, ...]], ...]
    layers: tuple[tuple[str, dict[str, np.ndarray]], ...]
    letters: tuple[tuple[int, int, str], ...]
    points: np.ndarray = field(default_factory=lambda: np.zeros((0, 3)))
    place: np.ndarray | None = None
    samples: np.ndarray | None = None
    words: tuple[Word, ...] = ()
    seconds: float = 0.0
    encoded: bool = False
    notes: tuple[str, ...] = ()

    @property
    def steps(self) -> int:
        """Timesteps of the LSTM layers."""
        return len(self.layers[0][1]["cell"])


@contextmanager
def _inputs(*modules: nn.Module) -> Iterator[list[tuple[Tensor, ...]]]:
    """What each module is given, in the order of the calls."""
    seen: list[tuple[Tensor, ...]] = []

    def note(_: nn.Module, given: tuple[Tensor, ...]) -> None:
        seen.append(given)

    hooks = [module.register_forward_pre_hook(note) for module in modules]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


def _plain(one: GateActivations) -> dict[str, np.ndarray]:
    """The activations [time, units] of the first sequence."""
    return {name: getattr(one, name)[0].cpu().numpy() for name in GATES}


@torch.inference_mode()
def trace_writer(writer: Any, text: str, seed: int = 1) -> Tape:
    """The writer writing a text of one line, in its usual hand.

    Raises:
        InputError: there is no text, it is too long or cannot be written, or the seed is out of range.
    """
    line = " ".join(text.split()) if isinstance(text, str) else ""
    if not line:
        raise InputError("There is no text to write yet.", usage=True)
    if len(line) > MOST_CHARACTERS:
        raise InputError(f"The text has {len(line):,} characters; this page takes {MOST_CHARACTERS}.", usage=True)
    spelt, notes = spell(line, writer.config.alphabet)
    spelt = spelt.strip()
    if not spelt:
        raise InputError(f"Nothing in the text can be written: {'; '.join(notes)}.", usage=True)
    if len(spelt) > 2 * MOST_CHARACTERS:
        raise InputError(f"Spelt out, the text has {len(spelt)} characters; this page takes fewer.", usage=True)
    _, style, bias, seed = writer.settings(None, _LEGIBILITY, seed)
    texts = [spelt, *(spell(other, writer.config.alphabet)[0] for other in BESIDE)]
    styles = style.expand(len(texts), *style.shape[-1:])
    (offsets,) = writer.sample(texts, styles, bias=bias, seed=seed, tidy=True)
    offsets = [torch.from_numpy(one.copy()) for one in offsets]
    lengths = [len(one) for one in offsets]
    moves = nn.utils.rnn.pad_sequence(offsets, batch_first=True)
    moves = nn.functional.pad(moves, (0, 0, 1, -1))  # a step's input is the move before it
    encoded = [writer.encode(one) for one in texts]
    counts = torch.tensor([len(one) for one in encoded])
    modules = [writer.window] if writer.upper is None else [writer.window, writer.upper]
    with _inputs(*modules) as seen:
        writer(moves, nn.utils.rnn.pad_sequence(encoded, batch_first=True), counts, styles)
    x, characters, mask = seen[0]
    steps, read = lengths[0], len(encoded[0])
    looked = window_activations(writer.window, x[:1, :steps], characters[:1, :read], mask[:1, :read])
    layers = [("1, with the window", _plain(looked.gates))]
    if writer.upper is not None:
        upper = gate_activations(writer.upper, seen[1][0][:1, :steps])
        layers += [(str(number), _plain(one)) for number, one in enumerate(upper, 2)]
    place = looked.weights[0].numpy()
    return Tape(
        "writer",
        spelt,
        tuple(one[:length].numpy() for one, length in zip(x, lengths, strict=True)),
        tuple(texts),
        (
            ("input: pen moves and style", tuple(x.shape)),
            ("characters of the text", tuple(characters.shape)),
            *((f"h of layer {k}", (*x.shape[:2], one["hidden"].shape[1])) for k, (_, one) in enumerate(layers, 1)),
        ),
        tuple(layers),
        _letters(place, spelt),
        _points(writer.config.features, offsets[0].numpy()),
        place,
        notes=tuple(notes),
    )  # fmt: skip


def _letters(place: np.ndarray, text: str) -> tuple[tuple[int, int, str], ...]:
    """The steps in which the window sees each character most; it never goes back."""
    at = np.maximum.accumulate(place.argmax(1))
    edges = [0, *(np.flatnonzero(np.diff(at)) + 1).tolist(), len(at)]
    spans = itertools.pairwise(edges)
    return tuple((first, last, text[at[first]]) for first, last in spans if at[first] < len(text))


def _points(features: Any, offsets: np.ndarray) -> np.ndarray:
    """Places of the pen [time, 3]: x, y, and 1 where it lifts; turned level as the writer's own drawings."""
    from lstm_models.ink.line_metrics import level

    path = (offsets[:, :2].astype(np.float64) * features.std + features.mean).cumsum(0)
    return np.column_stack([level([path])[0], offsets[:, 2] > 0.5])


def audio(name: str) -> bytes:
    """The file of an example recording. Raises InputError where there is none of that name."""
    if name not in EXAMPLES:
        raise InputError(f"There is no such recording; there are {', '.join(EXAMPLES)}.", usage=True)
    return (_FOLDER / name).read_bytes()


@torch.inference_mode()
def trace_recognizer(recognizer: Any, name: str) -> Tape:
    """The recogniser hearing one of the example recordings, with the others in the same batch.

    Raises:
        InputError: there is no such recording, or the recogniser runs in both directions.
    """
    audio(name)
    if recognizer.config.bidirectional:
        raise InputError("This page shows layers that run in one direction: choose a streaming recogniser.")
    order = [name, *(other for other in EXAMPLES if other != name)]
    sounds = [_samples(other) for other in order]
    frames = [recognizer.front_end(samples) for samples in sounds]
    encoded = recognizer.config.encoder is not None
    lengths = torch.tensor([len(one) for one in frames])
    x = nn.utils.rnn.pad_sequence(frames, batch_first=True)
    with _inputs(*(layer.lstm for layer in recognizer.layers)) as seen:
        found, counts = recognizer(x, lengths)
    steps = int(counts[0])
    layers = [
        (str(number), _plain(gate_activations(layer.lstm, given[0][:1, :steps])[0]))
        for number, (layer, given) in enumerate(zip(recognizer.layers, seen, strict=True), 1)
    ]
    inner = tuple(seen[0][0].shape)
    return Tape(
        "recognizer",
        EXAMPLES[name],
        tuple((nn.functional.layer_norm(one, one.shape[1:]) if encoded else one).numpy() for one in frames),
        tuple(Path(other).stem for other in order),
        (
            ("input: " + ("from the acoustic encoder" if encoded else "log-mel frames"), tuple(x.shape)),
            ("steps" if encoded else f"steps of {recognizer.step_frames} frames", inner),
            *((f"h of layer {number}", inner) for number in range(1, len(layers) + 1)),
            ("output: letters", tuple(found.shape)),
        ),
        tuple(layers),
        label_spikes(found[0, :steps].argmax(-1).tolist(), recognizer.config.alphabet),
        samples=sounds[0],
        words=tuple(recognizer.transcribe(sounds[0], rate=SAMPLE_RATE).words),
        seconds=recognizer.seconds_per_output,
        encoded=encoded,
    )


def _samples(name: str) -> np.ndarray:
    import soundfile

    samples: np.ndarray = soundfile.read(_FOLDER / name, dtype="float32")[0]
    return samples


def label_spikes(labels: Sequence[int], alphabet: str) -> tuple[tuple[int, int, str], ...]:
    """Letters of the best path: where each begins and ends; label 0 is the blank of CTC."""
    edges = [0, *(np.flatnonzero(np.diff(labels)) + 1).tolist(), len(labels)]
    spans = itertools.pairwise(edges)
    return tuple((first, last, alphabet[labels[first] - 1]) for first, last in spans if last > first and labels[first])
