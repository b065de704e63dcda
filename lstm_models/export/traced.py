"""Modules of PyTorch as ONNX graphs by a trace, for what ``lstm_models.export.onnx`` does not write out itself."""

from __future__ import annotations

import contextlib
import io
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from lstm_models.export.onnx import OPSET, Graph

if TYPE_CHECKING:
    import onnx

__all__ = ["add_traced", "traced"]


def traced(
    module: nn.Module, given: tuple[Tensor, ...], inputs: Sequence[str], outputs: Sequence[str], *,
    free: str | None = None, opset: int = OPSET,
) -> onnx.ModelProto:  # fmt: skip
    """The graph of a module as it runs on ``given``, whose sizes become constants.

    Args:
        module: in evaluation mode.
        given: an example of what it takes.
        inputs: names of what it takes.
        outputs: names of what it returns.
        free: name of the first axis of inputs and outputs, if that is to be free.
        opset: of ONNX.
    """
    import onnx

    axes = {name: {0: free} for name in (*inputs, *outputs)} if free else None
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # sizes that the trace takes for constants: they are
        made = Path(folder) / "traced.onnx"
        with contextlib.redirect_stdout(io.StringIO()):
            # Without the newer exporter, which needs a package more
            torch.onnx.export(
                module, given, str(made), input_names=list(inputs), output_names=list(outputs), dynamic_axes=axes,
                opset_version=opset, dynamo=False,
            )  # fmt: skip
        return onnx.load(str(made))


def add_traced(graph: Graph, module: nn.Module, given: Tensor, x: str, y: str, *, free: str) -> None:
    """Nodes that make ``y`` of ``x`` as a module does, whose first axis is free; see `traced`."""
    from onnx import compose

    model = traced(module, (given,), [x], [y], free=free)
    model = compose.add_prefix(model, f"{y}_", rename_inputs=False, rename_outputs=False)
    graph.nodes += model.graph.node
    graph.constants += model.graph.initializer
