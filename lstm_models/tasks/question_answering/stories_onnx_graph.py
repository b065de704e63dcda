"""A story answerer's network as one ONNX graph: numbers of words in, log probabilities of answers and looks out.

Built from ONNX operators directly, as ``lstm_models.export.onnx`` is, so that stories, sentences and words are free in
number. The hops are unrolled.
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from lstm_models.export.onnx import Graph, add_lstm, add_step, whole_model, write_model, zero_state

if TYPE_CHECKING:
    import onnx

__all__ = ["export"]

_NEVER = -1e9


def export(network: Any, path: str | os.PathLike[str], *, int8: bool = False) -> Path:
    """Write a ``StoryAnswerer``, whose module imports this one; see its ``export_onnx``."""
    return write_model(lambda: _model(network), Path(path), int8=int8)


def _model(network: Any) -> onnx.ModelProto:
    from onnx import TensorProto, helper

    graph = Graph()
    log_probs, looks = _network(graph, network)
    graph.nodes.append(helper.make_node("Identity", [log_probs], ["log_probs"]))
    graph.nodes.append(helper.make_node("Concat", looks, ["attention"], axis=1))

    def value(name: str, *shape: str | int, kind: int = TensorProto.INT64) -> Any:
        return helper.make_tensor_value_info(name, kind, shape)

    inputs = [value("texts", "different", "words"), value("text_lengths", "different")]
    inputs += [value("sentences", "stories", "count"), value("lengths", "stories"), value("question", "stories")]
    answers, hops = network.output.out_features, network.config.hops
    outputs = [
        value("log_probs", "stories", answers, kind=TensorProto.FLOAT),
        value("attention", "stories", hops, "count", kind=TensorProto.FLOAT),
    ]
    return whole_model(graph, "story-answerer", inputs, outputs)


def _network(graph: Graph, network: Any) -> tuple[str, list[str]]:
    """Log probabilities [stories, answers] and each look [stories, 1, sentences]; named as in the network."""
    words = graph.add("Gather", graph.constant(network.words.weight), "texts")
    _, last, _ = add_lstm(graph, network.reader, words, "text_lengths", *zero_state(graph, network.reader, words))
    read = graph.add("Reshape", graph.add("Transpose", last, perm=[1, 0, 2]), graph.constant([0, -1]))
    sentences, question = (graph.add("Gather", read, name) for name in ("sentences", "question"))
    one, last_axis = graph.constant([1]), graph.constant([2])
    product = graph.add("Mul", sentences, graph.add("Unsqueeze", question, one))
    about = graph.add("Concat", sentences, product, axis=2)
    over, _, _ = add_lstm(graph, network.story, about, "lengths", *zero_state(graph, network.story, about))
    memory = graph.add("Concat", sentences, over, axis=2)
    keys, values = graph.linear(memory, network.key), graph.linear(memory, network.value)
    real = graph.real("sentences", "lengths")
    scale = graph.constant(torch.tensor(1 / math.sqrt(network.key.out_features)))
    query, looks = question, []
    h, c = (graph.add("Squeeze", state, graph.constant([0])) for state in zero_state(graph, network.hop, question))
    for _ in range(network.config.hops):
        wanted = graph.add("Unsqueeze", graph.linear(query, network.query), last_axis)
        scores = graph.add("Mul", graph.add("Squeeze", graph.add("MatMul", keys, wanted), last_axis), scale)
        look = graph.add("Softmax", graph.add("Where", real, scores, graph.constant(torch.tensor(_NEVER))), axis=1)
        looks.append(graph.add("Unsqueeze", look, one))
        seen = graph.add("Squeeze", graph.add("MatMul", looks[-1], values), one)
        h, c = add_step(graph, network.hop, [seen, query], h, c)
        query = h
    found = graph.linear(graph.add("Concat", query, question, axis=1), network.output)
    return graph.add("LogSoftmax", found, axis=1), looks
