"""A writer's network as one ONNX graph: moves of the pen in, the distribution of the next out, its state in and out.

A line goes in whole, to know how probable it is, or a move at a time with the state that came out last, to write: the
next move is drawn from the distribution, as ``PenDistribution.move`` does (Graves 2013, equations 61 and 62).
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from lstm_models.export.onnx import Graph, add_lstm, whole_model, write_model
from lstm_models.nn.soft_window import FARTHEST

if TYPE_CHECKING:
    import onnx

    from lstm_models.nn.soft_window import SoftWindowLSTM
    from lstm_models.tasks.handwriting.mixture_density import MixtureDensityHead
    from lstm_models.tasks.handwriting.network import HandwritingWriterNetwork

__all__ = ["export"]

_STATE = ("h", "c", "window", "position")


def export(network: HandwritingWriterNetwork, path: str | os.PathLike[str], *, int8: bool = False) -> Path:
    """Write a writer; see ``HandwritingWriter.export_onnx``."""
    return write_model(lambda: _model(network), Path(path), int8=int8)


def _model(network: HandwritingWriterNetwork) -> onnx.ModelProto:
    from onnx import TensorProto, helper

    graph, config = Graph(), network.config
    text = graph.add("Gather", graph.constant(network.characters.weight), "text")
    parts = ["moves"]
    batch, time = (graph.add("Slice", graph.add("Shape", "moves"), *map(graph.constant, ([at], [at + 1])))
                   for at in (0, 1))  # fmt: skip
    if network.style is not None:
        style = graph.add("Gather", graph.constant(network.style.weight), "style")
        wide = graph.add("Concat", batch, time, graph.constant([config.style_size]), axis=0)
        parts.append(graph.add("Expand", graph.add("Unsqueeze", style, graph.constant([1])), wide))
    x = graph.add("Concat", *parts, axis=2) if len(parts) > 1 else "moves"
    hidden, window, after = _add_window(graph, network.window, x, text)
    made = dict(zip((f"{name}_n" for name in _STATE), after, strict=True))
    features = hidden
    if network.upper is not None:
        lengths, below = graph.add("Expand", time, batch), graph.add("Concat", x, window, hidden, axis=2)
        above, made["upper_h_n"], made["upper_c_n"] = add_lstm(
            graph, network.upper, below, lengths, "upper_h", "upper_c"
        )
        features = graph.add("Concat", hidden, above, axis=2)
    if config.history:
        features = graph.add("Concat", features, "moves", window, axis=2)
    distribution = _add_density(graph, network.head, features)
    for name, result in {**distribution, **made}.items():
        graph.nodes.append(helper.make_node("Identity", [result], [name]))

    def value(name: str, *shape: str | int, kind: int = TensorProto.FLOAT) -> Any:
        return helper.make_tensor_value_info(name, kind, shape)

    whole, sizes = TensorProto.INT64, (config.hidden_size, config.hidden_size, config.text_size, config.components)
    inputs = [
        value("moves", "batch", "time", 3 * (1 + config.history)),
        value("text", "batch", "characters", kind=whole),
    ]
    inputs.append(value("text_lengths", "batch", kind=whole))
    inputs += [] if network.style is None else [value("style", "batch", kind=whole)]
    state: list[tuple[str, tuple[str | int, ...]]] = [
        (name, ("batch", size)) for name, size in zip(_STATE, sizes, strict=True)
    ]
    if network.upper is not None:
        state += [(name, (len(network.upper.cells), "batch", config.hidden_size)) for name in ("upper_h", "upper_c")]
    inputs += [value(name, *shape) for name, shape in state]
    outputs = [value(name, "batch", "time", *([] if name in ("lift", "stop") else [config.mixtures]))
               for name in distribution]  # fmt: skip
    return whole_model(graph, "writer", inputs, outputs + [value(f"{name}_n", *shape) for name, shape in state])


def _add_window(graph: Graph, layer: SoftWindowLSTM, x: str, text: str) -> tuple[str, str, list[str]]:
    """``SoftWindowLSTM.forward``: hidden states and windows [batch, time, …], and the state after them."""
    from onnx import TensorProto

    one = graph.constant([1])
    characters = graph.add("Squeeze", graph.add("Slice", graph.add("Shape", text), one, graph.constant([2])))
    zero, first = (graph.add("Squeeze", graph.constant([number])) for number in (0, 1))
    numbers = graph.add("Range", zero, characters, first)
    real = graph.add("Less", numbers, graph.add("Unsqueeze", "text_lengths", one))
    mask = graph.add("Unsqueeze", graph.add("Cast", real, to=TensorProto.FLOAT), one)
    places = graph.add("Cast", graph.add("Add", numbers, first), to=TensorProto.FLOAT)
    gates = graph.add("Add", graph.add("MatMul", x, graph.constant(layer.weight_ih.t())), graph.constant(layer.bias))
    body = _step(layer, text, mask, places)
    found = graph.add("Scan", *_STATE, graph.add("Transpose", gates, perm=[1, 0, 2]), outputs=6, num_scan_inputs=1,
                      body=body)  # fmt: skip
    hidden, window = (graph.add("Transpose", each, perm=[1, 0, 2]) for each in found[4:])
    return hidden, window, found[:4]


def _step(layer: SoftWindowLSTM, text: str, mask: str, places: str) -> Any:
    """``SoftWindowLSTM.step`` after the product with the input, which sees text, mask and places around it."""
    from onnx import TensorProto, helper

    step = Graph("step_")
    one, two = step.constant([1]), step.constant([2])
    recurrent = step.constant(torch.cat([layer.weight_hh, layer.weight_wh], 1).t())
    gates = step.add("Add", "gates", step.add("MatMul", step.add("Concat", "h", "window", axis=1), recurrent))
    i, f, g, o = step.add("Split", gates, outputs=4, axis=1)
    c = step.add("Add", step.add("Mul", step.add("Sigmoid", f), "c"),
                 step.add("Mul", step.add("Sigmoid", i), step.add("Tanh", g)))  # fmt: skip
    h = step.add("Mul", step.add("Sigmoid", o), step.add("Tanh", c))
    looks = step.add("MatMul", h, step.constant(layer.window_weight.t()))
    looks = step.add("Add", looks, step.constant(layer.window_bias))
    importance, sharpness, move = step.add("Split", looks, outputs=3, axis=1)
    if layer.max_step is None:
        move = step.add("Exp", move)
    else:
        move = step.add("Mul", step.add("Sigmoid", move), step.constant(torch.tensor(layer.max_step)))
    position = step.add("Add", "position", move)
    away = step.add("Sub", step.add("Unsqueeze", position, two), places)  # [batch, components, characters]
    exponent = step.add("Mul", step.add("Unsqueeze", step.add("Exp", sharpness), two), step.add("Mul", away, away))
    near = step.add("Exp", step.add("Neg", step.add("Min", exponent, step.constant(torch.tensor(FARTHEST)))))
    weights = step.add("MatMul", step.add("Unsqueeze", step.add("Exp", importance), one), near)
    seen = step.add("MatMul", step.add("Mul", weights, mask), text)
    window = step.add("Squeeze", seen, one)

    def value(name: str, size: int) -> Any:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", size])

    sizes = (layer.hidden_size, layer.hidden_size, layer.text_size, layer.components)
    inputs = [*map(value, _STATE, sizes), value("gates", 4 * layer.hidden_size)]
    made = [*map(value, (h, c, window, position), sizes)]
    made += [value(step.add("Identity", h), layer.hidden_size), value(step.add("Identity", window), layer.text_size)]
    return helper.make_graph(step.nodes, "move", inputs, made, step.constants)


def _add_density(graph: Graph, head: MixtureDensityHead, features: str) -> dict[str, str]:
    """``MixtureDensityHead.forward``, by the names of ``PenDistribution``."""
    output, mixtures = graph.linear(features, head), head.mixtures
    sizes = graph.constant([mixtures] * 6 + [1, 1])
    weight, x, y, std_x, std_y, tilt, *ends = graph.add("Split", output, sizes, outputs=8, axis=2)
    lowest = graph.constant(torch.tensor(math.log(head.floor)))
    # log(floor + exp(z)) = log floor + log(1 + exp(z - log floor))
    std_x, std_y = (
        graph.add("Add", lowest, graph.add("Softplus", graph.add("Sub", each, lowest))) for each in (std_x, std_y)
    )
    lift, stop = (graph.add("Squeeze", each, graph.constant([2])) for each in ends)
    tilt = graph.add("Mul", graph.add("Tanh", tilt), graph.constant(torch.tensor(0.995)))
    return {
        "log_weight": graph.add("LogSoftmax", weight, axis=2), "mean_x": x, "mean_y": y, "log_std_x": std_x,
        "log_std_y": std_y, "correlation": tilt, "lift": lift, "stop": stop,
    }  # fmt: skip
