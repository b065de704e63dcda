"""A video captioner as one ONNX graph: the frames of a scene in, a sentence out, word by word.

- The image network is traced; the LSTM over the frames and the decoder are written out, the decoder as a ``Scan`` over
  the words, so that frames, sentences and words are free in number.
- Given words are followed and scored; where none is given the likeliest comes, so that the same graph writes, goes on
  with a beginning, and says how probable a sentence is, as beam search and the frames' votes need it.
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from lstm_models.export.onnx import Graph, add_lstm, whole_model, write_model, zero_state
from lstm_models.export.traced import add_traced
from lstm_models.text.vocabulary import END, UNKNOWN

if TYPE_CHECKING:
    import onnx

    from lstm_models.nn.lstm import LSTM
    from lstm_models.tasks.video_captioning.network import FrameCaptioner, Sentences, VideoCaptionerNetwork

__all__ = ["export"]

_STATE = ("h1", "c1", "h2", "c2")


def export(network: VideoCaptionerNetwork, path: str | os.PathLike[str], style: str, *, int8: bool = False) -> Path:
    """Write a video captioner; see ``VideoCaptioner.export_onnx``."""
    # Convolutions of 8 bits, quantised as they come, are slower in onnxruntime and change what is said
    return write_model(lambda: _model(network, style), Path(path), int8=int8, operators=["MatMul"])


def _model(network: VideoCaptionerNetwork, style: str) -> onnx.ModelProto:
    from onnx import TensorProto, helper

    graph, spoken = Graph(), network.sentences(style)
    size, with_objects = network.captioner.encoder.config.size, style != "photo"
    words = graph.constant(spoken.words)
    places, mean = _seen(graph, network, words, network.strength(style), with_objects)
    keys = graph.linear(places, spoken.decoder.attention.key)
    given = graph.add("Transpose", "given", perm=[1, 0])
    sentences = graph.add("Slice", graph.add("Shape", given), *(graph.constant([at]) for at in (1, 2)))
    shape = graph.add("Concat", sentences, graph.constant([network.config.decoder_size]), axis=0)
    zeros = graph.add("ConstantOfShape", shape)
    ends = graph.add("ConstantOfShape", sentences, value=helper.make_tensor("end", TensorProto.INT64, [1], [END]))
    found = graph.add(
        "Scan", ends, *[zeros] * len(_STATE), given, outputs=8, num_scan_inputs=1,
        body=_step(spoken, words, places, keys, mean),
    )  # fmt: skip
    for made, name in zip(found[5:], ("words", "log_probs", "attention"), strict=True):
        order = [1, 0] if name == "words" else [1, 0, 2]
        graph.nodes.append(helper.make_node("Transpose", [made], [name], perm=order))

    def value(name: str, *shape: str | int, kind: int = TensorProto.INT64) -> Any:
        return helper.make_tensor_value_info(name, kind, shape)

    inputs = [value("pixels", "frames", 3, size, size, kind=TensorProto.FLOAT)]
    inputs += [value("objects", "objects")] if with_objects else []
    outputs = [
        value("words", "sentences", "words"),
        value("log_probs", "sentences", "words", len(spoken.words), kind=TensorProto.FLOAT),
        value("attention", "sentences", "words", "places", kind=TensorProto.FLOAT),
    ]
    return whole_model(graph, "video-captioner", [*inputs, value("given", "sentences", "words")], outputs)


class _Grids(nn.Module):
    """A captioner's image network, for the trace."""

    def __init__(self, captioner: FrameCaptioner) -> None:
        super().__init__()
        self.parts = nn.ModuleList([captioner.encoder.trunk, captioner.encoder, captioner.project])

    def forward(self, pixels: Tensor) -> Tensor:
        for part in self.parts:
            pixels = part(pixels)
        return pixels


