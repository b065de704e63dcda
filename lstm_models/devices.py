"""Where networks run.

>>> move_to(recognizer, "cuda:1")      # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lstm_models.errors import InputError

if TYPE_CHECKING:
    import torch

__all__ = ["check_device", "move_to"]


def check_device(device: str | torch.device) -> None:
    """Raise InputError where there is no such device, such as "cuda:1", on this machine (``usage=True``)."""
    if str(device) == "cpu":
        return
    import torch

    try:
        if not isinstance(device, str | torch.device):
            raise TypeError
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError, TypeError):  # as each backend has it
        there = ["cpu", *(name for name in ("cuda", "mps", "xpu") if getattr(torch, name).is_available())]
        raise InputError(
            f"there is no device {str(device)!r:.40} here; there is {' and '.join(there)}.", usage=True
        ) from None


def move_to(network: torch.nn.Module, device: str | torch.device | None) -> None:
    """Move a network to a device; it stays where it is if that is None.

    Raises:
        InputError: there is no such device here (``usage=True``).
    """
    if device is not None:
        check_device(device)
        network.to(device)
