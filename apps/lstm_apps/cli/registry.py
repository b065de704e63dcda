"""What the command line offers: its verbs and tasks, each a plain typed function named as text and imported when run.

A new task is a folder ``lstm_apps/tasks/<task>/`` and one entry in `TASKS`: its verbs appear in ``lstm-models --help``
and its tab in the demo.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lstm_models.errors import InputError

PROGRAM = "lstm-models"


@dataclass(frozen=True)
class Command:
    """A function the command line can run.

    Attributes:
        function: "module:name" of a typed function whose docstring documents every parameter.
        summary: what it does, in half a line, for ``lstm-models --help``.
        positional: parameters given without a name.
        short: parameter -> one-letter option, such as {"out": "o"}.
        aliases: an option's earlier name -> its parameter, where there is one; it works and is not shown.
        presets: whether ``--config NAME`` may name a file of ``presets/`` beside the function's module.
        preset_aliases: a preset's earlier name -> its name now; it works and is not shown.
    """

    function: str
    summary: str
    positional: tuple[str, ...] = ()
    short: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    presets: bool = False
    preset_aliases: Mapping[str, str] = field(default_factory=dict)

    def resolve(self) -> Callable[..., Any]:
        """Import the function."""
        module, _, name = self.function.partition(":")
        return getattr(importlib.import_module(module), name)  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Task:
    """One task.

    Attributes:
        name: as it is typed after ``train``.
        summary: what it is about, in half a line.
        train: "module:name" of the function of ``train TASK``.
        evaluate: that of ``evaluate TASK``.
        verbs: verbs of its own.
        presets: whether there are any for ``train TASK --config``.
        preset_aliases: a preset's earlier name -> its name now.
        train_aliases: an earlier name of an option of ``train TASK`` -> its name now.
        tab: the module of its tab in the demo, with ``TITLE`` and ``build()``; None where it has no tab of its own.
    """

    name: str
    summary: str
    train: str
    evaluate: str
    verbs: Mapping[str, Command] = field(default_factory=dict)
    presets: bool = True
    preset_aliases: Mapping[str, str] = field(default_factory=dict)
    train_aliases: Mapping[str, str] = field(default_factory=dict)
    tab: str | None = None


TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        Task(
            name="captioning",
            summary="photos to captions: a convolutional network and an LSTM that looks at the photo word by word",
            train="lstm_apps.tasks.captioning.train:train",
            evaluate="lstm_apps.tasks.captioning.evaluate:evaluate",
            train_aliases={"least": "min_count", "longest": "max_words", "share": "interpolation"},
            tab="lstm_apps.tasks.captioning.demo.tab",
            verbs={
                "caption": Command(
                    "lstm_apps.tasks.captioning.commands:caption",
                    "describe photos in a sentence each",
                    positional=("paths",),
                    short={"out": "o"},
                )
            },
        ),
        Task(
            name="video-captioning",
            summary="films to timed descriptions: an LSTM over the frames and the captioner's decoder adapted to films",
            train="lstm_apps.tasks.video_captioning.train:train",
            evaluate="lstm_apps.tasks.video_captioning.evaluate:evaluate",
            tab="lstm_apps.tasks.video_captioning.demo.tab",
        ),
        Task(
            name="speech",
            summary="speech to text: LSTM layers on an acoustic encoder, for recordings and microphones",
            train="lstm_apps.tasks.speech.train:train",
            evaluate="lstm_apps.tasks.speech.evaluate:evaluate",
            preset_aliases={"encoder": "base"},
            train_aliases={
                "often": "oversample",
                "times": "oversample_times",
                "shortest": "min_seconds",
                "longest": "max_seconds",
                "share": "interpolation",
            },
            tab="lstm_apps.tasks.speech.demo.tab",
            verbs={
                "transcribe": Command(
                    "lstm_apps.tasks.speech.commands:transcribe",
                    "write down the speech of recordings, or of the microphone",
                    positional=("paths",),
                    short={"out": "o"},
                    aliases={"output": "out"},
                ),
                "align": Command(
                    "lstm_apps.tasks.speech.align_command:align",
                    "find when each word of a known text is spoken",
                    positional=("audio", "text"),
                    short={"out": "o"},
                    aliases={"output": "out"},
                ),
            },
        ),
        Task(
            name="speech-lm",
            summary="texts to an n-gram language model, for the search of a recogniser",
            train="lstm_apps.tasks.speech_lm.train:train",
            evaluate="lstm_apps.tasks.speech_lm.train:evaluate",
            presets=False,
        ),
        Task(
            name="handwriting",
            summary="text to handwriting: an LSTM that slides a window over the text and moves a pen",
            train="lstm_apps.tasks.handwriting.train:train",
            evaluate="lstm_apps.tasks.handwriting.evaluate:evaluate",
            tab="lstm_apps.tasks.handwriting.demo.tab",
            verbs={
                "write": Command(
                    "lstm_apps.tasks.handwriting.commands:write",
                    "write a text by hand, as lines or pages: SVG, PNG, PDF, JSON, G-code, HPGL",
                    positional=("text",),
                    short={"out": "o"},
                ),
                "style": Command(
                    "lstm_apps.tasks.handwriting.style_command:style",
                    "fit a style to a few lines of your own, for write --style",
                    positional=("paths",),
                    short={"out": "o"},
                ),
            },
        ),
        Task(
            name="handwriting-reader",
            summary="handwriting to text: LSTM layers in both directions over the path of the pen",
            train="lstm_apps.tasks.handwriting_reader.train:train",
            evaluate="lstm_apps.tasks.handwriting_reader.evaluate:evaluate",
            verbs={
                "read": Command(
                    "lstm_apps.tasks.handwriting_reader.commands:read",
                    "read handwriting: what pen strokes in JSON or SVG files say",
                    positional=("paths",),
                    short={"out": "o"},
                    aliases={"output": "out"},
                )
            },
        ),
        Task(
            name="punctuation",
            summary="words to text: LSTM layers that put marks and capitals into what has none",
            train="lstm_apps.tasks.punctuation.train:train",
            evaluate="lstm_apps.tasks.punctuation.evaluate:evaluate",
            verbs={
                "punctuate": Command(
                    "lstm_apps.tasks.punctuation.commands:punctuate",
                    "put marks and capitals into text that has none, also into subtitles",
                    positional=("paths",),
                    short={"out": "o"},
                )
            },
            tab="lstm_apps.tasks.punctuation.demo.tab",
        ),
        Task(
            name="tagging",
            summary="words to parts of speech and names: LSTM layers over spellings and words, with chains of labels",
            train="lstm_apps.tasks.tagging.train:train",
            evaluate="lstm_apps.tasks.tagging.evaluate:evaluate",
            verbs={
                "tag": Command(
                    "lstm_apps.tasks.tagging.commands:tag",
                    "find parts of speech and names in a text",
                    positional=("paths",),
                    short={"out": "o"},
                )
            },
            tab="lstm_apps.tasks.tagging.demo.tab",
        ),
        Task(
            name="language-modeling",
            summary="a text to how probable it is and how it goes on: LSTM layers over word pieces",
            train="lstm_apps.tasks.language_modeling.train:train",
            evaluate="lstm_apps.tasks.language_modeling.evaluate:evaluate",
            verbs={
                "score": Command(
                    "lstm_apps.tasks.language_modeling.commands:score",
                    "how probable a text is, word for word",
                    positional=("paths",),
                    short={"out": "o"},
                ),
                "complete": Command(
                    "lstm_apps.tasks.language_modeling.commands:complete",
                    "how a text goes on",
                    positional=("paths",),
                    short={"out": "o"},
                ),
            },
            tab="lstm_apps.tasks.language_modeling.demo.tab",
        ),
        Task(
            name="translation",
            summary="a language to another: LSTM encoder and decoder with attention, word pieces of both languages",
            train="lstm_apps.tasks.translation.train:train",
            evaluate="lstm_apps.tasks.translation.evaluate:evaluate",
            verbs={
                "translate": Command(
                    "lstm_apps.tasks.translation.commands:translate",
                    "translate English texts, files and subtitles",
                    positional=("paths",),
                    short={"out": "o"},
                )
            },
            tab="lstm_apps.tasks.translation.demo.tab",
        ),
        Task(
            name="question-answering",
            summary="a question to the place in a text that answers it: LSTMs read the passage with the question",
            train="lstm_apps.tasks.question_answering.train:train",
            evaluate="lstm_apps.tasks.question_answering.evaluate:evaluate",
            verbs={
                "answer": Command(
                    "lstm_apps.tasks.question_answering.commands:answer",
                    "answer a question from texts, subtitles and recordings",
                    positional=("question", "paths"),
                    short={"out": "o"},
                )
            },
            tab="lstm_apps.tasks.question_answering.demo.tab",
        ),
        Task(
            name="video-prediction",
            summary="films to how they go on: convolutional LSTM layers that find objects, and an LSTM for their paths",
            train="lstm_apps.tasks.video_prediction.train:train",
            evaluate="lstm_apps.tasks.video_prediction.evaluate:evaluate",
            verbs={
                "predict-video": Command(
                    "lstm_apps.tasks.video_prediction.commands:predict_video",
                    "forecast the next frames of a film, and how sure each pixel is",
                    positional=("paths",),
                    short={"out": "o"},
                )
            },
            tab="lstm_apps.tasks.video_prediction.demo.tab",
        ),
        Task(
            name="image-generation",
            summary="a word to an image: LSTMs that draw it step by step through a moving window",
            train="lstm_apps.tasks.image_generation.train:train",
            evaluate="lstm_apps.tasks.image_generation.evaluate:evaluate",
            verbs={
                "generate": Command(
                    "lstm_apps.tasks.image_generation.commands:generate",
                    "draw digits, or finish an image that is damaged or half drawn",
                    positional=("what",),
                    short={"out": "o"},
                )
            },
            tab="lstm_apps.tasks.image_generation.demo.tab",
        ),
    )
}

# What `evaluate` measures besides: name -> function and summary.
MEASURES: dict[str, Command] = {
    "handwriting-style": Command(
        "lstm_apps.tasks.handwriting.evaluate_style:evaluate",
        "how alike a style fitted to three lines of an unseen writer is to their hand",
        aliases={"out": "json"},
    )
}

# Tabs of the demo that are no task's own: name -> module.
MORE_TABS = {"inside": "lstm_apps.inspector.tab"}


def tabs() -> dict[str, str]:
    """The demo's tabs in order: task -> the module with ``TITLE`` and ``build()``."""
    return {**{name: task.tab for name, task in TASKS.items() if task.tab is not None}, **MORE_TABS}