def _seen(
    graph: Graph, network: VideoCaptionerNetwork, words: str, strength: float, with_objects: bool
) -> tuple[str, str]:
    """``VideoCaptionerNetwork.see`` of one scene: the places [places, feature] and their mean [1, feature]."""
    captioner = network.captioner
    size, device = captioner.encoder.config.size, network.unseen.device
    add_traced(graph, _Grids(captioner).eval(), torch.zeros(1, 3, size, size, device=device), "pixels", "grids",
               free="frames")  # fmt: skip
    means = graph.add("Unsqueeze", graph.add("ReduceMean", "grids", axes=[1], keepdims=0), graph.constant([0]))
    frames = graph.add("Slice", graph.add("Shape", means), graph.constant([1]), graph.constant([2]))
    around, _, _ = add_lstm(graph, network.frames, means, frames, *zero_state(graph, network.frames, means))
    around = graph.add("Squeeze", graph.linear(around, network.to_places), graph.constant([0]))
    around = graph.add("Mul", around, graph.constant(torch.tensor(strength)))
    grids = graph.add("Add", "grids", graph.add("Unsqueeze", around, graph.constant([1])))
    places = graph.add("Reshape", grids, graph.constant([-1, network.config.place_size]))
    mean = graph.add("ReduceMean", places, axes=[0], keepdims=1)
    if with_objects:
        things = graph.linear(_embedded(graph, words, "objects", network.config.word_size), network.object_places)
        places = graph.add("Concat", places, things, axis=0)
    return places, mean


def _embedded(graph: Graph, words: str, numbers: str, size: int) -> str:
    return str(graph.add("Mul", graph.add("Gather", words, numbers), graph.constant(torch.tensor(math.sqrt(size)))))


def _step(spoken: Sentences, words: str, places: str, keys: str, mean: str) -> Any:
    """A word of ``Sentences.forward`` as a graph, which sees the words, places and keys of the graph around it."""
    from onnx import TensorProto, helper

    step, decoder = Graph("step_"), spoken.decoder
    wide = step.add("Concat", step.add("Shape", "before"), step.constant([decoder.attention.key.in_features]), axis=0)
    word = _embedded(step, words, "before", spoken.word_size)
    h1, c1 = _cell(step, decoder.lower, ["h2", step.add("Expand", mean, wide), word], "h1", "c1")
    query = step.add("Unsqueeze", step.linear(h1, decoder.attention.query), step.constant([1]))
    scores = step.add("MatMul", step.add("Tanh", step.add("Add", query, keys)),
                      step.constant(decoder.attention.score[:, None]))  # fmt: skip
    looks = step.add("Softmax", step.add("Squeeze", scores, step.constant([2])), axis=1)
    gate = step.add("Sigmoid", step.linear(h1, decoder.gate))
    h2, c2 = _cell(step, decoder.upper, [step.add("Mul", step.add("MatMul", looks, places), gate), h1], "h2", "c2")
    logits = step.add("MatMul", step.linear(h2, spoken.output), step.constant(spoken.words.t()))
    log_p = step.add("LogSoftmax", step.add("Add", logits, step.constant(spoken.bias)), axis=1)
    banned = torch.zeros(len(spoken.words))
    banned[UNKNOWN] = -math.inf
    likeliest = step.add("ArgMax", step.add("Add", log_p, step.constant(banned)), axis=1, keepdims=0)
    none = step.add("Less", "word", step.constant([0]))
    after = step.add("Where", none, likeliest, "word")
    size = decoder.output_size

    def value(name: str, *shape: int | str, kind: int = TensorProto.FLOAT) -> Any:
        return helper.make_tensor_value_info(name, kind, ["sentences", *shape])

    whole = TensorProto.INT64
    states = [value(name, size) for name in _STATE]
    made = [value(after, kind=whole), *(value(name, size) for name in (h1, c1, h2, c2))]
    made += [value(step.add("Identity", after), kind=whole), value(log_p, len(banned)), value(looks, "places")]
    inputs = [value("before", kind=whole), *states, value("word", kind=whole)]
    return helper.make_graph(step.nodes, "word", inputs, made, step.constants)


def _cell(graph: Graph, lstm: LSTM, inputs: list[str], h: str, c: str) -> tuple[str, str]:
    """A step of a layer of standard cells: its new h and c."""
    (cell,) = lstm.cells
    weight = graph.constant(torch.cat([cell.weight_ih, cell.weight_hh], 1).t())
    gates = graph.add("Add", graph.add("MatMul", graph.add("Concat", *inputs, h, axis=1), weight),
                      graph.constant(cell.bias))  # fmt: skip
    i, f, g, o = graph.add("Split", gates, outputs=4, axis=1)
    kept = graph.add("Mul", graph.add("Sigmoid", f), c)
    c = graph.add("Add", kept, graph.add("Mul", graph.add("Sigmoid", i), graph.add("Tanh", g)))
    return graph.add("Mul", graph.add("Sigmoid", o), graph.add("Tanh", c)), c
