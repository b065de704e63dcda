"""Options that every command of a model takes: where it runs, and how much is said about it.

``--device cuda`` loads models to a GPU; ``-q`` leaves out notes and progress bars, ``-v`` adds what libraries log and,
where something fails, the traceback. Results and errors are printed whatever is chosen.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Sequence

from lstm_models.errors import InputError

__all__ = ["HELP", "is_quiet", "set_quiet", "take_common_options"]

HELP = """
options of every command:
  --device DEVICE       where models run: cpu (default), cuda, cuda:1, mps …
  -q, --quiet           leave out notes and progress bars; errors are still shown
  -v, --verbose         show what libraries log, and the traceback of an error
"""

_quiet = False


def is_quiet() -> bool:
    """Whether notes and progress bars are left out."""
    return _quiet


def set_quiet(quiet: bool) -> None:
    """Leave out notes and progress bars, or show them again."""
    global _quiet
    _quiet = quiet


def take_common_options(argv: Sequence[str], known: Collection[str], *, device: bool = True) -> list[str]:
    """Follow the common options among the arguments, and give back the others.

    Args:
        argv: what was typed after the command.
        known: the command's own options, which come before those of the same name.
        device: whether the command loads a model whose device can be chosen.

    Raises:
        InputError: there is no such device, it was not named, or -q and -v were both given (``usage=True``).
    """
    rest: list[str] = []
    chosen: set[str] = set()
    place: str | None = None
    arguments = iter(argv)
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if argument == "--":
            rest += [argument, *arguments]
        elif argument in ("-q", "--quiet", "-v", "--verbose") and argument not in known:
            chosen.add(argument.lstrip("-")[0])
        elif name == "--device" and device and name not in known:
            place = value if equals else next(arguments, "")
            if not place:
                raise InputError("--device needs a value, such as cuda.", usage=True)
        else:
            rest.append(argument)
    if chosen == {"q", "v"}:
        raise InputError("--quiet and --verbose do not go together.", usage=True)
    set_quiet("q" in chosen)
    if "v" in chosen:
        os.environ["LSTM_MODELS_DEBUG"] = "1"
        logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
    if place is not None:
        from lstm_models.checkpoints import hub

        hub.use_device(place)
    return rest
