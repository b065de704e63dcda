"""The bundled translators, for tabs that write in a language of the visitor's choice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from lstm_apps.cli.translators import PREFIX, languages
from lstm_apps.demo import components
from lstm_models.errors import InputError

__all__ = ["Translators", "language_names"]

T = TypeVar("T")
_NAMES = {"de": "German", "fr": "French"}


class Translators(Generic[T]):
    """Translators by the language that they write, each loaded when it is first used.

    Args:
        loaders: language -> what gives its translator.
    """

    def __init__(self, loaders: Mapping[str, components.Once[T]]) -> None:
        self.loaders = dict(loaders)

    @classmethod
    def bundled(cls) -> Translators[Any]:
        """Those that come with the package."""
        return cls({code: components.once(components.bundled(PREFIX + code)) for code in languages()})

    def to(self, language: str) -> T:
        """The translator that writes a language.

        Raises:
            InputError: there is none.
        """
        if language not in self.loaders:
            known = ", ".join(self.loaders) or "none"
            raise InputError(f"there is no translator to “{language[:20]}”; there is one to {known}", usage=True)
        return self.loaders[language]()


def language_names() -> list[tuple[str, str]]:
    """The languages of the bundled translators as choices: their names, and their codes."""
    return [(_NAMES.get(code, code), code) for code in languages()]
