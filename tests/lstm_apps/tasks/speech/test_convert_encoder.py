"""Reading Moonshine's encoder: files that are none end in a sentence; the package itself, where it is at hand."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest
from safetensors.torch import load_file

from lstm_apps.tasks.speech.convert_encoder import convert
from lstm_models.errors import InputError
from lstm_models.nn.acoustic_encoder import AcousticEncoder, AcousticEncoderConfig


def test_files_that_are_no_encoder(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "other.whl", "w") as package:
        package.writestr("other/__init__.py", "")
    (tmp_path / "encoder.onnx").write_bytes(b"\x08\x07\x12\x04 no ort file")
    for name, sentence in (
        ("nothing.ort", "cannot be read"),
        ("other.whl", "has no moonshine_voice/assets"),
        ("encoder.onnx", "not an onnxruntime file"),
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
