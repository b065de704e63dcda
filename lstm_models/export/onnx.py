"""An LSTM as an ONNX graph with free batch and time axes and its state going in and out, in float32 or int8.

The graph is built from ONNX operators directly, because torch's exporters fix the time axis of a stack or unroll it:
``LSTM`` where the operator knows the cell (standard, peephole, coupled), ``Scan`` over one written-out step otherwise
(layer norm, projection, zoneout). Needs the packages of ``pip install lstm-models[export]``::

    from lstm_models.export import export_onnx
    export_onnx(lstm, "lstm.onnx")
    session = onnxruntime.InferenceSession("lstm.onnx")
    output, h, c = session.run(None, {"x": x, "lengths": lengths, "h": h, "c": c})
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from lstm_models.errors import InputError
from lstm_models.io.atomic_write import check_writable, shown
from lstm_models.nn.cells import Cell, CoupledCell, LayerNormCell, PeepholeCell, StandardCell
from lstm_models.nn.lstm import LSTM

if TYPE_CHECKING:
    import onnx

__all__ = [
    "OPSET",
    "Graph",
    "add_lstm",
    "add_step",
    "export_onnx",
    "gates_in_onnx_order",
    "whole_model",
    "write_model",
    "zero_state",
]

OPSET = 17  # the first with LayerNormalization


class Graph:
    """ONNX nodes and constants with unique names."""

    def __init__(self, prefix: str = "") -> None:
        self.prefix = prefix
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def name(self, hint: str) -> str:
        """A name that no other value has."""
        return f"{self.prefix}{hint}_{len(self.nodes) + len(self.constants)}"

    def constant(self, value: Tensor | np.ndarray | list[int], hint: str = "weight") -> str:
        """A constant; lists become int64."""
        from onnx import numpy_helper

        if isinstance(value, Tensor):
            value = value.detach().cpu().float().numpy()
        array = np.ascontiguousarray(value, dtype=np.int64 if isinstance(value, list) else None)
        name = self.name(hint)
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def add(self, operator: str, *inputs: str, outputs: int = 1, **attributes: Any) -> Any:
        """A node; returns its output's name, or a list of them."""
        from onnx import helper

        names = [self.name(operator.lower() + str(k)) for k in range(outputs)]
        self.nodes.append(helper.make_node(operator, list(inputs), names, **attributes))
        return names[0] if outputs == 1 else names

    def linear(self, x: str, layer: nn.Linear) -> str:
        y = self.add("MatMul", x, self.constant(layer.weight.t()))
        return str(y if layer.bias is None else self.add("Add", y, self.constant(layer.bias)))

    def layer_norm(self, x: str, weight: torch.Tensor, bias: torch.Tensor | None = None, epsilon: float = 1e-5) -> str:
        shift = [] if bias is None else [self.constant(bias)]
        return str(self.add("LayerNormalization", x, self.constant(weight), *shift, epsilon=epsilon))

    def real(self, x: str, lengths: str) -> str:
        """Which places of ``x`` [batch, places, …] are within the lengths [batch]: [batch, places] bool."""
        count = self.add("Squeeze", self.add("Slice", self.add("Shape", x), self.constant([1]), self.constant([2])))
        zero, one = (self.add("Squeeze", self.constant([number])) for number in (0, 1))
        places = self.add("Unsqueeze", self.add("Range", zero, count, one), self.constant([0]))
        return str(self.add("Less", places, self.add("Unsqueeze", lengths, self.constant([1]))))

    def norm(self, x: str, layer: nn.LayerNorm) -> str:
        return self.layer_norm(x, layer.weight, layer.bias, layer.eps)

    def residual_lstm(self, x: str, layer: Any) -> str:
        """A residual layer of standard cells over one sequence: x + LSTM(norm(x)), both [1, time, features]."""
        cells = list(layer.lstm.cells)
        weight = self.constant(torch.stack([gates_in_onnx_order(cell, cell.weight_ih) for cell in cells]))
        recurrent = self.constant(torch.stack([gates_in_onnx_order(cell, cell.weight_hh) for cell in cells]))
        biases = [gates_in_onnx_order(cell, cell.bias) for cell in cells]
        bias = self.constant(torch.stack([torch.cat([one, torch.zeros_like(one)]) for one in biases]))
        hidden = layer.lstm.hidden_size
        y, *_ = self.add(
            "LSTM", self.add("Transpose", self.norm(x, layer.norm), perm=[1, 0, 2]), weight, recurrent, bias, outputs=3,
            hidden_size=hidden, direction="bidirectional" if layer.lstm.bidirectional else "forward",
        )  # fmt: skip
        # [time, directions, 1, hidden] to [1, time, directions, hidden]
        y = self.add("Transpose", y, perm=[2, 0, 1, 3])
        return str(self.add("Add", x, self.add("Reshape", y, self.constant([0, 0, hidden * len(cells)]))))


