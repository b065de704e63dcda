import pytest
import torch

from lstm_models.nn.regularization import activation_penalty, embedding_mask, slowness_penalty


def test_penalties_by_hand():
    outputs = torch.tensor([[[1.0, 2.0], [3.0, 2.0], [3.0, 5.0]]])
    assert float(activation_penalty(outputs)) == pytest.approx((1 + 4 + 9 + 4 + 9 + 25) / 6)
    assert float(slowness_penalty(outputs)) == pytest.approx((4 + 0 + 0 + 9) / 4)
    assert float(slowness_penalty(outputs[:, :1])) == 0


def test_a_token_is_left_out_wherever_it_stands():
    torch.manual_seed(0)
    tokens = torch.arange(1000).repeat(2, 1)
    mask = embedding_mask(tokens, 1000, 0.2, like=torch.ones(()))
    assert mask.shape == (2, 1000, 1)
    assert torch.equal(mask[0], mask[1])
    assert mask.unique().tolist() == [0, 1.25]
    assert float((mask[0] == 0).float().mean()) == pytest.approx(0.2, abs=0.05)
    assert embedding_mask(tokens, 1000, 0.0, like=torch.ones(())) is None
