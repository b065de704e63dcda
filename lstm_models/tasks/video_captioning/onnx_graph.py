"""A video captioner as one ONNX graph: the frames of a scene in, a sentence out, word by word.

The LSTM over the frames is written out, so that frames are free in number; the rest is ``lstm_models.export.captions``.
What is said of given sentences there serves beam search and the frames' votes.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from lstm_models.export.captions import Spoken, add_grids, add_sentences, embedded, sentence_outputs
from lstm_models.export.onnx import Graph, add_lstm, whole_model, write_model, zero_state

if TYPE_CHECKING:
    import onnx

    from lstm_models.tasks.video_captioning.network import VideoCaptionerNetwork

__all__ = ["export"]


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
    add_sentences(graph, Spoken(spoken.decoder, spoken.words, spoken.output, spoken.bias), words, places, mean)
    inputs = [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["frames", 3, size, size])]
    if with_objects:
        inputs.append(helper.make_tensor_value_info("objects", TensorProto.INT64, ["objects"]))
    inputs.append(helper.make_tensor_value_info("given", TensorProto.INT64, ["sentences", "words"]))
    return whole_model(graph, "video-captioner", inputs, sentence_outputs(len(spoken.words)))


def _seen(
    graph: Graph, network: VideoCaptionerNetwork, words: str, strength: float, with_objects: bool
) -> tuple[str, str]:
    """``VideoCaptionerNetwork.see`` of one scene: the places [places, feature] and their mean [1, feature]."""
    grids = add_grids(graph, network.captioner.encoder, network.captioner.project, "frames")
    means = graph.add("Unsqueeze", graph.add("ReduceMean", grids, axes=[1], keepdims=0), graph.constant([0]))
    frames = graph.add("Slice", graph.add("Shape", means), graph.constant([1]), graph.constant([2]))
    around, _, _ = add_lstm(graph, network.frames, means, frames, *zero_state(graph, network.frames, means))
    around = graph.add("Squeeze", graph.linear(around, network.to_places), graph.constant([0]))
    around = graph.add("Mul", around, graph.constant(torch.tensor(strength)))
    grids = graph.add("Add", grids, graph.add("Unsqueeze", around, graph.constant([1])))
    places = graph.add("Reshape", grids, graph.constant([-1, network.config.place_size]))
    mean = graph.add("ReduceMean", places, axes=[0], keepdims=1)
    if with_objects:
        things = graph.linear(embedded(graph, words, "objects", network.config.word_size), network.object_places)
        places = graph.add("Concat", places, things, axis=0)
    return places, mean
