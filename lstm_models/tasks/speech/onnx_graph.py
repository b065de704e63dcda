"""A recogniser's network as one ONNX graph: samples in, log probabilities of letters out.

Built from ONNX operators directly, as ``lstm_models.export.onnx`` is, so that recordings of any length run: positions
are computed from the length, the spectrogram is a convolution, and the LSTM layers are ONNX's LSTM operator.
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from lstm_models.errors import InputError
from lstm_models.export.onnx import OPSET, Graph, write_model
from lstm_models.nn.spectrogram_encoder import DEPTH, FLOOR, FRAME, STEP, SpectrogramEncoder, position_rates

if TYPE_CHECKING:
    import onnx

    from lstm_models.nn.acoustic_encoder import AcousticEncoder
    from lstm_models.tasks.speech.network import RecognizerLayer, RecognizerNetwork

__all__ = ["export"]

_LOUDNESS, _QUIETEST = 0.05, 1e-4  # root mean squares, as ``acoustic_encoder.level`` has them


def export(recognizer: RecognizerNetwork, path: str | os.PathLike[str], *, int8: bool = False) -> Path:
    """Write a recogniser with an acoustic encoder; see ``Recognizer.export_onnx``."""
    if recognizer.encoder is None:
        raise InputError("only a recogniser with an acoustic encoder is exported as ONNX.", usage=True)
    return write_model(lambda: _model(recognizer), Path(path), int8=int8)


def _model(recognizer: RecognizerNetwork) -> onnx.ModelProto:
    from onnx import TensorProto, checker, helper

    assert recognizer.encoder is not None
    graph = _SpeechGraph()
    states = graph.encoder(recognizer.encoder, graph.level("samples", recognizer.encoder.window))
    weights = recognizer.mixture.detach().softmax(0).tolist()
    mixed = ""
    for state, weight in zip(states, weights, strict=True):
        plain = graph.scaled(graph.layer_norm(state, torch.ones(recognizer.encoder.config.size)), weight)
        mixed = str(graph.add("Add", mixed, plain)) if mixed else plain
    x = graph.linear(mixed, recognizer.reduce)
    for layer in recognizer.layers:
        x = graph.layer(x, layer)  # type: ignore[arg-type]
    logits = graph.linear(graph.norm(x, recognizer.norm), recognizer.head)
    first = graph.add("Squeeze", graph.add("LogSoftmax", logits, axis=-1), graph.constant([0]))
    graph.nodes.append(helper.make_node("Identity", [first], ["log_probs"]))
    inputs = [helper.make_tensor_value_info("samples", TensorProto.FLOAT, ["samples"])]
    outputs = [helper.make_tensor_value_info("log_probs", TensorProto.FLOAT, ["outputs", recognizer.labels])]
    made = helper.make_graph(graph.nodes, "recognizer", inputs, outputs, graph.constants)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
    checker.check_model(model)
    return model


class _SpeechGraph(Graph):
    """The parts of a recogniser; values are [1, time, features] unless a comment says otherwise."""

    def scalar(self, value: float) -> str:
        return self.constant(torch.tensor(value))

    def scaled(self, x: str, factor: float) -> str:
        return str(self.add("Mul", x, self.scalar(factor)))

    def gelu(self, x: str) -> str:
        half = self.scaled(x, 0.5)
        return str(self.add("Mul", half, self.add("Add", self.add("Erf", self.scaled(x, 0.5**0.5)), self.scalar(1.0))))

    def level(self, samples: str, window: int) -> str:
        """Samples [1, 1, samples] at the encoder's loudness, with silence up to a window."""
        power = self.add("ReduceMean", self.add("Mul", samples, samples), axes=[0])
        loudness = self.add("Max", self.add("Sqrt", power), self.scalar(_QUIETEST))
        sound = self.add("Mul", samples, self.add("Div", self.scalar(_LOUDNESS), loudness))
        missing = self.add(
            "Max", self.add("Sub", self.constant([window]), self.add("Shape", samples)), self.constant([0])
        )
        padded = self.add("Pad", sound, self.add("Concat", self.constant([0]), missing, axis=0))
        return str(self.add("Unsqueeze", padded, self.constant([0, 1])))

    def encoder(self, encoder: AcousticEncoder, sound: str) -> list[str]:
        """The states that ``AcousticEncoder.tail`` gives."""
        if isinstance(encoder, SpectrogramEncoder):
            x = self.spectrogram_convolutions(encoder, sound)
        else:
            x = self.convolutions(encoder, sound)
        turn = self.angles(x, encoder.config.rotary) if encoder.config.rotary else ("", "")
        states = [x]
        for block in encoder.blocks:
            x = self.block(block, x, turn)
            states.append(x)
        states[-1] = self.norm(states[-1], encoder.norm)
        return states[-encoder.states :]

    def convolutions(self, encoder: AcousticEncoder, sound: str) -> str:
        x = self.add("Tanh", self.convolution(sound, encoder.conv1))  # [1, size, time]
        centred = self.add("Sub", x, self.add("ReduceMean", x, axes=[1, 2]))
        variance = self.add("ReduceMean", self.add("Mul", centred, centred), axes=[1, 2])
        spread = self.add("Sqrt", self.add("Add", variance, self.scalar(encoder.groupnorm.eps)))
        scaled = self.add("Mul", self.add("Div", centred, spread), self.constant(encoder.groupnorm.weight[:, None]))
        x = self.add("Add", scaled, self.constant(encoder.groupnorm.bias[:, None]))
        x = self.gelu(self.convolution(x, encoder.conv2))
        return str(self.add("Transpose", self.gelu(self.convolution(x, encoder.conv3)), perm=[0, 2, 1]))

    def spectrogram_convolutions(self, encoder: SpectrogramEncoder, sound: str) -> str:
        pads = [FRAME // 2, FRAME // 2]
        waves = self.add("Conv", sound, self.constant(encoder.waves), strides=[STEP], pads=pads)  # [1, 402, time + 1]
        squares = self.part(self.add("Mul", waves, waves), 0, -1, 2)
        both, half = len(encoder.waves), len(encoder.waves) // 2
        power = self.add("Add", self.part(squares, 0, half, 1), self.part(squares, half, both, 1))
        bands = self.add("Max", self.add("MatMul", self.constant(encoder.filters), power), self.scalar(FLOOR))
        x = self.scaled(self.add("Log", bands), 1 / math.log(10))
        loudest = self.add("ReduceMax", x, axes=[1, 2])
        x = self.add("Max", x, self.add("Sub", loudest, self.scalar(DEPTH)))
        x = self.scaled(self.add("Add", x, self.scalar(4.0)), 0.25)
        x = self.gelu(self.convolution(self.gelu(self.convolution(x, encoder.conv1)), encoder.conv2))
        x = str(self.add("Transpose", x, perm=[0, 2, 1]))
        rates = self.constant(position_rates(encoder.config.size))
        angles = self.add("Mul", self.add("Unsqueeze", self.places(x), self.constant([1])), rates)
        return str(self.add("Add", x, self.add("Concat", self.add("Sin", angles), self.add("Cos", angles), axis=1)))

    def convolution(self, x: str, layer: nn.Conv1d) -> str:
        bias = [] if layer.bias is None else [self.constant(layer.bias)]
        pads = [int(layer.padding[0])] * 2
        return str(self.add("Conv", x, self.constant(layer.weight), *bias, strides=list(layer.stride), pads=pads))

    def places(self, x: str) -> str:
        """0, 1, 2 … [time] for ``x``, as float32."""
        from onnx import TensorProto

        zero, one = (self.add("Squeeze", self.constant([number])) for number in (0, 1))
        time = self.add("Squeeze", self.add("Gather", self.add("Shape", x), self.constant([1]), axis=0))
        return str(self.add("Cast", self.add("Range", zero, time, one), to=TensorProto.FLOAT))

    def angles(self, x: str, rotary: int) -> tuple[str, str]:
        """Cosine and sine [time, 1, 1, rotary / 2] of the rotary positions."""
        rates = 10_000 ** -(torch.arange(0, rotary, 2, dtype=torch.float32) / max(rotary, 1))
        turned = self.add("Mul", self.add("Unsqueeze", self.places(x), self.constant([1, 2, 3])), self.constant(rates))
        return self.add("Cos", turned), self.add("Sin", turned)

    def part(self, x: str, first: int, last: int, axis: int, step: int = 1) -> str:
        """Every ``step``-th of the values first to last of an axis."""
        return str(self.add("Slice", x, *(self.constant([number]) for number in (first, last, axis, step))))

    def block(self, block: Any, x: str, turn: tuple[str, str]) -> str:
        """A transformer block."""
        size = block.out.in_features
        head = size // block.heads
        qkv = self.add(
            "Reshape", self.linear(self.norm(x, block.norm1), block.qkv), self.constant([0, 0, 3, block.heads, head])
        )
        turned = self.rotated(self.part(qkv, 0, 2, 2), block.rotary, head, block.heads, turn)
        q, k, v = (
            self.add("Transpose", self.add("Squeeze", one, self.constant([2])), perm=[0, 2, 1, 3])
            for one in (self.part(turned, 0, 1, 2), self.part(turned, 1, 2, 2), self.part(qkv, 2, 3, 2))
        )  # [1, heads, time, head]
        scores = self.scaled(self.add("MatMul", q, self.add("Transpose", k, perm=[0, 1, 3, 2])), 1 / math.sqrt(head))
        seen = self.add("MatMul", self.add("Softmax", scores, axis=-1), v)
        seen = self.add("Reshape", self.add("Transpose", seen, perm=[0, 2, 1, 3]), self.constant([0, 0, size]))
        x = self.add("Add", x, self.linear(seen, block.out))
        return str(
            self.add("Add", x, self.linear(self.gelu(self.linear(self.norm(x, block.norm2), block.up)), block.down))
        )

    def rotated(self, x: str, rotary: int, head: int, heads: int, turn: tuple[str, str]) -> str:
        """Queries and keys [1, time, 2, heads, head], neighbouring pairs of their first features turned."""
        if not rotary:
            return x
        cosine, sine = turn
        first, second = self.part(x, 0, rotary, 4, 2), self.part(x, 1, rotary, 4, 2)
        one = self.add("Sub", self.add("Mul", first, cosine), self.add("Mul", second, sine))
        other = self.add("Add", self.add("Mul", second, cosine), self.add("Mul", first, sine))
        pairs = [self.add("Unsqueeze", each, self.constant([5])) for each in (one, other)]
        both = self.add("Reshape", self.add("Concat", *pairs, axis=5), self.constant([0, 0, 2, heads, rotary]))
        return str(both if rotary == head else self.add("Concat", both, self.part(x, rotary, head, 4), axis=4))

    def layer(self, x: str, layer: RecognizerLayer) -> str:
        """A residual LSTM layer with its row convolution."""
        x = self.residual_lstm(x, layer)
        if layer.ahead is None:
            return x
        count = len(layer.ahead)
        whole = self.add("Pad", x, self.constant([0, 0, 0, 0, count, 0]))
        seen = x
        for number, step in enumerate(layer.ahead.detach().unbind(0), 1):
            later = self.add("Slice", whole, self.constant([number]), self.later_end(x, number), self.constant([1]))
            seen = str(self.add("Add", seen, self.add("Mul", later, self.constant(step))))
        return seen

    def later_end(self, x: str, number: int) -> str:
        """The steps of ``x`` and ``number`` more, [1]."""
        time = self.add("Gather", self.add("Shape", x), self.constant([1]), axis=0)
        return str(self.add("Add", time, self.constant([number])))
