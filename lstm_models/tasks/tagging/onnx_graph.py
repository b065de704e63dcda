"""A tagger's network as one ONNX graph: numbers of words and of their characters in, the likeliest labels out.

Built from ONNX operators directly, as ``lstm_models.export.onnx`` is, so that batch and lengths are free. Viterbi's
algorithm is a ``Scan`` forwards, which keeps where each label came from, and one backwards, which follows it. The
probability of each label (`CRF.marginals`) is not in the graph: it follows from the scores, which are outputs, too.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from lstm_models.export.onnx import Graph, add_lstm, whole_model, write_model, zero_state
from lstm_models.tasks.tagging.features import NAMES, POS_TAGS

if TYPE_CHECKING:
    import onnx

    from lstm_models.nn.crf import CRF
    from lstm_models.tasks.tagging.network import TaggingNetwork

__all__ = ["export"]

_NEVER = -1e30


def export(network: TaggingNetwork, path: str | os.PathLike[str], *, int8: bool = False) -> Path:
    """Write a tagger; see ``Tagger.export_onnx``."""
    return write_model(lambda: _model(network), Path(path), int8=int8)


def _model(network: TaggingNetwork) -> onnx.ModelProto:
    from onnx import TensorProto, helper

    graph = Graph()
    spelled = graph.add("Gather", graph.constant(network.characters.weight), "spellings")
    state = zero_state(graph, network.spelling, spelled)
    _, last, _ = add_lstm(graph, network.spelling, spelled, "spelling_lengths", *state)  # [2, spellings, size]
    both = graph.add("Reshape", graph.add("Transpose", last, perm=[1, 0, 2]), graph.constant([0, -1]))
    words = graph.add("Gather", graph.constant(network.words.weight), "words")
    x = graph.add("Concat", words, graph.add("Gather", both, "places"), axis=2)
    hidden, _, _ = add_lstm(graph, network.lstm, x, "lengths", *zero_state(graph, network.lstm, x))
    real = graph.real("words", "lengths")
    kinds = (("pos", network.pos_head, network.pos_chain), ("names", network.name_head, network.name_chain))
    for name, head, chain in kinds:
        scores = graph.linear(hidden, head)
        graph.nodes.append(helper.make_node("Identity", [scores], [f"{name}_scores"]))
        path = _viterbi(graph, chain, scores, real)
        graph.nodes.append(helper.make_node("Identity", [path], [name]))

    def value(name: str, *shape: str | int, kind: int = TensorProto.INT64) -> Any:
        return helper.make_tensor_value_info(name, kind, shape)

    inputs = [value("words", "batch", "count"), value("spellings", "different", "characters")]
    inputs += [value("spelling_lengths", "different"), value("places", "batch", "count"), value("lengths", "batch")]
    outputs = [value("pos", "batch", "count"), value("names", "batch", "count")]
    outputs += [
        value(f"{name}_scores", "batch", "count", len(labels), kind=TensorProto.FLOAT)
        for name, labels in (("pos", POS_TAGS), ("names", NAMES))
    ]
    classes = network.config.classes.split()
    if network.class_head is not None:
        seen = graph.add("Where", graph.add("Unsqueeze", real, graph.constant([2])), hidden, _number(graph, _NEVER))
        logits = graph.linear(graph.add("ReduceMax", seen, axes=[1], keepdims=0), network.class_head)
        graph.nodes.append(helper.make_node("Softmax", [logits], ["classes"], axis=-1))
        outputs.append(value("classes", "batch", len(classes), kind=TensorProto.FLOAT))
    return whole_model(graph, "tagger", inputs, outputs)


def _number(graph: Graph, value: float) -> str:
    return graph.constant(Tensor([value]))


def _viterbi(graph: Graph, chain: CRF, scores: str, real: str) -> str:
    """The likeliest labels [batch, words] int64; in padding, that of the last word."""
    start = graph.constant(chain.start + chain.forbidden_start)
    scores = graph.add("Transpose", scores, perm=[1, 0, 2])  # [words, batch, labels]
    going = graph.add("Unsqueeze", graph.add("Transpose", real, perm=[1, 0]), graph.constant([2]))
    end = graph.constant([2**62])
    first = graph.add(
        "Squeeze", graph.add("Slice", scores, graph.constant([0]), graph.constant([1])), graph.constant([0])
    )
    rest, on = (graph.add("Slice", each, graph.constant([1]), end) for each in (scores, going))
    forwards = _forwards(chain, f"{graph.prefix}v{len(graph.nodes)}_")
    best, came = graph.add(
        "Scan", graph.add("Add", start, first), rest, on, outputs=2, body=forwards, num_scan_inputs=2
    )
    last = graph.add("ArgMax", graph.add("Add", best, graph.constant(chain.stop)), axis=1, keepdims=1)
    backwards = _backwards(chain, f"{graph.prefix}w{len(graph.nodes)}_")
    _, path = graph.add(
        "Scan", last, came, on, outputs=2, body=backwards, num_scan_inputs=2,
        scan_input_directions=[1, 1], scan_output_directions=[1],
    )  # fmt: skip
    path = graph.add("Concat", path, graph.add("Unsqueeze", last, graph.constant([0])), axis=0)
    return str(graph.add("Transpose", graph.add("Squeeze", path, graph.constant([2])), perm=[1, 0]))


def _forwards(chain: CRF, prefix: str) -> Any:
    """A word further: the best so far, its scores and whether it is real, to the best and where each came from."""
    from onnx import TensorProto, helper

    step = Graph(prefix)
    best, scores, on = (f"{prefix}{name}" for name in ("best", "scores", "on"))
    steps = step.constant(chain.transitions + chain.forbidden)
    sums = step.add("Add", step.add("Unsqueeze", best, step.constant([2])), steps)  # [batch, before, after]
    came = step.add("ArgMax", sums, axis=1, keepdims=0)
    values = step.add("Add", step.add("ReduceMax", sums, axes=[1], keepdims=0), scores)
    kept = step.add("Where", on, values, best)

    def value(name: str, width: int, kind: int = TensorProto.FLOAT) -> Any:
        return helper.make_tensor_value_info(name, kind, ["batch", width])

    given = [value(best, chain.labels), value(scores, chain.labels), value(on, 1, TensorProto.BOOL)]
    made = [value(kept, chain.labels), value(came, chain.labels, TensorProto.INT64)]
    return helper.make_graph(step.nodes, f"{prefix}step", given, made, step.constants)


def _backwards(chain: CRF, prefix: str) -> Any:
    """A word back: the label after it and where each came from, to its own label, twice."""
    from onnx import TensorProto, helper

    step = Graph(prefix)
    label, came, on = (f"{prefix}{name}" for name in ("label", "came", "on"))
    before = step.add("Where", on, step.add("GatherElements", came, label, axis=1), label)
    again = step.add("Identity", before)

    def value(name: str, width: int, kind: int = TensorProto.INT64) -> Any:
        return helper.make_tensor_value_info(name, kind, ["batch", width])

    given = [value(label, 1), value(came, chain.labels), value(on, 1, TensorProto.BOOL)]
    return helper.make_graph(step.nodes, f"{prefix}step", given, [value(before, 1), value(again, 1)], step.constants)
