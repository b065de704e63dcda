"""The drawing half of DRAW as one ONNX graph: a kind and noise in, the canvas after every step and the windows out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from lstm_models.export.onnx import OPSET, Graph, write_model
from lstm_models.nn.gaussian_attention import FAINTEST, NARROWEST, STRONGEST, WIDEST, WIDEST_STRIDE

if TYPE_CHECKING:
    import onnx

    from lstm_models.tasks.image_generation.network import DrawNetwork

__all__ = ["export"]


def export(network: DrawNetwork, path: str | os.PathLike[str], *, int8: bool = False) -> Path:
    """Write an image generator; see ``ImageGenerator.export_onnx``."""
    return write_model(lambda: _model(network), Path(path), int8=int8)


def _model(network: DrawNetwork) -> onnx.ModelProto:
    from onnx import TensorProto, checker, helper

    config, graph = network.config, Graph()
    steps, side = config.glimpses, config.image_size
    canvases, windows = _Drawing(graph, network).run()
    one = graph.constant([1])
    for name, parts in (("canvas", canvases), ("windows", windows)):
        stacked = [graph.add("Unsqueeze", part, one) for part in parts]
        graph.nodes.append(helper.make_node("Concat", stacked, [name], axis=1))

    def value(name: str, *shape: str | int, kind: int = TensorProto.FLOAT) -> Any:
        return helper.make_tensor_value_info(name, kind, shape)

    made = helper.make_graph(
        graph.nodes,
        "image-generator",
        [value("label", "batch", kind=TensorProto.INT64), value("noise", "batch", steps, config.latent_size)],
        [value("canvas", "batch", steps, side, side), value("windows", "batch", steps, 5)],
        graph.constants,
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
    checker.check_model(model)
    return model


class _Drawing:
    """The steps of ``DrawNetwork.forward`` without images, unrolled; constants are shared by all steps."""

    def __init__(self, graph: Graph, network: DrawNetwork) -> None:
        self.graph, self.network, self.config = graph, network, network.config
        cell = network.decoder.cells[0]
        self.weight = graph.constant(torch.cat([cell.weight_ih, cell.weight_hh], 1).t())
        self.bias = graph.constant(cell.bias)
        # All that is read off the decoder, in one product: the patch, and the five numbers of the window
        self.heads = graph.constant(torch.cat([network.patch.weight, network.write_head.weight]).t())
        self.heads_bias = graph.constant(torch.cat([network.patch.bias, network.write_head.bias]))
        size, side = self.config.write_size, self.config.image_size
        self.offsets = graph.constant((torch.arange(1, size + 1) - size / 2 - 0.5)[None])
        self.places = graph.constant(torch.arange(1.0, side + 1)[None, None])
        self.axis, self.last = graph.constant([1]), graph.constant([2])

    def run(self) -> tuple[list[str], list[str]]:
        """Names of the canvases [batch, height, width] and of the windows [batch, 5] after every step."""
        graph, network = self.graph, self.network
        h, c = self._split(graph.add("Gather", graph.constant(network.kind.weight), "label"), 2)
        h = graph.add("Tanh", h)
        kind = graph.add("Gather", graph.constant(network.kind_input.weight), "label")
        canvas, canvases, windows = graph.constant(network.canvas[None]), [], []
        for step in range(self.config.glimpses):
            z = graph.add("Squeeze", graph.add("Gather", "noise", graph.constant([step]), axis=1), self.axis)
            gates = graph.add("MatMul", graph.add("Concat", z, kind, h, axis=1), self.weight)
            i, f, g, o = self._split(graph.add("Add", gates, self.bias), 4)
            kept = graph.add("Mul", graph.add("Sigmoid", f), c)
            c = graph.add("Add", kept, graph.add("Mul", graph.add("Sigmoid", i), graph.add("Tanh", g)))
            h = graph.add("Mul", graph.add("Sigmoid", o), graph.add("Tanh", c))
            change, window = self._write(h)
            canvas = graph.add("Add", canvas, change)
            canvases.append(graph.add("Sigmoid", canvas))
            windows.append(window)
        return canvases, windows

    def _split(self, x: str, parts: int) -> list[str]:
        return list(self.graph.add("Split", x, outputs=parts, axis=1))

    def _number(self, value: float) -> str:
        return self.graph.constant(torch.tensor(value))

    def _write(self, h: str) -> tuple[str, str]:
        """What a step adds to the canvas, and its window."""
        graph, size = self.graph, self.config.write_size
        heads = graph.add("Add", graph.add("MatMul", h, self.heads), self.heads_bias)
        patch, numbers = graph.add("Split", heads, graph.constant([size * size, 5]), outputs=2, axis=1)
        x, y, variance, stride, intensity = self._split(numbers, 5)
        side = self.config.image_size
        x, y = (graph.add("Mul", graph.add("Add", each, self._number(1.0)), self._number((side + 1) / 2))
                for each in (x, y))  # fmt: skip
        factor = (side - 1) / max(1, size - 1)
        stride = graph.add("Min", stride, self._number(WIDEST_STRIDE))
        stride = graph.add("Mul", graph.add("Exp", stride), self._number(factor))
        variance = graph.add("Exp", graph.add("Clip", variance, self._number(NARROWEST), self._number(WIDEST)))
        intensity = graph.add("Exp", graph.add("Clip", intensity, self._number(FAINTEST), self._number(STRONGEST)))
        rows, columns = (self._filters(center, stride, variance) for center in (y, x))
        patch = graph.add("Div", graph.add("Reshape", patch, graph.constant([-1, size, size])),
                          graph.add("Unsqueeze", intensity, self.last))  # fmt: skip
        change = graph.add("MatMul", graph.add("Transpose", rows, perm=[0, 2, 1]), graph.add("MatMul", patch, columns))
        return change, graph.add("Concat", x, y, stride, variance, intensity, axis=1)

    def _filters(self, center: str, stride: str, variance: str) -> str:
        """A bank of filters [batch, size, pixels]."""
        graph = self.graph
        means = graph.add("Unsqueeze", graph.add("Add", center, graph.add("Mul", stride, self.offsets)), self.last)
        away = graph.add("Sub", self.places, means)
        scaled = graph.add("Div", graph.add("Mul", away, away), graph.add("Unsqueeze", variance, self.last))
        return str(graph.add("Softmax", graph.add("Mul", scaled, self._number(-0.5)), axis=2))