def export_onnx(lstm: LSTM, path: str | Path, *, int8: bool = False) -> Path:
    """Write an LSTM as ONNX, as it runs outside of training.

    Inputs: ``x [batch, time, input]`` float32 with at least one frame, ``lengths [batch]`` int64 (each 0..time),
    ``h [cells, batch, output]`` and ``c [cells, batch, hidden]`` float32; begin with ``lstm.initial_state(batch)``.
    Outputs: ``output [batch, time, output]``, zero in padding, and ``h_n`` and ``c_n``, to go in with the next chunk.

    Args:
        lstm: the network.
        path: the file to write.
        int8: store and multiply the weights in 8 bits, activations quantised as they come (dynamic quantisation).

    Returns the path. Raises InputError where onnx (or, for int8, onnxruntime) is missing or the file cannot be written,
    ValueError for a cell that is not one of this package's four.
    """
    return write_model(lambda: _model(lstm), path, int8=int8)


def write_model(
    build: Callable[[], onnx.ModelProto],
    path: str | Path,
    *,
    int8: bool = False,
    operators: list[str] | None = None,
) -> Path:
    """Write what ``build`` gives, whole or not at all; its arguments and errors as those of `export_onnx`.

    ``operators`` are those that int8 is for, such as ``["MatMul"]``; None for all that can be.
    """
    try:
        import onnx
    except ImportError as error:
        raise InputError("export needs onnx: pip install 'lstm-models[export]' brings it", usage=True) from error
    path = Path(path)
    check_writable(path)
    model = build()
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
            whole = Path(folder) / "model.onnx"
            onnx.save(model, str(whole))
            if int8:
                whole = _quantize(whole, Path(folder) / "int8.onnx", operators)
            whole.replace(path)
    except OSError as error:
        raise InputError(f"{shown(path)} cannot be written: {(error.strerror or str(error)).lower()}.") from error
    return path


def _quantize(source: Path, target: Path, operators: list[str] | None) -> Path:
    try:
        from onnxruntime.quantization import QuantType, quantize_dynamic
    except ImportError as error:
        raise InputError("int8 needs onnxruntime: pip install 'lstm-models[export]' brings it", usage=True) from error
    logging.disable(logging.WARNING)  # it advises a pre-processing meant for vision models
    try:
        # 7 bits of the 8: processors without VNNI add products of two in 16 bits, which 8 bits overflow
        quantize_dynamic(
            str(source),
            str(target),
            op_types_to_quantize=operators,
            weight_type=QuantType.QInt8,
            reduce_range=True,
            extra_options={"EnableSubgraph": True},
        )
    finally:
        logging.disable(logging.NOTSET)
    return target


def _model(lstm: LSTM) -> onnx.ModelProto:
    from onnx import TensorProto, helper

    for cell in lstm.cells:
        if type(cell) not in (StandardCell, PeepholeCell, CoupledCell, LayerNormCell):
            raise ValueError(f"there is no ONNX form of {type(cell).__name__}")
    graph, rows = Graph(), len(lstm.cells)
    found = add_lstm(graph, lstm, "x", "lengths", "h", "c")
    for made, name in zip(found, ("output", "h_n", "c_n"), strict=True):
        graph.nodes.append(helper.make_node("Identity", [made], [name]))

    def value(name: str, *shape: str | int, kind: int = TensorProto.FLOAT) -> Any:
        return helper.make_tensor_value_info(name, kind, shape)

    inner = lstm.projection or lstm.hidden_size
    inputs = [
        value("x", "batch", "time", lstm.input_size),
        value("lengths", "batch", kind=TensorProto.INT64),
        value("h", rows, "batch", inner),
        value("c", rows, "batch", lstm.hidden_size),
    ]
    outputs = [
        value("output", "batch", "time", lstm.output_size),
        value("h_n", rows, "batch", inner),
        value("c_n", rows, "batch", lstm.hidden_size),
    ]
    return whole_model(graph, "lstm", inputs, outputs)


