"""The bundled translator to a language, for every command that writes in one."""

from __future__ import annotations

# No TYPE_CHECKING here: jsonargparse runs such blocks for the help, and that would import torch
import lstm_models
from lstm_models.errors import InputError

__all__ = ["PREFIX", "bundled_translator", "languages"]

PREFIX = "translator-en-"
"""Of the names of bundled translators; their language follows."""


def languages() -> list[str]:
    """Codes of the languages that a bundled translator writes, such as de."""
    from lstm_models.checkpoints import hub

    return sorted(name.removeprefix(PREFIX) for name in hub.available() if name.startswith(PREFIX))


def bundled_translator(language: str, option: str, *others: str) -> lstm_models.Translator:
    """The bundled translator from English.

    Args:
        language: to translate to, such as de.
        option: what names it, for the message.
        others: what the option may be besides.

    Raises:
        InputError: there is none.
    """
    from lstm_models.checkpoints import hub

    if language not in (known := languages()):
        right = ", ".join([*others, *known])
        raise InputError(f"{option} is {language or 'empty'}; one of {right} would be right", usage=True)
    return hub.load_as(lstm_models.Translator, PREFIX + language)
