"""LSTM models for handwriting and other sequences people make, with their weights inside.

>>> import lstm_models
>>> writer = lstm_models.load("writer")
>>> writer.write("Dear reader,", seed=1).save("letter.svg")

Names are imported when first used, so ``import lstm_models`` costs nothing; the first model or layer brings in torch
and numpy, and only what needs more (pictures, plots, checkpoints) imports more.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lstm_models.analysis.gates import gate_activations
    from lstm_models.analysis.gradient_flow import gradient_flow, plot_gradient_flow
    from lstm_models.checkpoints.hub import available, load, push, save
    from lstm_models.errors import InputError
    from lstm_models.ink.page import Page, PageOptions
    from lstm_models.ink.plotter import PlotterOptions
    from lstm_models.ink.verdict import Verdict
    from lstm_models.nn.dropout import Dropout
    from lstm_models.nn.lstm import LSTM, LSTMState
    from lstm_models.tasks.captioning.network import Captioner, CaptionerConfig
    from lstm_models.tasks.captioning.results import Caption, Drawing, Reading, Word
    from lstm_models.tasks.handwriting.network import HandwritingWriter, WriterConfig
    from lstm_models.tasks.handwriting.styles import Style
    from lstm_models.tasks.handwriting_reader.network import HandwritingReader, HandwritingReaderConfig
    from lstm_models.tasks.punctuation.config import PunctuatorConfig
    from lstm_models.tasks.punctuation.decoding import PunctuateOptions
    from lstm_models.tasks.punctuation.model import Punctuator
    from lstm_models.tasks.punctuation.results import PunctuatedText
    from lstm_models.tasks.speech.network import Recognizer, RecognizerConfig
    from lstm_models.tasks.tagging.config import TaggerConfig
    from lstm_models.tasks.tagging.model import Tagger
    from lstm_models.tasks.tagging.results import TaggedText

__version__ = "0.1.0"

__all__ = [
    "LSTM",
    "Caption",
    "Captioner",
    "CaptionerConfig",
    "Drawing",
    "Dropout",
    "HandwritingReader",
    "HandwritingReaderConfig",
    "HandwritingWriter",
    "InputError",
    "LSTMState",
    "Page",
    "PageOptions",
    "PlotterOptions",
    "PunctuateOptions",
    "PunctuatedText",
    "Punctuator",
    "PunctuatorConfig",
    "Reading",
    "Recognizer",
    "RecognizerConfig",
    "Style",
    "TaggedText",
    "Tagger",
    "TaggerConfig",
    "Verdict",
    "Word",
    "WriterConfig",
    "__version__",
    "available",
    "gate_activations",
    "gradient_flow",
    "load",
    "plot_gradient_flow",
    "push",
    "save",
]

# Public name -> the module it lives in (PEP 562: looked up on first use).
_HOME = {
    "LSTM": "lstm_models.nn.lstm",
    "LSTMState": "lstm_models.nn.lstm",
    "Dropout": "lstm_models.nn.dropout",
    "gate_activations": "lstm_models.analysis.gates",
    "gradient_flow": "lstm_models.analysis.gradient_flow",
    "plot_gradient_flow": "lstm_models.analysis.gradient_flow",
    "available": "lstm_models.checkpoints.hub",
    "load": "lstm_models.checkpoints.hub",
    "push": "lstm_models.checkpoints.hub",
    "save": "lstm_models.checkpoints.hub",
    "Captioner": "lstm_models.tasks.captioning.network",
    "CaptionerConfig": "lstm_models.tasks.captioning.network",
    "HandwritingReader": "lstm_models.tasks.handwriting_reader.network",
    "HandwritingReaderConfig": "lstm_models.tasks.handwriting_reader.network",
    "HandwritingWriter": "lstm_models.tasks.handwriting.network",
    "WriterConfig": "lstm_models.tasks.handwriting.network",
    "Page": "lstm_models.ink.page",
    "PageOptions": "lstm_models.ink.page",
    "PlotterOptions": "lstm_models.ink.plotter",
    "Recognizer": "lstm_models.tasks.speech.network",
    "RecognizerConfig": "lstm_models.tasks.speech.network",
    "PunctuateOptions": "lstm_models.tasks.punctuation.decoding",
    "PunctuatedText": "lstm_models.tasks.punctuation.results",
    "Punctuator": "lstm_models.tasks.punctuation.model",
    "PunctuatorConfig": "lstm_models.tasks.punctuation.config",
    "TaggedText": "lstm_models.tasks.tagging.results",
    "Tagger": "lstm_models.tasks.tagging.model",
    "TaggerConfig": "lstm_models.tasks.tagging.config",
    "Style": "lstm_models.tasks.handwriting.styles",
    "Verdict": "lstm_models.ink.verdict",
    "Caption": "lstm_models.tasks.captioning.results",
    "Drawing": "lstm_models.tasks.captioning.results",
    "Reading": "lstm_models.tasks.captioning.results",
    "Word": "lstm_models.tasks.captioning.results",
    "InputError": "lstm_models.errors",
}


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value  # the next use is a plain attribute
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