def whole_model(graph: Graph, name: str, inputs: list[Any], outputs: list[Any]) -> onnx.ModelProto:
    """A checked model of a graph whose nodes make its outputs by name."""
    from onnx import checker, helper

    made = helper.make_graph(graph.nodes, name, inputs, outputs, graph.constants)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
    checker.check_model(model)
    return model


def zero_state(graph: Graph, lstm: LSTM, x: str) -> tuple[str, str]:
    """The state h and c before the first frame of ``x`` [batch, …]."""
    batch = graph.add("Slice", graph.add("Shape", x), graph.constant([0]), graph.constant([1]))
    rows = graph.constant([len(lstm.cells)])
    sizes = (lstm.projection or lstm.hidden_size, lstm.hidden_size)
    shapes = [graph.add("Concat", rows, batch, graph.constant([size]), axis=0) for size in sizes]
    h, c = (graph.add("ConstantOfShape", shape) for shape in shapes)  # of zeros
    return h, c


def add_step(graph: Graph, lstm: LSTM, inputs: list[str], h: str, c: str) -> tuple[str, str]:
    """A step of a layer of standard cells in one direction: its new h and c [batch, hidden], for parts of its input."""
    (cell,) = lstm.cells
    weight = graph.constant(torch.cat([cell.weight_ih, cell.weight_hh], 1).t())
    gates = graph.add("Add", graph.add("MatMul", graph.add("Concat", *inputs, h, axis=1), weight),
                      graph.constant(cell.bias))  # fmt: skip
    i, f, g, o = graph.add("Split", gates, outputs=4, axis=1)
    kept = graph.add("Mul", graph.add("Sigmoid", f), c)
    c = graph.add("Add", kept, graph.add("Mul", graph.add("Sigmoid", i), graph.add("Tanh", g)))
    return graph.add("Mul", graph.add("Sigmoid", o), graph.add("Tanh", c)), c


def add_lstm(graph: Graph, lstm: LSTM, x: str, lengths: str, h: str, c: str) -> tuple[str, str, str]:
    """A stack's output [batch, time, output] for ``x`` [batch, time, input], and its state after ``h`` and ``c``."""
    from onnx import TensorProto

    x = graph.add("Transpose", x, perm=[1, 0, 2])  # [time, batch, feature]
    time = graph.add("Gather", graph.add("Shape", x), graph.constant([0]), axis=0)
    short = graph.add("Cast", lengths, to=TensorProto.INT32)
    zero, one = (graph.add("Squeeze", graph.constant([number])) for number in (0, 1))
    steps = graph.add("Range", zero, graph.add("Squeeze", time), one)
    real = graph.add("Less", graph.add("Unsqueeze", steps, graph.constant([1])), lengths)  # [time, batch]
    real = graph.add("Unsqueeze", real, graph.constant([2]))
    last_h, last_c = [], []
    for layer in range(lstm.layers):
        cells = list(lstm.cells[layer * lstm.directions : (layer + 1) * lstm.directions])
        span = [graph.constant([layer * lstm.directions]), graph.constant([(layer + 1) * lstm.directions])]
        first_h, first_c = (graph.add("Slice", state, *span, graph.constant([0])) for state in (h, c))
        add_layer = _operator if _has_operator(lstm, cells[0]) else _scan
        y, new_h, new_c = add_layer(graph, lstm, cells, x, first_h, first_c, short, real)
        x = _skip(graph, lstm, layer, x, y)
        last_h.append(new_h)
        last_c.append(new_c)
    masked = graph.add("Where", real, x, graph.constant(torch.zeros(1)))
    output = graph.add("Transpose", masked, perm=[1, 0, 2])
    return output, *(graph.add("Concat", *states, axis=0) for states in (last_h, last_c))


