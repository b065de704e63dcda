"""A reader's network as one ONNX graph: features of the points of a line in, log probabilities of characters out.

Built from ONNX operators directly, as ``lstm_models.export.onnx`` is, so that lines of any length run.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from torch import nn

from lstm_models.export.onnx import OPSET, Graph, write_model

if TYPE_CHECKING:
    import onnx

    from lstm_models.tasks.handwriting_reader.network import HandwritingReaderNetwork

__all__ = ["export"]


def export(reader: HandwritingReaderNetwork, path: str | os.PathLike[str], *, int8: bool = False) -> Path:
    """Write a reader; see ``HandwritingReader.export_onnx``."""
    return write_model(lambda: _model(reader), Path(path), int8=int8)


def _model(reader: HandwritingReaderNetwork) -> onnx.ModelProto:
    from onnx import TensorProto, checker, helper

    graph = Graph()
    x = graph.add("Transpose", graph.add("Unsqueeze", "features", graph.constant([0])), perm=[0, 2, 1])
    x = _convolution(graph, x, reader.points)
    x = _convolution(graph, graph.add("Mul", x, graph.add("Sigmoid", x)), reader.steps)
    x = str(graph.add("Transpose", x, perm=[0, 2, 1]))  # [1, outputs, hidden]
    for layer in reader.layers:
        x = graph.residual_lstm(x, layer)
    logits = graph.add("Squeeze", graph.linear(graph.norm(x, reader.norm), reader.head), graph.constant([0]))
    graph.nodes.append(helper.make_node("LogSoftmax", [logits], ["log_probs"], axis=-1))
    size = reader.config.features.size
    inputs = [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["points", size])]
    outputs = [helper.make_tensor_value_info("log_probs", TensorProto.FLOAT, ["outputs", reader.labels])]
    made = helper.make_graph(graph.nodes, "reader", inputs, outputs, graph.constants)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
    checker.check_model(model)
    return model


def _convolution(graph: Graph, x: str, layer: nn.Conv1d) -> str:
    """What lies beyond the ends is 0, as in the network."""
    assert layer.bias is not None
    side = int(layer.padding[0])
    weights = graph.constant(layer.weight), graph.constant(layer.bias)
    return str(graph.add("Conv", x, *weights, strides=list(layer.stride), pads=[side, side]))
