"""Limits of the demo's server: how often an address may ask, how much is kept of what it sends, whose word counts.

Plain objects without a web framework; `lstm_apps.server.middleware` applies them to requests.
"""

from __future__ import annotations

import ipaddress
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence

from lstm_models.errors import InputError

__all__ = ["Addresses", "Kept", "Rates"]

_MOST_ADDRESSES = 10_000  # that are remembered; the one not seen for longest is forgotten first


class Rates:
    """A token bucket for each address: `rate` asks a minute, and half a minute's worth at once.

    Args:
        rate: asks a minute; 0 sets no limit.
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


class Kept:
    """The bytes of uploads that may still lie on the disk: those of the last `seconds`.

    Args:
        most: bytes; `room` says how many more may come.
    """

    def __init__(self, most: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.most, self.seconds = most, seconds
        self._clock = clock
        self._sizes: deque[tuple[float, int]] = deque()
        self._sum = 0

    @property
    def room(self) -> int:
        """Bytes that may still come."""
        while self._sizes and self._sizes[0][0] < self._clock() - self.seconds:
            self._sum -= self._sizes.popleft()[1]
        return self.most - self._sum

    def add(self, size: int) -> None:
        """Count an upload of so many bytes."""
        self._sizes.append((self._clock(), size))
        self._sum += size


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