def _skip(graph: Graph, lstm: LSTM, layer: int, x: str, y: str) -> str:
    same = layer > 0 or lstm.input_size == lstm.output_size
    if lstm.skip is None or not same:
        return y
    if lstm.skip == "residual":
        return str(graph.add("Add", x, y))
    gate: Any = lstm.highway[str(layer)]
    opened = graph.add("MatMul", x, graph.constant(gate.weight.t()))
    opened = graph.add("Sigmoid", graph.add("Add", opened, graph.constant(gate.bias)))
    return str(graph.add("Add", x, graph.add("Mul", opened, graph.add("Sub", y, x))))


def _has_operator(lstm: LSTM, cell: Cell) -> bool:
    zoned = lstm.dropout.zoneout_h or lstm.dropout.zoneout_c
    return not (isinstance(cell, LayerNormCell) or cell.projection or zoned)


def gates_in_onnx_order(cell: Cell, tensor: Tensor) -> Tensor:
    """Gates i, f, g, o (or i, g, o) as ONNX's i, o, f, c; a coupled cell's forget gate has no weights of its own."""
    if isinstance(cell, CoupledCell):
        i, g, o = tensor.chunk(3)
        return torch.cat([i, o, torch.zeros_like(i), g])
    i, f, g, o = tensor.chunk(4)
    return torch.cat([i, o, f, g])


def _operator(
    graph: Graph, lstm: LSTM, cells: list[Cell], x: str, h: str, c: str, lengths: str, real: str
) -> tuple[str, str, str]:
    """A layer by ONNX's LSTM operator."""
    from onnx import TensorProto

    weight = graph.constant(torch.stack([gates_in_onnx_order(cell, cell.weight_ih) for cell in cells]))
    recurrent = graph.constant(torch.stack([gates_in_onnx_order(cell, cell.weight_hh) for cell in cells]))
    biases = [gates_in_onnx_order(cell, cell.bias) for cell in cells]
    bias = graph.constant(torch.stack([torch.cat([one, torch.zeros_like(one)]) for one in biases]))
    peepholes = []
    if isinstance(cells[0], PeepholeCell):  # ours i, f, o; ONNX's i, o, f
        peepholes = [graph.constant(torch.stack([cell.peephole[[0, 2, 1]].flatten() for cell in cells]))]  # type: ignore[index]
    y, new_h, new_c = graph.add(
        "LSTM",
        *(x, weight, recurrent, bias, lengths, h, c, *peepholes),
        outputs=3,
        hidden_size=lstm.hidden_size,
        direction="bidirectional" if lstm.bidirectional else "forward",
        input_forget=int(isinstance(cells[0], CoupledCell)),
    )
    some = graph.add("Greater", lengths, graph.add("Cast", graph.constant([0]), to=TensorProto.INT32))
    some = graph.add("Unsqueeze", some, graph.constant([0, 2]))  # without a frame, the operator would return zeros
    h, c = graph.add("Where", some, new_h, h), graph.add("Where", some, new_c, c)
    y = graph.add("Transpose", y, perm=[0, 2, 1, 3])  # [time, batch, direction, hidden]
    return graph.add("Reshape", y, graph.constant([0, 0, lstm.output_size])), h, c


