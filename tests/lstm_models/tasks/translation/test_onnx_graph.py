"""The exported graph in plain onnxruntime, beside the network."""

import numpy as np
import pytest
import torch

pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

from lstm_models.errors import InputError  # noqa: E402 - needs onnx
from lstm_models.tasks.translation.config import TranslatorConfig  # noqa: E402
from lstm_models.tasks.translation.model import Translator  # noqa: E402
from lstm_models.tasks.translation.network import collate  # noqa: E402
from lstm_models.text.word_pieces import END  # noqa: E402


@pytest.fixture(scope="module")
def translator():
    torch.manual_seed(0)
    return Translator(TranslatorConfig("", "en", "de", 6, 5, 2, 7)).eval()


@pytest.fixture(scope="module")
def session(translator, tmp_path_factory):
    path = translator.export_onnx(tmp_path_factory.mktemp("onnx") / "translator.onnx")
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("lengths", [[(1, 1)], [(9, 4), (3, 7), (1, 1)], [(30, 2), (2, 30)]])
def test_it_gives_what_the_network_gives(translator, session, lengths):
    generator = np.random.default_rng(0)
    items = [
        {
            name: [*generator.integers(3, 259, count - 1), END]
            for name, count in zip(("source", "target"), pair, strict=True)
        }
        for pair in lengths
    ]
    batch = collate(items)
    with torch.no_grad():
        log_p, looks = translator(batch["source"], batch["source_lengths"], batch["target"])
    found, attention = session.run(None, {name: batch[name].numpy() for name in ("source", "source_lengths", "target")})
    np.testing.assert_allclose(found, log_p.numpy(), atol=1e-4)
    np.testing.assert_allclose(attention, looks.numpy(), atol=1e-5)


def test_a_file_that_cannot_be_written_is_a_sentence(translator, tmp_path):
    with pytest.raises(InputError, match="cannot be written"):
        translator.export_onnx(tmp_path / "no" / "folder.onnx")
