"""The exported graph in plain onnxruntime, beside the network."""

from __future__ import annotations

import numpy as np
import pytest
import torch

pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

from lstm_models.errors import InputError  # noqa: E402 - needs onnx
from lstm_models.tasks.image_generation.config import ImageGeneratorConfig  # noqa: E402
from lstm_models.tasks.image_generation.model import ImageGenerator  # noqa: E402


def test_it_draws_what_the_network_draws(tmp_path):
    torch.manual_seed(0)
    generator = ImageGenerator(ImageGeneratorConfig("a b", 10, 4, 3, 5, 3, 6, 8)).eval()
    for head in (generator.write_head, generator.patch):
        torch.nn.init.normal_(head.weight)
    path = generator.export_onnx(tmp_path / "generator.onnx")
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    label, noise = torch.tensor([0, 2, 1]), torch.randn(3, 4, 3)
    canvas, windows = session.run(None, {"label": label.numpy(), "noise": noise.numpy()})
    with torch.no_grad():
        found = generator(label, noise)
    np.testing.assert_allclose(canvas, found.logits.sigmoid(), atol=1e-4)
    np.testing.assert_allclose(windows, found.write, rtol=1e-4, atol=1e-4)


def test_a_file_that_cannot_be_written_is_a_sentence(tmp_path):
    with pytest.raises(InputError, match="cannot be written"):
        ImageGenerator(ImageGeneratorConfig("a", 8, 1, 2, 2, 1, 2, 2)).export_onnx(tmp_path / "no" / "folder.onnx")