def _scan(
    graph: Graph, lstm: LSTM, cells: list[Cell], x: str, h: str, c: str, lengths: str, real: str
) -> tuple[str, str, str]:
    """A layer by ONNX's Scan over one written-out step."""
    from onnx import TensorProto

    outputs, last_h, last_c = [], [], []
    long = graph.add("Cast", lengths, to=TensorProto.INT64)
    for direction, cell in enumerate(cells):
        turned = graph.add("ReverseSequence", x, long, batch_axis=1, time_axis=0) if direction else x
        gates = graph.add("MatMul", turned, graph.constant(cell.weight_ih.t()))
        if isinstance(cell, LayerNormCell):
            gates = graph.add("LayerNormalization", gates, graph.constant(cell.gain_ih), graph.constant(cell.bias))
        else:
            gates = graph.add("Add", gates, graph.constant(cell.bias))
        start = [graph.constant([direction]), graph.constant([direction + 1]), graph.constant([0])]
        first = [graph.add("Squeeze", graph.add("Slice", state, *start), graph.constant([0])) for state in (h, c)]
        body = _body(cell, lstm, f"{graph.prefix}s{len(graph.nodes)}_")
        end_h, end_c, y = graph.add("Scan", *first, gates, real, outputs=3, body=body, num_scan_inputs=2)
        outputs.append(graph.add("ReverseSequence", y, long, batch_axis=1, time_axis=0) if direction else y)
        last_h.append(graph.add("Unsqueeze", end_h, graph.constant([0])))
        last_c.append(graph.add("Unsqueeze", end_c, graph.constant([0])))
    if len(cells) == 1:
        return outputs[0], last_h[0], last_c[0]
    joined = [graph.add("Concat", *parts, axis=axis) for parts, axis in ((outputs, 2), (last_h, 0), (last_c, 0))]
    return joined[0], joined[1], joined[2]


def _body(cell: Cell, lstm: LSTM, prefix: str) -> Any:
    """One step as a graph: h, c, the frame's input projection and whether it is real, to h, c and the output."""
    from onnx import TensorProto, helper

    step = Graph(prefix)
    h, c, gates, real = (f"{prefix}{name}" for name in ("h", "c", "gates", "real"))
    inner = step.add("MatMul", h, step.constant(cell.weight_hh.t()))
    if isinstance(cell, LayerNormCell):
        inner = step.add("LayerNormalization", inner, step.constant(cell.gain_hh))
    parts = len(cell.gates)
    split = step.add("Split", step.add("Add", gates, inner), outputs=parts, axis=1)

    def seen(gate: str, of: str, row: int) -> str:
        if not isinstance(cell, PeepholeCell):
            return gate
        return str(step.add("Add", gate, step.add("Mul", of, step.constant(cell.peephole[row]))))

    if isinstance(cell, CoupledCell):
        i, g, o = split
        opened, candidate = step.add("Sigmoid", i), step.add("Tanh", g)
        new_c = step.add("Add", c, step.add("Mul", opened, step.add("Sub", candidate, c)))
    else:
        i, f, g, o = split
        kept = step.add("Mul", step.add("Sigmoid", seen(f, c, 1)), c)
        new_c = step.add("Add", kept, step.add("Mul", step.add("Sigmoid", seen(i, c, 0)), step.add("Tanh", g)))
    squashed = new_c
    if isinstance(cell, LayerNormCell):
        squashed = step.add("LayerNormalization", new_c, step.constant(cell.gain_c), step.constant(cell.bias_c))
    new_h = step.add("Mul", step.add("Sigmoid", seen(o, new_c, 2)), step.add("Tanh", squashed))
    if cell.projection:
        new_h = step.add("MatMul", new_h, step.constant(cell.weight_hr.t()))
    for fraction, new, old in ((lstm.dropout.zoneout_h, new_h, h), (lstm.dropout.zoneout_c, new_c, c)):
        if fraction:
            moved = step.add("Mul", step.add("Sub", old, new), step.constant(torch.tensor(fraction)))
            new_h, new_c = (step.add("Add", new, moved), new_c) if old == h else (new_h, step.add("Add", new, moved))
    next_h, next_c = step.add("Where", real, new_h, h), step.add("Where", real, new_c, c)
    y = step.add("Identity", next_h)
    batch, hidden = "batch", cell.hidden_size

    def value(name: str, width: int, kind: int = TensorProto.FLOAT) -> Any:
        return helper.make_tensor_value_info(name, kind, [batch, width])

    return helper.make_graph(
        step.nodes,
        f"{prefix}step",
        [value(h, cell.output_size), value(c, hidden), value(gates, parts * hidden), value(real, 1, TensorProto.BOOL)],
        [value(next_h, cell.output_size), value(next_c, hidden), value(y, cell.output_size)],
        step.constants,
    )
