"""The exported graph in plain onnxruntime, beside the network."""

from __future__ import annotations

import numpy as np
import pytest
import torch

pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

from lstm_models.errors import InputError  # noqa: E402 - needs onnx
from lstm_models.tasks.question_answering.config import QuestionAnswererConfig  # noqa: E402
from lstm_models.tasks.question_answering.features import match_flags  # noqa: E402
from lstm_models.tasks.question_answering.model import QuestionAnswerer  # noqa: E402
from lstm_models.tasks.question_answering.network import NOWHERE, Item, collate  # noqa: E402

WORDS = "the cat sat on a mat and who where"


@pytest.mark.parametrize(("self_attention", "filters"), [(True, 0), (False, 0), (True, 3)])
def test_it_gives_what_the_network_gives(tmp_path, self_attention, filters):
    torch.manual_seed(0)
    config = QuestionAnswererConfig(
        WORDS, 6, 3, 4, 8, 5, 2, 6, 5, self_attention, longest_answer=4, character_filters=filters
    )
    answerer = QuestionAnswerer(config).eval()
    for each in (answerer.tuned.weight, answerer.span_length):
        torch.nn.init.normal_(each)
    if answerer.characters is not None:
        torch.nn.init.normal_(answerer.characters.output.weight)
    path = answerer.export_onnx(tmp_path / "answerer.onnx")
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    items = []
    for passage, question in [
        ("the cat sat on the mat and SAT", "who sat"),
        ("cat", "where on the mat"),
        ("a mat", "x"),
    ]:
        text, asked = (answerer.numbers.encode(each.split()) for each in (passage, question))
        items.append(Item(text, [asked], [match_flags(text, asked)], [(NOWHERE, NOWHERE)]))
    batch = collate(items)
    names = [each.name for each in session.get_inputs()]
    batch["flags"] = batch["flags"].float()
    inputs = {name: batch[name].numpy() for name in names}
    inputs = {name: value if name == "flags" else value.astype(np.int64) for name, value in inputs.items()}
    start, end, alignment = session.run(None, inputs)
    with torch.no_grad():
        passage, question = (answerer.read_part(batch, kind) for kind in ("passage", "question"))
        found = answerer(passage, question, batch["owner"], batch["flags"])
        for row, length in enumerate(batch["passage_lengths"].tolist()):
            asked = int(batch["question_lengths"][row])
            np.testing.assert_allclose(start[row, : 1 + length], found.start[row, : 1 + length], atol=1e-4)
            looks = found.alignment[row, :length, :asked]
            np.testing.assert_allclose(alignment[row, :length, :asked], looks, atol=1e-5)
        for first in range(8):
            rows = [row for row, length in enumerate(batch["passage_lengths"].tolist()) if first < length]
            wanted = answerer.ends(found, torch.full((3,), first), question).exp()
            np.testing.assert_allclose(np.exp(end[rows, first]), wanted[rows], atol=1e-4)


def test_a_file_that_cannot_be_written_is_a_sentence(tmp_path):
    answerer = QuestionAnswerer(QuestionAnswererConfig(WORDS, 6, 3, 4, 8, 5, 2, 6, 5)).eval()
    with pytest.raises(InputError, match="cannot be written"):
        answerer.export_onnx(tmp_path / "no" / "folder.onnx")
