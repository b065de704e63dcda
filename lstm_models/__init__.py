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
    from lstm_models.captioning import Captioner, CaptionerConfig
    from lstm_models.errors import InputError
    from lstm_models.gradients import gradient_flow, plot_gradient_flow
    from lstm_models.handwriting import HandwritingWriter, WriterConfig
    from lstm_models.hub import available, load, push, save
    from lstm_models.inspection import gate_activations
    from lstm_models.lstm import LSTM, LSTMState
    from lstm_models.paper import Page, PageOptions
    from lstm_models.plotter import PlotterOptions
    from lstm_models.reading import HandwritingReader, HandwritingReaderConfig
    from lstm_models.regularization import Dropout
    from lstm_models.results import Caption, Drawing, Reading, Word
    from lstm_models.speech import Recognizer, RecognizerConfig
    from lstm_models.styles import Style
    from lstm_models.verdict import Verdict

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
    "Reading",
    "Recognizer",
    "RecognizerConfig",
    "Style",
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
    "LSTM": "lstm_models.lstm",
    "LSTMState": "lstm_models.lstm",
    "Dropout": "lstm_models.regularization",
    "gate_activations": "lstm_models.inspection",
    "gradient_flow": "lstm_models.gradients",
    "plot_gradient_flow": "lstm_models.gradients",
    "available": "lstm_models.hub",
    "load": "lstm_models.hub",
    "push": "lstm_models.hub",
    "save": "lstm_models.hub",
    "Captioner": "lstm_models.captioning",
    "CaptionerConfig": "lstm_models.captioning",
    "HandwritingReader": "lstm_models.reading",
    "HandwritingReaderConfig": "lstm_models.reading",
    "HandwritingWriter": "lstm_models.handwriting",
    "WriterConfig": "lstm_models.handwriting",
    "Page": "lstm_models.paper",
    "PageOptions": "lstm_models.paper",
    "PlotterOptions": "lstm_models.plotter",
    "Recognizer": "lstm_models.speech",
    "RecognizerConfig": "lstm_models.speech",
    "Style": "lstm_models.styles",
    "Verdict": "lstm_models.verdict",
    "Caption": "lstm_models.results",
    "Drawing": "lstm_models.results",
    "Reading": "lstm_models.results",
    "Word": "lstm_models.results",
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
