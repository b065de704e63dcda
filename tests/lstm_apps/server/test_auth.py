"""Accounts of the demo: where they come from, how passwords are kept, when a login ends."""

from __future__ import annotations

import base64

import pytest

from lstm_apps.server.auth import Sessions, hashed, matches, read_accounts
from lstm_models.errors import InputError


class TestAccounts:
    def test_from_the_option_the_environment_and_a_file(self, tmp_path):
        assert matches(read_accounts("anna:a:b c", {}), "anna", "a:b c")
        assert matches(read_accounts(None, {"LSTM_MODELS_AUTH": "anna:1"}), "anna", "1")
        assert read_accounts(None, {}) == read_accounts(None, {"LSTM_MODELS_AUTH": ""}) == {}
        file = tmp_path / "accounts"
        file.write_text(f"# who may\n\nanna:1\n  bo:zwölf  \ncy:{hashed('drei')}\n")
        accounts = read_accounts(str(file), {})
        assert matches(accounts, "anna", "1")
        assert matches(accounts, "bo", "zwölf")
        assert matches(accounts, "cy", "drei")
        assert not matches(accounts, "cy", accounts["cy"])  # a stolen hash is no password
        assert "zwölf" not in repr(accounts)

    def test_hashes_are_those_of_rfc_7914(self):
        """Made by another implementation, too: OpenSSL through cryptography."""
        scrypt = pytest.importorskip("cryptography.hazmat.primitives.kdf.scrypt", reason="needs cryptography")
        _, salt, key = hashed("pleaseletmein").split("$")
        other = scrypt.Scrypt(salt=base64.b64decode(salt), length=32, n=2**14, r=8, p=1).derive(b"pleaseletmein")
        assert base64.b64encode(other).decode() == key

    def test_a_login_ends(self):
        now = [0.0]
        sessions = Sessions(100, clock=lambda: now[0])
        sessions["x"], now[0] = "anna", 60
        sessions["y"] = "bo"
        assert (sessions.get("x"), sessions["y"], "x" in sessions) == ("anna", "bo", True)
        now[0] = 101
        assert (sessions.get("x"), "x" in sessions, list(sessions)) == (None, False, ["y"])
        del sessions["y"]
        assert not sessions

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"anna:1\nanna:2", "names the user anna twice"),
            (b"# nobody\n", "has no account in it"),
            (b"anna\n", "Line 1 of .* is no account; user:password"),
            (b"anna:\xff", "is no text in UTF-8"),
            (b"anna:scrypt$abc$def", "has a hash that is none; python -m lstm_apps.server.auth"),
        ],
    )
    def test_files_that_are_none_get_a_message(self, tmp_path, content, message):
        (tmp_path / "accounts").write_bytes(content)
        with pytest.raises(InputError, match=message):
            read_accounts(str(tmp_path / "accounts"), {})

    @pytest.mark.parametrize("auth", ["anna", ":secret", "anna:", "missing/secretfile"])
    def test_options_that_are_none_get_a_message_and_are_not_shown(self, auth):
        with pytest.raises(InputError, match="--auth") as error:
            read_accounts(auth, {})
        assert "secret" not in str(error.value)
        assert error.value.exit_code == 2

    def test_passwords(self):
        accounts = read_accounts("anna:zwölf", {})
        assert matches(accounts, "anna", "zwölf")
        assert not matches(accounts, "anna", "zwölf ")
        assert not matches(accounts, "bo", "")
