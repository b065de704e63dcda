"""A language model's network as one ONNX graph: tokens in, log probabilities of the next out, its state in and out.

Built from ONNX operators directly, as ``lstm_models.export.onnx`` is, so that batch and time are free. A text goes in
whole, or a token at a time with the state that came out last, as a search does.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn

from lstm_models.export.onnx import Graph, add_lstm, whole_model, write_model

if TYPE_CHECKING:
    import onnx

    from lstm_models.tasks.language_modeling.network import LanguageNetwork

__all__ = ["export"]


def export(network: LanguageNetwork, path: str | os.PathLike[str], *, int8: bool = False) -> Path:
    """Write a language model; see ``LanguageModel.export_onnx``."""
    return write_model(lambda: _model(network), Path(path), int8=int8)


def _model(network: LanguageNetwork) -> onnx.ModelProto:
    from onnx import TensorProto, helper

    graph, lstm = Graph(), network.lstm
    table = graph.constant(network.embedding.weight)
    time = graph.add("Slice", graph.add("Shape", "tokens"), graph.constant([1]), graph.constant([2]))
    batch = graph.add("Slice", graph.add("Shape", "tokens"), graph.constant([0]), graph.constant([1]))
    lengths = graph.add("Expand", time, batch)
    hidden, h, c = add_lstm(graph, lstm, graph.add("Gather", table, "tokens"), lengths, "h", "c")
    if isinstance(network.bridge, nn.Linear):
        hidden = graph.linear(hidden, network.bridge)
    logits = graph.add("MatMul", hidden, graph.add("Transpose", table, perm=[1, 0]))
    logits = graph.add("Add", logits, graph.constant(network.bias))
    graph.nodes.append(helper.make_node("LogSoftmax", [logits], ["log_probs"], axis=-1))
    for state, name in ((h, "h_n"), (c, "c_n")):
        graph.nodes.append(helper.make_node("Identity", [state], [name]))

    def value(name: str, *shape: str | int, kind: int = TensorProto.FLOAT) -> Any:
        return helper.make_tensor_value_info(name, kind, shape)

    size = (len(lstm.cells), "batch", lstm.hidden_size)
    inputs = [value("tokens", "batch", "time", kind=TensorProto.INT64), value("h", *size), value("c", *size)]
    outputs = [value("log_probs", "batch", "time", len(network.vocabulary)), value("h_n", *size), value("c_n", *size)]
    return whole_model(graph, "language-model", inputs, outputs)
