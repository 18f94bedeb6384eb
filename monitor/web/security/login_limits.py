"""Login limits: after a few wrong secrets, an address must wait before its next attempt, longer each time.

They are kept in memory and bounded: with very many addresses, those with the oldest failures are forgotten.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from math import ceil
from typing import Final, NamedTuple

FREE: Final = 5
"""Failed attempts without a wait: people mistype."""

LONGEST_S: Final = 60
"""The longest wait between two attempts, in seconds."""

FORGET_S: Final = 900
"""After this many seconds without a failure, the count of an address starts over."""

MOST: Final = 10_000
"""How many addresses are remembered."""

IPV6_NETWORK_BITS: Final = 64
"""IPv6 addresses are counted by network, since the owner of one has all its addresses."""


class _Failures(NamedTuple):
    number: int
    last_s: float


class LoginLimits:
    """The failed attempts of each address.

    Args:
        clock: returns seconds, like `time.monotonic`.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: OrderedDict[str, _Failures] = OrderedDict()

    def wait_s(self, address: str) -> int:
        """How many whole seconds an address must wait before its next secret is checked; 0 for none.

        Until then, refuse even the right secret: otherwise guessing would continue at full speed.
        """
        failures = self._of(_network(address))
        if failures.number <= FREE:
            return 0
        pause_s: int = min(LONGEST_S, 2 ** min(failures.number - FREE - 1, 16))
        return max(0, ceil(failures.last_s + pause_s - self._clock()))

    def record_failure(self, address: str) -> None:
        """Notes a failed attempt."""
        network = _network(address)
        self._failures[network] = _Failures(self._of(network).number + 1, self._clock())
        self._failures.move_to_end(network)
        if len(self._failures) > MOST:
            self._failures.popitem(last=False)

    def _of(self, network: str) -> _Failures:
        known = self._failures.get(network)
        if known is None or self._clock() - known.last_s > FORGET_S:
            return _Failures(0, 0.0)
        return known


def _network(address: str) -> str:
    """The key of an address: itself, or for IPv6 its network."""
    try:
        parsed = ip_address(address)
    except ValueError:  # a Unix socket or a test client
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return f"{int(parsed) >> (128 - IPV6_NETWORK_BITS):x}/{IPV6_NETWORK_BITS}"
