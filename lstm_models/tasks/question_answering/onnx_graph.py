"""A question answerer's network as one ONNX graph: numbers of words in, log probabilities of starts and ends out.

Built from ONNX operators directly, as ``lstm_models.export.onnx`` is, so that batch and lengths are free. A question
comes with a passage of its own.
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from lstm_models.export.onnx import OPSET, Graph, gates_in_onnx_order, write_model
from lstm_models.tasks.question_answering.features import CHARACTERS, FLAGS, PADDING

if TYPE_CHECKING:
    import onnx

    from lstm_models.nn.lstm import LSTM
    from lstm_models.tasks.question_answering.network import CharacterFeatures, QuestionAnsweringNetwork

__all__ = ["export"]

_KINDS, _PARTS = ("passage", "question"), ("words", "endings", "shapes")
_NEVER = -1e9


def export(network: QuestionAnsweringNetwork, path: str | os.PathLike[str], *, int8: bool = False) -> Path:
    """Write a question answerer; see ``QuestionAnswerer.export_onnx``."""
    return write_model(lambda: _model(network), Path(path), int8=int8)


def _model(network: QuestionAnsweringNetwork) -> onnx.ModelProto:
    from onnx import TensorProto, checker, helper

    graph = _Graph()
    start, end, alignment = _network(graph, network)
    for name, found in (("start", start), ("end", end), ("alignment", alignment)):
        graph.nodes.append(helper.make_node("Identity", [found], [name]))

    def value(name: str, *shape: str | int, kind: int = TensorProto.INT64) -> Any:
        return helper.make_tensor_value_info(name, kind, shape)

    inputs = [value(f"{kind}_{part}", "batch", f"{kind}_tokens") for kind in _KINDS for part in _PARTS]
    inputs += [value(f"{kind}_lengths", "batch") for kind in _KINDS]
    if network.characters is not None:
        inputs += [value(f"{kind}_characters", "batch", f"{kind}_tokens", CHARACTERS) for kind in _KINDS]
    inputs += [value("flags", "batch", "passage_tokens", FLAGS, kind=TensorProto.FLOAT)]
    outputs = [
        value("start", "batch", "choices", kind=TensorProto.FLOAT),
        value("end", "batch", "passage_tokens", network.config.longest_answer, kind=TensorProto.FLOAT),
        value("alignment", "batch", "passage_tokens", "question_tokens", kind=TensorProto.FLOAT),
    ]
    made = helper.make_graph(graph.nodes, "question-answerer", inputs, outputs, graph.constants)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
    checker.check_model(model)
    return model


class _Graph(Graph):
    """With what this network needs of layers."""

    def number(self, value: float) -> str:
        return self.constant(torch.tensor(value))

    def linear(self, x: str, layer: nn.Module) -> str:
        assert isinstance(layer, nn.Linear)
        y = self.add("MatMul", x, self.constant(layer.weight.t()))
        return str(y if layer.bias is None else self.add("Add", y, self.constant(layer.bias)))

    def turned(self, x: str) -> str:
        return str(self.add("Transpose", x, perm=[0, 2, 1]))

    def masked(self, scores: str, real: str) -> str:
        return str(self.add("Where", real, scores, self.number(_NEVER)))

    def lstm(self, lstm: LSTM, x: str, lengths: str) -> str:
        """Outputs [batch, tokens, both directions] of [batch, tokens, features]."""
        x = self.add("Transpose", x, perm=[1, 0, 2])
        for layer in range(lstm.layers):
            cells = lstm.cells[2 * layer : 2 * layer + 2]
            weights = [torch.stack([gates_in_onnx_order(cell, getattr(cell, name)) for cell in cells])
                       for name in ("weight_ih", "weight_hh")]  # fmt: skip
            biases = [gates_in_onnx_order(cell, cell.bias) for cell in cells]
            weights.append(torch.stack([torch.cat([each, torch.zeros_like(each)]) for each in biases]))
            inputs = (x, *map(self.constant, weights), lengths)
            y = self.add("LSTM", *inputs, outputs=3, hidden_size=lstm.hidden_size, direction="bidirectional")[0]
            y = self.add("Reshape", self.add("Transpose", y, perm=[0, 2, 1, 3]), self.constant([0, 0, -1]))
            joined = lstm.skip == "residual" and (layer > 0 or lstm.input_size == lstm.output_size)
            x = self.add("Add", x, y) if joined else y
        return str(self.add("Transpose", x, perm=[1, 0, 2]))


def _table(network: QuestionAnsweringNetwork) -> Tensor:
    """The vectors of words, those that were trained added."""
    rows = torch.arange(len(network.vectors.weight))
    tuned = rows.where(rows < network.tuned.num_embeddings, torch.tensor(PADDING))
    return network.vectors.weight + network.tuned.weight[tuned]


def _network(graph: _Graph, network: QuestionAnsweringNetwork) -> tuple[str, str, str]:
    """Starts, ends and the alignment; the names of ``QuestionAnsweringNetwork``."""
    from onnx import TensorProto

    table, endings, shapes = (graph.constant(each) for each in (_table(network), network.endings.weight,
                                                                network.shapes.weight))  # fmt: skip
    lengths = {kind: graph.add("Cast", f"{kind}_lengths", to=TensorProto.INT32) for kind in _KINDS}
    real = {kind: graph.real(f"{kind}_words", f"{kind}_lengths") for kind in _KINDS}
    words, context = {}, {}
    for kind in _KINDS:
        words[kind] = graph.add("Gather", table, f"{kind}_words")
        if network.characters is not None:
            spelt = _spelling(graph, network.characters, f"{kind}_characters", words[kind])
            words[kind] = graph.add("Add", words[kind], spelt)
        rest = (graph.add("Gather", of, f"{kind}_{part}") for of, part in ((endings, "endings"), (shapes, "shapes")))
        features = graph.add("Concat", words[kind], *rest, axis=2)
        context[kind] = graph.lstm(network.encoder, features, lengths[kind])
    mixed, alignment = _aligned(graph, network, context, words, real["question"])
    tokens = graph.lstm(network.modeling, mixed, lengths["passage"])
    if network.config.self_attention:
        tokens = graph.lstm(network.second, _matched(graph, network, tokens, real["passage"]), lengths["passage"])
    weights = graph.add("Squeeze", graph.linear(context["question"], network.summary), graph.constant([2]))
    weights = graph.add("Softmax", graph.masked(weights, real["question"]), axis=1)
    question_vector = graph.add("MatMul", graph.add("Unsqueeze", weights, graph.constant([1])), context["question"])
    start = _start(graph, network, tokens, question_vector, real["passage"])
    return start, _end(graph, network, tokens, question_vector, real["passage"]), alignment


def _spelling(graph: _Graph, layer: CharacterFeatures, characters: str, like: str) -> str:
    """What the characters of words add to their vectors, in the shape of these."""
    weight, bias = layer.convolution.weight, layer.convolution.bias
    assert bias is not None
    each = graph.add("Gather", graph.constant(layer.characters.weight), characters)
    each = graph.add("Reshape", each, graph.constant([-1, CHARACTERS, weight.size(1)]))
    found = graph.add("Conv", graph.turned(each), graph.constant(weight), graph.constant(bias), pads=[2, 2])
    found = graph.add("Relu", graph.add("ReduceMax", found, axes=[2], keepdims=0))
    return str(graph.add("Reshape", graph.linear(found, layer.output), graph.add("Shape", like)))


def _aligned(
    graph: _Graph, network: QuestionAnsweringNetwork, context: dict[str, str], words: dict[str, str], real: str
) -> tuple[str, str]:
    query, factor, token_part = graph.add(
        "Split", graph.linear(context["passage"], network.of_passage), outputs=3, axis=2
    )
    key, other, value = graph.add("Split", graph.linear(context["question"], network.of_question), outputs=3, axis=2)
    real = graph.add("Unsqueeze", real, graph.constant([1]))
    scale = graph.number(1 / math.sqrt(network.config.attention_size))
    scores = graph.add("Mul", graph.add("MatMul", query, graph.turned(key)), scale)
    by_context = graph.add("Softmax", graph.masked(scores, real), axis=-1)
    ours, theirs = (graph.add("Relu", graph.linear(words[kind], network.word_key)) for kind in _KINDS)
    scores = graph.add("MatMul", ours, graph.turned(theirs))
    by_words = graph.add("Softmax", graph.masked(scores, real), axis=-1)
    product = graph.add("Mul", factor, graph.add("MatMul", by_context, other))
    parts = [
        graph.add("MatMul", by_context, value),
        graph.add("MatMul", by_words, graph.linear(words["question"], network.word_value)),
        graph.linear(product, network.product),
        graph.linear("flags", network.flags),
    ]
    return str(graph.add("Relu", graph.add("Sum", token_part, *parts))), str(by_context)


def _matched(graph: _Graph, network: QuestionAnsweringNetwork, tokens: str, real: str) -> str:
    query, key = graph.add("Split", graph.linear(tokens, network.self_key), outputs=2, axis=2)
    scale = graph.number(1 / math.sqrt(2 * network.config.modeling_size))
    scores = graph.add("Mul", graph.add("MatMul", query, graph.turned(key)), scale)
    scores = graph.masked(scores, graph.add("Unsqueeze", real, graph.constant([1])))
    elsewhere = graph.add("MatMul", graph.add("Softmax", scores, axis=-1), tokens)
    both = graph.add("Concat", tokens, elsewhere, axis=2)
    return str(graph.add("Relu", graph.linear(both, network.self_mix)))


def _start(graph: _Graph, network: QuestionAnsweringNetwork, tokens: str, question_vector: str, real: str) -> str:
    wanted = graph.linear(question_vector, network.start)  # [batch, 1, hidden]
    scale = graph.number(1 / math.sqrt(2 * network.config.modeling_size))
    scores = graph.add("Mul", graph.add("MatMul", wanted, graph.turned(tokens)), scale)
    scores = graph.masked(scores, graph.add("Unsqueeze", real, graph.constant([1])))
    seen = graph.add("MatMul", graph.add("Softmax", scores, axis=-1), tokens)
    first, last = network.nowhere[0], network.nowhere[2]
    nowhere = graph.linear(graph.add("Concat", seen, question_vector, axis=2), first)
    nowhere = graph.linear(graph.add("Relu", nowhere), last)
    both = graph.add("Squeeze", graph.add("Concat", nowhere, scores, axis=2), graph.constant([1]))
    return str(graph.add("LogSoftmax", both, axis=1))


def _end(graph: _Graph, network: QuestionAnsweringNetwork, tokens: str, question_vector: str, real: str) -> str:
    """Log probabilities [batch, tokens, longest answer] of the lengths of an answer that starts at each token."""
    from onnx import TensorProto

    longest, hidden = network.config.longest_answer, 2 * network.config.modeling_size
    wanted = graph.add("Add", graph.linear(question_vector, network.end), graph.linear(tokens, network.end_of_start))
    wanted = graph.add("Mul", wanted, graph.number(1 / math.sqrt(hidden)))
    inside = graph.add("Unsqueeze", graph.add("Cast", real, to=TensorProto.FLOAT), graph.constant([2]))
    padding = graph.constant([0, 0, 0, 0, longest, 0])
    tokens, inside = (graph.add("Pad", each, padding) for each in (tokens, inside))
    made = []
    for more in range(longest):  # tokens so many places on
        bounds = [graph.constant([number]) for number in (more, more - longest, 1)]
        later, there = (graph.add("Slice", each, *bounds) for each in (tokens, inside))
        score = graph.add("ReduceSum", graph.add("Mul", wanted, later), graph.constant([2]), keepdims=1)
        score = graph.add("Add", score, graph.constant(network.span_length[more : more + 1]))
        made.append(graph.masked(score, graph.add("Greater", there, graph.number(0.5))))
    return str(graph.add("LogSoftmax", graph.add("Concat", *made, axis=2), axis=2))
