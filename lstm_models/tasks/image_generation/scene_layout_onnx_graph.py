"""What a sentence puts where as one ONNX graph: words and the digits before in, log odds of the next and its place out.

Built from ONNX operators directly, as ``lstm_models.export.onnx`` is: a ``Scan`` over the digits, so that sentences,
words and digits are free in number. To lay out a scene give it the digits so far: the last row is about the next one.
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from lstm_models.export.onnx import Graph, add_lstm, add_step, whole_model, write_model, zero_state
from lstm_models.tasks.image_generation.scene_layout import PADDING

if TYPE_CHECKING:
    import onnx

    from lstm_models.tasks.image_generation.scene_layout import SceneLayout

__all__ = ["export"]

_FOUND = ("kind", "row", "column", "attention")


def export(network: SceneLayout, path: str | os.PathLike[str], *, int8: bool = False) -> Path:
    """Write a scene layout; see ``SentenceImageGenerator.export_onnx``."""
    return write_model(lambda: _model(network), Path(path), int8=int8)


def _model(network: SceneLayout) -> onnx.ModelProto:
    from onnx import TensorProto, helper

    graph, config = Graph(), network.config
    real = graph.add("Not", graph.add("Equal", "words", graph.constant([PADDING])))
    lengths = graph.add("ReduceSum", graph.add("Cast", real, to=TensorProto.INT64), graph.constant([1]), keepdims=0)
    words = graph.add("Gather", graph.constant(network.word.weight), "words")
    memory, last, _ = add_lstm(graph, network.reader, words, lengths, *zero_state(graph, network.reader, words))
    both = graph.add("Reshape", graph.add("Transpose", last, perm=[1, 0, 2]), graph.constant([0, -1]))
    h, c = graph.add("Split", graph.linear(both, network.start), outputs=2, axis=1)
    keys = graph.linear(memory, network.attention.key)
    before = graph.add("Transpose", "before", perm=[1, 0, 2])  # [digits, batch, 3]
    _, _, *found = graph.add(
        "Scan", graph.add("Tanh", h), c, before, outputs=2 + len(_FOUND), num_scan_inputs=1,
        body=_step(network, memory, keys, real),
    )  # fmt: skip
    for name, made in zip(_FOUND, found, strict=True):
        graph.nodes.append(helper.make_node("Transpose", [made], [name], perm=[1, 0, 2]))

    def value(name: str, *shape: str | int, kind: int = TensorProto.FLOAT) -> Any:
        return helper.make_tensor_value_info(name, kind, shape)

    inputs = [value("words", "batch", "count", kind=TensorProto.INT64)]
    inputs += [value("before", "batch", "digits", 3, kind=TensorProto.INT64)]
    sizes: list[int | str] = [config.kinds + 1, config.grid, config.grid, "count"]
    outputs = [value(name, "batch", "digits", size) for name, size in zip(_FOUND, sizes, strict=True)]
    return whole_model(graph, "scene-layout", inputs, outputs)


def _step(network: SceneLayout, memory: str, keys: str, real: str) -> Any:
    """``SceneLayout.step`` as a graph, which sees the memory, keys and real words of the graph around it."""
    from onnx import TensorProto, helper

    step, hidden = Graph("step_"), network.config.decoder_size
    one, last = step.constant([1]), step.constant([2])
    query = step.add("Unsqueeze", step.linear("h", network.attention.query), one)
    scores = step.add("MatMul", step.add("Tanh", step.add("Add", keys, query)),
                      step.constant(network.attention.score[:, None]))  # fmt: skip
    scores = step.add("Where", real, step.add("Squeeze", scores, last), step.constant(torch.tensor(-math.inf)))
    weights = step.add("Softmax", scores, axis=1)
    seen = step.add("Squeeze", step.add("MatMul", step.add("Unsqueeze", weights, one), memory), one)
    numbers = step.add("Split", "digit", outputs=3, axis=1)
    tables: Any = network.before
    given = step.add("Sum", *(step.add("Squeeze", step.add("Gather", step.constant(table.weight), number), one)
                              for table, number in zip(tables, numbers, strict=True)))  # fmt: skip
    h, c = add_step(step, network.decoder, [seen, given], "h", "c")
    found = [step.linear(h, layer) for layer in (network.kind, network.row, network.column)]

    def value(name: str, width: int | str, kind: int = TensorProto.FLOAT) -> Any:
        return helper.make_tensor_value_info(name, kind, ["batch", width])

    inputs = [value("h", hidden), value("c", hidden), value("digit", 3, TensorProto.INT64)]
    sizes: list[int | str] = [
        hidden,
        hidden,
        network.config.kinds + 1,
        network.config.grid,
        network.config.grid,
        "count",
    ]
    made = [value(name, size) for name, size in zip([h, c, *found, weights], sizes, strict=True)]
    return helper.make_graph(step.nodes, "digit", inputs, made, step.constants)
