"""A client's map of a cluster: which node holds which slot. No I/O."""

from __future__ import annotations

import random
from collections.abc import Container, Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from monarq.shared.redis.addresses import show_node
from monarq.shared.redis.replies import text

SLOTS: Final = 16384
_UNKNOWN_HOST: Final = "?"


class Address(NamedTuple):
    """The address of a node."""

    host: str
    port: int

    def __str__(self) -> str:
        return show_node(self)


class Topology:
    """Which node holds which slot. Any thread may read it.

    Attributes:
        replicas: the nodes that were replicas when the topology was last read.
    """

    def __init__(self) -> None:
        self._holders: list[Address | None] = [None] * SLOTS
        self._primaries: frozenset[Address] = frozenset()
        self.replicas: frozenset[Address] = frozenset()

    def holder(self, slot: int) -> Address | None:
        """The node that holds a slot; None if unknown."""
        return self._holders[slot]

    @property
    def primaries(self) -> frozenset[Address]:
        """The nodes that hold slots."""
        return self._primaries

    def replace(self, reply: Sequence[Any], asked: Address) -> bool:
        """Takes over a node's slot map; returns whether any slot has moved.

        Args:
            reply: its reply to CLUSTER SLOTS.
            asked: the node; its host replaces a host that is missing in the reply.
        """
        holders: list[Address | None] = [None] * SLOTS
        replicas: set[Address] = set()
        for first, last, primary, *others in reply:
            holders[first : last + 1] = [_address(primary, asked)] * (last + 1 - first)
            replicas.update(_address(other, asked) for other in others)
        is_new = holders != self._holders
        self._take(holders)
        self.replicas = frozenset(replicas)
        return is_new

    def move(self, slot: int, address: Address) -> bool:
        """Records that a slot is held by another node; returns whether that is a change."""
        if self._holders[slot] == address:
            return False
        holders = self._holders.copy()
        holders[slot] = address
        self._take(holders)
        return True

    def __iter__(self) -> Iterator[Address]:
        """All nodes, primaries first."""
        yield from self._primaries
        yield from self.replicas - self._primaries

    def candidates(
        self, seeds: Iterable[Address], suspects: Container[Address], first: Address | None
    ) -> Iterator[Address]:
        """The nodes to ask for the slot map, in order: `first`, then the others, with recently failed ones last."""
        known = list({*self, *seeds} - {first})
        random.shuffle(known)  # so that a fleet does not ask the same node at once
        known.sort(key=lambda address: address in suspects)
        yield from known if first is None else (first, *known)

    def _take(self, holders: list[Address | None]) -> None:
        self._holders = holders
        self._primaries = frozenset(holder for holder in set(holders) if holder is not None)


def _address(node: Sequence[Any], asked: Address) -> Address:
    host = text(node[0]) if node[0] else ""
    return Address(asked.host if host in {"", _UNKNOWN_HOST} else host, int(node[1]) or asked.port)
