"""A translator's network as one ONNX graph: pieces of source and target in, log probabilities and attention out.

Built from ONNX operators directly, as ``lstm_models.export.onnx`` is, so that batch and lengths are free. To translate,
give it the target so far and one number more (which does not matter): the last row is the next piece's distribution.
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from lstm_models.export.onnx import OPSET, Graph, gates_in_onnx_order, write_model
from lstm_models.tasks.translation.features import END

if TYPE_CHECKING:
    import onnx

    from lstm_models.nn.lstm import LSTM
    from lstm_models.tasks.translation.network import TranslationNetwork

__all__ = ["export"]


def export(translator: TranslationNetwork, path: str | os.PathLike[str], *, int8: bool = False) -> Path:
    """Write a translator; see ``Translator.export_onnx``."""
    return write_model(lambda: _model(translator), Path(path), int8=int8)


def _model(network: TranslationNetwork) -> onnx.ModelProto:
    from onnx import TensorProto, checker, helper

    graph = Graph()
    config = network.config
    table = graph.constant(network.pieces.weight * math.sqrt(config.embedding_size))
    lengths = graph.add("Cast", "source_lengths", to=TensorProto.INT32)
    values, summary = _encoder(graph, network.encoder, graph.add("Gather", table, "source"), lengths)
    start = graph.add("Tanh", _linear(graph, summary, network.start))
    states = [graph.add("Unsqueeze", part, graph.constant([0])) for part in _split(graph, start, 4)]
    before = _shifted(graph)
    low = _forward(graph, network.lower, graph.add("Gather", table, before), states[0], states[1])
    weights = _attention(graph, low, _linear(graph, values, network.key), config.decoder_size)
    seen = graph.add("MatMul", weights, values)
    high = _forward(graph, network.upper, graph.add("Concat", low, seen, axis=2), states[2], states[3])
    features = graph.add("Tanh", _linear(graph, graph.add("Concat", high, seen, axis=2), network.output))
    logits = graph.add("MatMul", features, graph.constant(network.pieces.weight.t()))
    logits = graph.add("Add", logits, graph.constant(network.bias))
    graph.nodes.append(helper.make_node("LogSoftmax", [logits], ["log_probs"], axis=-1))
    graph.nodes.append(helper.make_node("Identity", [weights], ["attention"]))

    def value(name: str, *shape: str | int, kind: int = TensorProto.INT64) -> Any:
        return helper.make_tensor_value_info(name, kind, shape)

    inputs = [value("source", "batch", "pieces"), value("source_lengths", "batch"), value("target", "batch", "steps")]
    outputs = [
        value("log_probs", "batch", "steps", len(network.vocabulary), kind=TensorProto.FLOAT),
        value("attention", "batch", "steps", "pieces", kind=TensorProto.FLOAT),
    ]
    made = helper.make_graph(graph.nodes, "translator", inputs, outputs, graph.constants)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
    checker.check_model(model)
    return model


def _linear(graph: Graph, x: str, layer: torch.nn.Linear) -> str:
    y = graph.add("MatMul", x, graph.constant(layer.weight.t()))
    return str(y if layer.bias is None else graph.add("Add", y, graph.constant(layer.bias)))


def _split(graph: Graph, x: str, parts: int) -> list[str]:
    made: list[str] = graph.add("Split", x, outputs=parts, axis=1)
    return made


def _shifted(graph: Graph) -> str:
    """The pieces before those of the target [batch, steps]: the end first."""
    first, last, axis = graph.constant([0]), graph.constant([-1]), graph.constant([1])
    head = graph.add("Slice", "target", first, graph.constant([1]), axis)
    ends = graph.add("Add", graph.add("Mul", head, graph.constant([0])), graph.constant([END]))
    return str(graph.add("Concat", ends, graph.add("Slice", "target", first, last, axis), axis=1))


def _weights(graph: Graph, lstm: LSTM, layer: int) -> list[str]:
    """Weights and biases of a layer in ONNX's order, its directions one after the other."""
    cells = lstm.cells[layer * lstm.directions : (layer + 1) * lstm.directions]
    inner = torch.stack([gates_in_onnx_order(cell, cell.weight_ih) for cell in cells])
    outer = torch.stack([gates_in_onnx_order(cell, cell.weight_hh) for cell in cells])
    biases = [gates_in_onnx_order(cell, cell.bias) for cell in cells]
    bias = torch.stack([torch.cat([one, torch.zeros_like(one)]) for one in biases])
    return [graph.constant(each) for each in (inner, outer, bias)]


def _encoder(graph: Graph, lstm: LSTM, x: str, lengths: str) -> tuple[str, str]:
    """Outputs [batch, pieces, both directions], and the last of either direction side by side [batch, both]."""
    x = graph.add("Transpose", x, perm=[1, 0, 2])
    last = ""
    for layer in range(lstm.layers):
        y, last, _ = graph.add(
            "LSTM",
            *(x, *_weights(graph, lstm, layer), lengths),
            outputs=3,
            hidden_size=lstm.hidden_size,
            direction="bidirectional",
        )
        x = graph.add("Reshape", graph.add("Transpose", y, perm=[0, 2, 1, 3]), graph.constant([0, 0, -1]))
    summary = graph.add("Reshape", graph.add("Transpose", last, perm=[1, 0, 2]), graph.constant([0, -1]))
    return graph.add("Transpose", x, perm=[1, 0, 2]), summary


def _forward(graph: Graph, lstm: LSTM, x: str, h: str, c: str) -> str:
    """Outputs [batch, steps, hidden] of one layer from its states [1, batch, hidden]."""
    x = graph.add("Transpose", x, perm=[1, 0, 2])
    y, _, _ = graph.add("LSTM", *(x, *_weights(graph, lstm, 0), "", h, c), outputs=3, hidden_size=lstm.hidden_size)
    y = graph.add("Squeeze", y, graph.constant([1]))
    return str(graph.add("Transpose", y, perm=[1, 0, 2]))


def _attention(graph: Graph, query: str, keys: str, size: int) -> str:
    """Weights [batch, steps, pieces]; padding of the source gets none."""
    scores = graph.add("MatMul", query, graph.add("Transpose", keys, perm=[0, 2, 1]))
    scores = graph.add("Mul", scores, graph.constant(torch.tensor(1 / math.sqrt(size))))
    real = graph.real("source", "source_lengths")
    real = graph.add("Unsqueeze", real, graph.constant([1]))
    masked = graph.add("Where", real, scores, graph.constant(torch.tensor(-1e9)))
    return str(graph.add("Softmax", masked, axis=-1))
