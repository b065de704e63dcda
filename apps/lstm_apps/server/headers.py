"""The headers of safety that every answer of the demo's server carries."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

__all__ = ["policy", "with_headers"]

_Message = MutableMapping[str, Any]
_Send = Callable[[_Message], Awaitable[None]]


def policy(frames: str, *, file: bool = False) -> dict[str, str]:
    """The headers of safety.

    Gradio's page has scripts of its own in it and makes functions of the texts of components: hence 'unsafe-inline'
    and 'unsafe-eval'. All else comes from this server. A visitor's file gets no rights at all.
    """
    rules = (
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' data: "
        "blob:; worker-src 'self' blob:; object-src 'none'; base-uri 'self'; form-action 'self'"
    )
    if file:
        rules = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    found = {
        "Content-Security-Policy": f"{rules}; frame-ancestors {frames}",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Permissions-Policy": "camera=(self), microphone=(self), geolocation=()",
    }
    if frames in ("'self'", "'none'"):  # for browsers that do not know frame-ancestors
        found["X-Frame-Options"] = "SAMEORIGIN" if frames == "'self'" else "DENY"
    return found


def with_headers(send: _Send, found: dict[str, str]) -> _Send:
    """`send`, which puts these headers into the start of an answer, in place of others of their names."""
    ours = [(name.lower().encode(), value.encode("latin-1")) for name, value in found.items()]
    names = {name for name, _ in ours}

    async def sending(message: _Message) -> None:
        if message["type"] == "http.response.start":
            kept = [(name, value) for name, value in message.get("headers", []) if name.lower() not in names]
            message = {**message, "headers": [*kept, *ours]}
        await send(message)

    return sending
