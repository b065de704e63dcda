"""Devices that are there, and others."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from lstm_models.devices import check_device, move_to
from lstm_models.errors import InputError


@pytest.mark.parametrize("device", ["cpu", torch.device("cpu"), "cpu:0", "meta"])
def test_a_device_that_is_there_passes(device: str | torch.device) -> None:
    check_device(device)


@pytest.mark.parametrize("device", ["gpu", "cuda:99", "", b"cpu", 5, -1, [], {}, object()])
def test_any_other_is_refused_in_a_sentence(device: Any) -> None:
    network = torch.nn.Linear(2, 2)
    for check in (check_device, lambda device: move_to(network, device)):
        with pytest.raises(InputError, match=r"^there is no device .* here; there is cpu") as caught:
            check(device)
        assert caught.value.usage
    assert network.weight.device.type == "cpu"


def test_a_network_is_moved_or_stays() -> None:
    network = torch.nn.Linear(2, 2)
    move_to(network, None)
    assert network.weight.device.type == "cpu"
    move_to(network, "meta")
    assert network.weight.device.type == "meta"