# Verbs that need a task next.
PER_TASK = {
    "train": "train a model of TASK on your data",
    "evaluate": "measure a model of TASK on held-out data",
}


def verbs() -> dict[str, Command]:
    """Verb -> command, for all verbs that need no task, in the order of the help."""
    return {
        "demo": Command("lstm_apps.demo.interface:launch", "try everything in the browser", positional=("task",)),
        **{verb: command for task in TASKS.values() for verb, command in task.verbs.items()},
        "synthesize": Command(
            "lstm_apps.tasks.speech.synthesis.synthesize:synthesize",
            "make training speech from texts, with the text-to-speech engines that are installed",
            positional=("texts",),
            short={"out": "o"},
        ),
        "models": Command(
            "lstm_apps.cli.models:models", "list the bundled models, or show one's card", positional=("name",)
        ),
        "completion": Command(
            "lstm_apps.cli.completion:completion",
            "print a script that completes commands in your shell",
            positional=("shell",),
        ),
        "export": Command(
            "lstm_apps.cli.models:export",
            "copy a model out as a folder, or its LSTM stack as ONNX",
            positional=("name",),
        ),
    }


def command(verb: str, task: str | None = None) -> Command:
    """The command of a verb, or of a verb and a task.

    Raises:
        InputError: there is no such verb or task; the closest one is named.
    """
    if verb not in PER_TASK:
        every = verbs()
        if verb not in every:
            raise InputError(_no_such("command", verb, [*every, *PER_TASK]), usage=True)
        return every[verb]
    if task is None:
        raise InputError(f"{verb} needs a task: {', '.join(TASKS)}.", usage=True)
    if verb == "evaluate" and task in MEASURES:
        return MEASURES[task]
    if task not in TASKS:
        raise InputError(_no_such("task", task, [*TASKS, *(MEASURES if verb == "evaluate" else ())]), usage=True)
    presets = verb == "train" and TASKS[task].presets
    # "out" is what two tasks called the file of figures before
    aliases = {"out": "json"} if verb == "evaluate" else TASKS[task].train_aliases
    summary = PER_TASK[verb].replace("TASK", task)
    renamed = TASKS[task].preset_aliases
    return Command(
        getattr(TASKS[task], verb), summary, presets=presets, preset_aliases=renamed if presets else {}, aliases=aliases
    )


def _no_such(kind: str, name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return f"there is no {kind} “{name}”; did you mean “{close[0]}”?"
    return f"there is no {kind} “{name}”; there is {', '.join(known)}."
