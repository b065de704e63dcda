"""Files that a tool is given by their address: fetched from public addresses alone, within a size and a time."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import tempfile
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import gradio as gr
import httpx

__all__ = ["fetched"]

_SECONDS = 30.0
_MOST_REDIRECTS = 5


async def fetched(url: str, most: int, folder: str) -> str:
    """The path in the folder of what lies at the address.

    Args:
        url: of http or https.
        most: bytes that it may have.
        folder: where a folder for it is made.

    Raises:
        gradio.Error: the address is not public, cannot be reached, or gives more bytes than `most`, or too slowly.
    """
    made = tempfile.mkdtemp(dir=folder)
    name = os.path.basename(unquote(urlsplit(url).path))[:100].replace("\0", "") or "file"
    path = Path(made) / name
    try:
        await asyncio.wait_for(_stream(url, path, most), _SECONDS)
        return str(path)
    except BaseException as error:
        path.unlink(missing_ok=True)
        os.rmdir(made)
        if isinstance(error, gr.Error):
            raise
        if isinstance(error, (Exception, asyncio.TimeoutError)):
            raise gr.Error("The file could not be fetched from its address.", print_exception=False) from error
        raise


async def _stream(url: str, path: Path, most: int) -> None:
    for _ in range(_MOST_REDIRECTS + 1):
        async with _client(await _public(url)) as client, client.stream("GET", url) as answer:
            if answer.has_redirect_location:
                url = urljoin(url, answer.headers["Location"])
                continue
            answer.raise_for_status()
            got = 0
            with open(path, "wb") as file:
                async for chunk in answer.aiter_raw(2**16):
                    got += len(chunk)
                    if got > most:
                        raise gr.Error(
                            f"The file at the address is too large: the demo takes up to {most / 2**20:.3g} MB.",
                            print_exception=False,
                        )
                    file.write(chunk)
            return
    raise ValueError("too many redirects")


async def _public(url: str) -> str:
    """The IP address of the URL's host, once it is known to be a public one."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("no address of http")
    found = await asyncio.get_running_loop().getaddrinfo(parts.hostname, None)
    for *_, (address, *_rest) in found:
        known = ipaddress.ip_address(address)
        known = getattr(known, "ipv4_mapped", None) or known
        if known.is_global and not known.is_multicast:
            return str(known)
    raise ValueError("not a public address")


def _client(address: str) -> httpx.AsyncClient:
    """A client that connects to that address, whatever the name means a moment later."""
    import safehttpx  # Gradio's

    return httpx.AsyncClient(
        transport=safehttpx.AsyncSecureTransport(address), timeout=10, follow_redirects=False,
        headers={"Accept-Encoding": "identity"},
    )  # fmt: skip
