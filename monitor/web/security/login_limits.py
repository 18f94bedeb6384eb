"""Slows down who guesses a secret: after a few wrong ones an address has to wait, longer each time.

Kept in memory and bounded: of very many addresses, those that guessed longest ago are forgotten.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from math import ceil
from typing import Final, NamedTuple

FREE: Final = 5
"""Wrong secrets that cost no wait: people mistype."""

LONGEST_S: Final = 60
"""The longest wait between two guesses, in seconds."""

FORGET_S: Final = 900
"""After so many seconds without a wrong secret an address starts anew."""

MOST: Final = 10_000
"""Addresses that are remembered."""

IPV6_NETWORK_BITS: Final = 64
"""Whoever has an IPv6 address has the whole network around it."""


class _Wrong(NamedTuple):
    times: int
    last_s: float


class Guesses:
    """The wrong secrets of each address.

    Args:
        clock: seconds, as `time.monotonic` tells them.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._wrong: OrderedDict[str, _Wrong] = OrderedDict()

    def wait_s(self, address: str) -> int:
        """How many whole seconds an address has to wait before a secret of it is looked at; 0 for none.

        Whoever waits has to be refused even with the right secret: else guessing would go on at full speed.
        """
        wrong = self._of(_network(address))
        if wrong.times <= FREE:
            return 0
        pause_s: int = min(LONGEST_S, 2 ** min(wrong.times - FREE - 1, 16))
        return max(0, ceil(wrong.last_s + pause_s - self._clock()))

    def count(self, address: str) -> None:
        """Notes a wrong secret."""
        network = _network(address)
        self._wrong[network] = _Wrong(self._of(network).times + 1, self._clock())
        self._wrong.move_to_end(network)
        if len(self._wrong) > MOST:
            self._wrong.popitem(last=False)

    def _of(self, network: str) -> _Wrong:
        known = self._wrong.get(network)
        if known is None or self._clock() - known.last_s > FORGET_S:
            return _Wrong(0, 0.0)
        return known


def _network(address: str) -> str:
    """What stands for an address: itself, or of IPv6 its network."""
    try:
        parsed = ip_address(address)
    except ValueError:  # a Unix socket's, or a test client's
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return f"{int(parsed) >> (128 - IPV6_NETWORK_BITS):x}/{IPV6_NETWORK_BITS}"
