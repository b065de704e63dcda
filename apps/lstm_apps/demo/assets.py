"""Style sheets and scripts of the demo, which stand in ``assets/`` beside the modules that use them."""

from __future__ import annotations

from importlib import resources

__all__ = ["asset"]


def asset(package: str, *names: str) -> str:
    """The text of files in a package's ``assets`` folder, one after the other.

    >>> asset("lstm_apps.demo", "theme.css").startswith(".gradio-container")
    True
    """
    folder = resources.files(package) / "assets"
    return "\n".join((folder / name).read_text("utf-8") for name in names)
