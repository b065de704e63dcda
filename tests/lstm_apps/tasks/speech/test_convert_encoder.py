"""Reading a pretrained encoder: files that are none end in a sentence; the packages, where they are at hand."""

from __future__ import annotations

import os
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from lstm_apps.tasks.speech.convert_encoder import convert, read_ctranslate2
from lstm_models.errors import InputError
from lstm_models.nn.acoustic_encoder import AcousticEncoder, AcousticEncoderConfig
from lstm_models.nn.spectrogram_encoder import WHISPER_TINY, acoustic_encoder


def text(name: str) -> bytes:
    return struct.pack("<H", len(name) + 1) + name.encode() + b"\0"


def model_file(*tensors: torch.Tensor, names: tuple[str, ...] = ("encoder/other",)) -> bytes:
    """A file of CTranslate2's, by its description."""
    made = struct.pack("<I", 6) + text("WhisperSpec") + struct.pack("<II", 3, len(tensors))
    for name, tensor in zip(names, tensors, strict=True):
        values = tensor.detach().numpy().astype("<f2")
        shape = struct.pack(f"<B{values.ndim}I", values.ndim, *values.shape)
        made += text(name) + shape + struct.pack("<BI", 4, values.nbytes) + values.tobytes()
    return made


def test_whispers_weights_are_where_they_belong(tmp_path: Path) -> None:
    torch.manual_seed(0)
    state = acoustic_encoder(WHISPER_TINY).state_dict()
    renamed = {
        "norm1": "self_attention/layer_norm", "norm2": "ffn/layer_norm", "qkv": "self_attention/linear_0",
        "out": "self_attention/linear_1", "up": "ffn/linear_0", "down": "ffn/linear_1", "norm": "layer_norm",
    }  # fmt: skip
    names = []
    for name in state:
        *path, last = name.split(".")
        if "norm" in path[-1]:
            last = {"weight": "gamma", "bias": "beta"}[last]
        part = renamed.get(path[-1], path[-1])
        names.append("/".join(["encoder", *([f"layer_{path[1]}"] if len(path) > 1 else []), part, last]))
    (tmp_path / "model.bin").write_bytes(model_file(*state.values(), names=tuple(names)))
    convert(tmp_path / "model.bin", tmp_path / "out.safetensors")
    found = load_file(tmp_path / "out.safetensors")
    assert found.keys() == state.keys()
    for name, value in state.items():
        np.testing.assert_array_equal(found[name].numpy(), value.half().numpy())
    assert read_ctranslate2(tmp_path / "model.bin").keys() == state.keys()


def test_files_that_are_no_encoder(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "other.whl", "w") as package:
        package.writestr("other/__init__.py", "")
    (tmp_path / "encoder.onnx").write_bytes(b"\x08\x07\x12\x04 no ort file")
    (tmp_path / "cut.bin").write_bytes(model_file(torch.zeros(2, 3))[:-9])
    (tmp_path / "other.bin").write_bytes(model_file(torch.zeros(2, 3)))
    for name, sentence in (
        ("nothing.ort", "cannot be read"),
        ("other.whl", "has no moonshine_voice/assets"),
        ("encoder.onnx", "not an onnxruntime file"),
        ("nothing.bin", "cannot be read"),
        ("cut.bin", "not a model of CTranslate2"),
        ("other.bin", "not Whisper's encoder: it has no conv1/weight"),
    ):
        with pytest.raises(InputError, match=sentence):
            convert(tmp_path / name, tmp_path / "out.safetensors")
    assert not (tmp_path / "out.safetensors").exists()


@pytest.mark.skipif("MOONSHINE_ENCODER" not in os.environ, reason="MOONSHINE_ENCODER names no encoder_model.ort")
def test_the_file_itself(tmp_path: Path) -> None:
    convert(Path(os.environ["MOONSHINE_ENCODER"]), tmp_path / "out.safetensors")
    wanted = AcousticEncoder(AcousticEncoderConfig()).state_dict()
    found = load_file(tmp_path / "out.safetensors")
    assert {name: one.shape for name, one in found.items()} == {name: one.shape for name, one in wanted.items()}
    with pytest.raises(InputError, match="cannot be written"):
        convert(Path(os.environ["MOONSHINE_ENCODER"]), tmp_path / "no" / "out.safetensors")
