"""Training that goes on from a reader."""

from __future__ import annotations

import pytest
import torch

from lstm_apps.tasks.handwriting_reader.train import begin_from, mix_with, train
from lstm_models.errors import InputError
from lstm_models.tasks.handwriting_reader.config import HandwritingReaderConfig
from lstm_models.tasks.handwriting_reader.model import HandwritingReader


def test_a_reader_with_more_characters_reads_as_the_one_it_begins_from() -> None:
    torch.manual_seed(1)
    small = HandwritingReader(HandwritingReaderConfig(" ab", hidden_size=8, layers=1, channels=4)).eval()
    large = HandwritingReader(HandwritingReaderConfig(" ab#$", hidden_size=8, layers=1, channels=4)).eval()
    with torch.no_grad():
        small.head.bias += torch.tensor([3.0, 2.0, 1.0, 0.0])
    begin_from(large, small)
    x = torch.randn(2, 30, 6)
    with torch.no_grad():
        (ours, _), (theirs, _) = large(x), small(x)
    shared = ours[..., :4].log_softmax(-1)
    assert torch.allclose(shared, theirs, atol=1e-5)
    assert large.head.bias[4:].tolist() == pytest.approx([float(small.head.bias.detach().min())] * 2)


def test_the_mean_of_two_readers() -> None:
    torch.manual_seed(1)
    small = HandwritingReader(HandwritingReaderConfig(" ab", hidden_size=8, layers=1, channels=4))
    large = HandwritingReader(HandwritingReaderConfig(" ab#", hidden_size=8, layers=1, channels=4))
    before = {name: tensor.clone() for name, tensor in large.state_dict().items()}
    mix_with(large, small, 0.25)
    after, theirs = large.state_dict(), small.state_dict()
    assert torch.allclose(after["head.weight"][:4], 0.75 * before["head.weight"][:4] + 0.25 * theirs["head.weight"])
    assert torch.equal(after["head.weight"][4:], before["head.weight"][4:])
    assert torch.allclose(after["norm.weight"], 0.75 * before["norm.weight"] + 0.25 * theirs["norm.weight"])


@pytest.mark.parametrize("keep", [{"keep": 0.5}, {"keep": 1.0, "init": "reader"}])
def test_a_mean_needs_another_reader(keep: dict, tmp_path) -> None:
    with pytest.raises(InputError, match="--keep is from 0 to below 1"):
        train("lines.npz", str(tmp_path / "run"), **keep)


@pytest.mark.parametrize("options", [{"rare": 5}, {"rare": -1, "init": "reader"}])
def test_rare_lines_need_a_reader_that_cuts_them(options: dict, tmp_path) -> None:
    with pytest.raises(InputError, match="--rare is a number of lines, and needs a reader"):
        train("lines.npz", str(tmp_path / "run"), **options)
