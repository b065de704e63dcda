"""A punctuator's network as one ONNX graph: numbers of words in, log probabilities of marks and cases out.

Built from ONNX operators directly, as ``lstm_models.export.onnx`` is, so that batch and length are free.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lstm_models.export.onnx import Graph, add_lstm, whole_model, write_model, zero_state
from lstm_models.tasks.punctuation.features import CASES, MARKS

if TYPE_CHECKING:
    import onnx

    from lstm_models.tasks.punctuation.network import PunctuationNetwork

__all__ = ["export"]


def export(network: PunctuationNetwork, path: str | os.PathLike[str], *, int8: bool = False) -> Path:
    """Write a punctuator; see ``Punctuator.export_onnx``."""
    return write_model(lambda: _model(network), Path(path), int8=int8)


def _model(network: PunctuationNetwork) -> onnx.ModelProto:
    from onnx import TensorProto, helper

    graph, ahead = Graph(), network.config.lookahead or 0
    words, endings, lengths = "words", "endings", "lengths"
    if ahead:  # a word is decided once so many more have been read
        padding = graph.constant([0, 0, 0, ahead])
        words = graph.add("Pad", words, padding)
        endings = graph.add("Pad", endings, padding) if network.endings is not None else endings
        lengths = graph.add("Add", lengths, graph.constant([ahead]))
    x = graph.add("Gather", graph.constant(network.words.weight), words)
    if network.endings is not None:
        x = graph.add("Concat", x, graph.add("Gather", graph.constant(network.endings.weight), endings), axis=2)
    hidden, _, _ = add_lstm(graph, network.lstm, x, lengths, *zero_state(graph, network.lstm, x))
    if ahead:
        hidden = graph.add("Slice", hidden, *(graph.constant([number]) for number in (ahead, 2**62, 1)))
    for name, head in (("marks", network.marks), ("cases", network.cases)):
        graph.nodes.append(helper.make_node("LogSoftmax", [graph.linear(hidden, head)], [name], axis=-1))

    def value(name: str, *shape: str | int, kind: int = TensorProto.INT64) -> Any:
        return helper.make_tensor_value_info(name, kind, shape)

    inputs = [value("words", "batch", "count"), value("endings", "batch", "count"), value("lengths", "batch")]
    if network.endings is None:
        inputs.pop(1)
    outputs = [
        value(name, "batch", "count", len(labels), kind=TensorProto.FLOAT)
        for name, labels in (("marks", MARKS), ("cases", CASES))
    ]
    return whole_model(graph, "punctuator", inputs, outputs)
