"""Who may use the demo: accounts from the command line, the environment or a file, and whether a password is right."""

from __future__ import annotations

import hmac
import os
from collections.abc import Mapping
from pathlib import Path

from lstm_models.errors import InputError

__all__ = ["VARIABLE", "matches", "read_accounts"]

VARIABLE = "LSTM_MODELS_AUTH"
"""The environment variable that says what ``--auth`` would: command lines are seen by all users of a machine."""


def read_accounts(auth: str | None, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """User -> password; none where neither `auth` nor the environment names one.

    Args:
        auth: ``user:password``, or a file with one such account a line (empty lines and ``#`` lines are passed over).
        environment: where `VARIABLE` is looked up if `auth` is left out.

    Raises:
        InputError: it is neither, the file cannot be read, or a line of it is no account; passwords are not told.
    """
    told = "--auth"
    if auth is None:
        auth, told = environment.get(VARIABLE) or None, VARIABLE
    if auth is None:
        return {}
    if not os.path.isfile(auth):
        if ":" not in auth:
            raise InputError(f"{told} is neither user:password nor a file of such lines.", usage=True)
        return dict([_account(auth, told)])
    try:
        lines = Path(auth).read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise InputError(f"{auth} cannot be read: {reason}.") from error
    accounts = {}
    for number, line in enumerate(lines, 1):
        if line.strip() and not line.lstrip().startswith("#"):
            user, password = _account(line.strip(), f"Line {number} of {auth}")
            if user in accounts:
                raise InputError(f"{auth} names the user {user} twice.")
            accounts[user] = password
    if not accounts:
        raise InputError(f"{auth} has no account in it; a line such as user:password would be right.")
    return accounts


def matches(accounts: Mapping[str, str], user: str, password: str) -> bool:
    """Whether the password is the user's; takes the same time whether there is such a user or not."""
    expected = accounts.get(user, "")
    same = hmac.compare_digest(expected.encode(), password.encode("utf-8", "surrogatepass"))
    return same and user in accounts


def _account(text: str, told: str) -> tuple[str, str]:
    user, colon, password = text.partition(":")
    if not (user.strip() and colon and password):
        raise InputError(f"{told} is no account; user:password would be right.", usage=True)
    return user.strip(), password
