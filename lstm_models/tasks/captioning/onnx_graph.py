"""A captioner as one ONNX graph: a photo in, sentences out, word by word; see ``lstm_models.export.captions``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from lstm_models.export.captions import Spoken, add_grids, add_sentences, sentence_outputs
from lstm_models.export.onnx import Graph, whole_model, write_model

if TYPE_CHECKING:
    import onnx

    from lstm_models.tasks.captioning.network import CaptionerNetwork

__all__ = ["export"]


def export(network: CaptionerNetwork, path: str | os.PathLike[str], *, int8: bool = False) -> Path:
    """Write a captioner; see ``Captioner.export_onnx``."""
    # Convolutions of 8 bits, quantised as they come, are slower in onnxruntime and change what is said
    return write_model(lambda: _model(network), Path(path), int8=int8, operators=["MatMul"])


def _model(network: CaptionerNetwork) -> onnx.ModelProto:
    from onnx import TensorProto, helper

    graph, size = Graph(), network.config.image.size
    spoken = Spoken(network.decoder, network.words.weight, network.output, network.bias)
    grid = add_grids(graph, network.encoder, network.project, "photos")
    places = graph.add("Squeeze", grid, graph.constant([0]))
    mean = graph.add("ReduceMean", places, axes=[0], keepdims=1)
    add_sentences(graph, spoken, graph.constant(spoken.words), places, mean)
    inputs = [
        helper.make_tensor_value_info("pixels", TensorProto.FLOAT, [1, 3, size, size]),
        helper.make_tensor_value_info("given", TensorProto.INT64, ["sentences", "words"]),
    ]
    return whole_model(graph, "captioner", inputs, sentence_outputs(len(spoken.words)))
