"""Limits of the demo's server: how often an address may ask, what is kept of its uploads, which proxies are trusted.

Plain objects without a web framework; `lstm_apps.server.middleware` applies them to requests. The package ``limits``
has no bucket that takes a fraction of a token, and a page's hundred parts must cost less than one question.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lstm_models.errors import InputError

__all__ = ["Addresses", "RateLimiter", "UploadQuota"]

_MOST_ADDRESSES = 10_000  # that are remembered; the one not seen for longest is forgotten first
_BLOCK = 4096  # bytes that the smallest file takes on a disk, and as much for its folder


class RateLimiter:
    """A token bucket for each address: `rate` requests a minute, and half a minute's worth at once.

    Args:
        rate: requests a minute; 0 sets no limit.
        clock: gives seconds that only grow.
    """

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.rate = rate
        self.burst = max(1.0, rate / 2)
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # address -> tokens, when
        self._lock = threading.Lock()

    def wait(self, address: str, cost: float = 1.0) -> float:
        """Take `cost` tokens; the seconds to wait before that many are there, 0 where they were taken."""
        if not self.rate:
            return 0.0
        cost = min(cost, self.burst)
        with self._lock:
            now = self._clock()
            tokens, then = self._buckets.pop(address, (self.burst, now))
            tokens = min(self.burst, tokens + (now - then) * self.rate / 60)
            enough = tokens >= cost
            self._buckets[address] = (tokens - cost if enough else tokens, now)
            while len(self._buckets) > _MOST_ADDRESSES:
                self._buckets.popitem(last=False)
        return 0.0 if enough else (cost - tokens) * 60 / self.rate

    def __len__(self) -> int:
        return len(self._buckets)


@dataclass(frozen=True)
class _Upload:
    when: float
    address: str
    bytes: int
    paths: tuple[str, ...]


class UploadQuota:
    """What of uploads lies on the disk: by its real size there, all together and of each address.

    Files whose time is over are removed with their folders, whenever somebody asks for room.

    Args:
        most: bytes of all addresses.
        seconds: that a file may stay.
        fraction: of `most` that one address may take.
        clock: gives seconds that only grow.
    """

    def __init__(
        self, most: int, seconds: float, fraction: float = 0.25, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.most, self.seconds, self.fraction = most, seconds, fraction
        self._clock = clock
        self._uploads: deque[_Upload] = deque()
        self._by_address: dict[str, int] = {}
        self._sum = 0

    def room(self, address: str) -> int:
        """Bytes that may still come from the address."""
        while self._uploads and self._uploads[0].when < self._clock() - self.seconds:
            self._forget(self._uploads.popleft())
        left = round(self.most * self.fraction) - self._by_address.get(address, 0)
        return min(self.most - self._sum, left)

    def add(self, address: str, paths: Sequence[str]) -> None:
        """Count files that have come to lie at these paths."""
        size = 0
        for path in paths:
            with contextlib.suppress(OSError):
                size += -(-os.stat(path).st_size // _BLOCK) * _BLOCK + _BLOCK
        if size:
            self._uploads.append(_Upload(self._clock(), address, size, tuple(paths)))
            self._by_address[address] = self._by_address.get(address, 0) + size
            self._sum += size

    def _forget(self, upload: _Upload) -> None:
        self._sum -= upload.bytes
        self._by_address[upload.address] -= upload.bytes
        if not self._by_address[upload.address]:
            del self._by_address[upload.address]
        for path in upload.paths:
            with contextlib.suppress(OSError):
                os.unlink(path)
            with contextlib.suppress(OSError):  # others may have sent the same content, and use its folder
                os.rmdir(os.path.dirname(path))


class Addresses:
    """Tells a client's address, also behind proxies, whose ``X-Forwarded-For`` counts only where they are trusted.

    The chain is read from its end, the part that the nearest proxy wrote: the first address that is not a trusted
    proxy's is the client's. What a client puts before it is not believed.

    Args:
        proxies: addresses or networks such as ``10.0.0.0/8``.

    Raises:
        InputError: one is no address and no network.
    """

    def __init__(self, proxies: Sequence[str] = ()) -> None:
        self._networks = []
        for proxy in proxies:
            try:
                self._networks.append(ipaddress.ip_network(proxy.strip(), strict=False))
            except ValueError:
                raise InputError(
                    f"--trusted-proxy is {proxy}; an address or a network such as 10.0.0.0/8 would be right.",
                    usage=True,
                ) from None

    def trusts(self, address: str) -> bool:
        """Whether the address is a trusted proxy's."""
        try:
            found = ipaddress.ip_address(address)
        except ValueError:
            return False
        mapped = getattr(found, "ipv4_mapped", None)
        return any((mapped or found) in network for network in self._networks)

    def client(self, peer: str, forwarded: str = "") -> str:
        """The client's address: `peer` is at the other end of the connection, `forwarded` what the header says.

        IPv6 addresses are cut to their /64, which one household or machine holds.
        """
        chain = [part.strip() for part in forwarded.split(",") if part.strip()]
        address = peer
        while self.trusts(address) and chain:
            address = chain.pop()
        return _cut(address)


def _cut(address: str) -> str:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]  # whatever it says, it is one client
    if found.version == 4:
        return str(found)
    mapped = getattr(found, "ipv4_mapped", None)
    return str(mapped) if mapped else str(ipaddress.ip_network((found, 64), strict=False).network_address)
