"""Who may use the demo: accounts from the command line, the environment or a file, and whether a password is right.

Passwords are kept as hashes by scrypt (RFC 7914) alone. A file of accounts can hold such hashes in place of passwords:

Run: python -m lstm_apps.server.auth   (asks for a password and prints its hash)
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from lstm_models.errors import InputError

__all__ = ["SESSION_SECONDS", "VARIABLE", "Sessions", "hashed", "matches", "read_accounts"]

SESSION_SECONDS = 12 * 3600.0
"""How long a login counts."""
_MOST_SESSIONS = 10_000
_N, _R, _P = 2**14, 8, 1  # scrypt's cost: 16 MB, some 50 ms
_HASH = re.compile(r"scrypt\$([A-Za-z0-9+/]{22}==)\$([A-Za-z0-9+/]{43}=)")

VARIABLE = "LSTM_MODELS_AUTH"
"""The environment variable that says what ``--auth`` would: command lines are seen by all users of a machine."""


def read_accounts(auth: str | None, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """User -> hash of the password, as `hashed` makes it; none where neither `auth` nor the environment names one.

    Args:
        auth: ``user:password``, or a file with one such account a line (empty lines and ``#`` lines are passed over).
        environment: where `VARIABLE` is looked up if `auth` is left out.

    Raises:
        InputError: it is neither, the file cannot be read, or a line of it is no account; no message shows a password.
    """
    label = "--auth"
    if auth is None:
        auth, label = environment.get(VARIABLE) or None, VARIABLE
    if auth is None:
        return {}
    if not os.path.isfile(auth):
        if ":" not in auth:
            raise InputError(f"{label} is neither user:password nor a file of such lines.", usage=True)
        return dict([_account(auth, label)])
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


def hashed(password: str, salt: bytes | None = None) -> str:
    """A password's hash: ``scrypt$salt$key``, both in base64.

    Example:
        >>> hashed("secret", bytes(16))
        'scrypt$AAAAAAAAAAAAAAAAAAAAAA==$aLJr313a4S4tKM+skUSPwmGcnRd98oRU1CnCPv6T4/Q='
    """
    salt = os.urandom(16) if salt is None else salt
    key = hashlib.scrypt(password.encode("utf-8", "surrogatepass"), salt=salt, n=_N, r=_R, p=_P, dklen=32)
    return f"scrypt${base64.b64encode(salt).decode()}${base64.b64encode(key).decode()}"


_NOBODY = hashed("", bytes(16))


def matches(accounts: Mapping[str, str], user: str, password: str) -> bool:
    """Whether the password is the user's; takes the same time whether there is such a user or not.

    Args:
        accounts: user -> hash, as `read_accounts` gives them.
        user, password: what somebody says.
    """
    expected = accounts.get(user, _NOBODY)
    salt = base64.b64decode(expected.split("$")[1])
    same = hmac.compare_digest(expected, hashed(password[:1024], salt))
    return same and user in accounts


class Sessions(dict[str, str]):
    """Token -> user of those who are logged in, as Gradio keeps them; one that is too old is there no more.

    Args:
        seconds: that a login counts.
        clock: gives seconds that only grow.
    """

    def __init__(self, seconds: float = SESSION_SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._seconds, self._clock = seconds, clock
        self._since: dict[str, float] = {}

    def _prune(self) -> None:
        now = self._clock()
        while self._since:
            token, since = next(iter(self._since.items()))  # the oldest: they are in order
            if now - since <= self._seconds and len(self._since) <= _MOST_SESSIONS:
                return
            self.pop(token, None)

    def __setitem__(self, token: str, user: str) -> None:
        self._since.pop(token, None)
        self._since[token] = self._clock()
        super().__setitem__(token, user)
        self._prune()

    def __delitem__(self, token: str) -> None:
        self._since.pop(token, None)
        super().__delitem__(token)

    def pop(self, token: str, *default: Any) -> Any:
        """Forget a token."""
        self._since.pop(token, None)
        return super().pop(token, *default)

    def get(self, token: Any, default: Any = None) -> Any:
        """The user of a token."""
        self._prune()
        return super().get(token, default)

    def __getitem__(self, token: str) -> str:
        self._prune()
        return super().__getitem__(token)

    def __contains__(self, token: object) -> bool:
        self._prune()
        return super().__contains__(token)

    def __iter__(self) -> Iterator[str]:
        self._prune()
        return super().__iter__()


def _account(text: str, label: str) -> tuple[str, str]:
    user, colon, password = text.partition(":")
    if not (user.strip() and colon and password):
        raise InputError(f"{label} is no account; user:password would be right.", usage=True)
    if password.startswith("scrypt$"):
        try:
            match = _HASH.fullmatch(password)
            if match is None or len(base64.b64decode(match[1])) != 16 or len(base64.b64decode(match[2])) != 32:
                raise ValueError
        except (ValueError, binascii.Error):
            raise InputError(
                f"{label} has a hash that is none; python -m lstm_apps.server.auth makes one.", usage=True
            ) from None
        return user.strip(), password
    return user.strip(), hashed(password)


def main() -> None:
    """Ask for a password and print its hash, for a line ``user:scrypt$…`` of a file of accounts."""
    import getpass

    print(hashed(getpass.getpass("Password: ")))


if __name__ == "__main__":
    main()
