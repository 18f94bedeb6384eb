"""Turns: from which of its shards a worker claims next, so that none starves and an idle one costs nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

LOOK_EVERY_S: Final = 1.0
"""How often each shard is looked at, woken or not: a wake-up may have been lost."""


class ShardTurns:
    """The turns of one lane queue's shards.

    A shard is quiet once a claim has found nothing there: it then wakes this worker when a job comes. The others are
    claimed from in turn, each time beginning behind the one that gave jobs last: a full shard holds no other back.
    """

    def __init__(self) -> None:
        self._due_s: list[float] = []
        self._next = 0
        self._looked_s = -math.inf

    def grow(self, count: int) -> None:
        """There are so many shards now; new ones are claimed from at once."""
        self._due_s += [-math.inf] * (count - len(self._due_s))

    def wake(self, shard: int) -> None:
        """There may be work in a shard."""
        self._due_s[shard] = -math.inf

    def due(self, now_s: float) -> Iterator[int]:
        """The shards to claim from, in turn."""
        count = len(self._due_s)
        if now_s >= self._looked_s + LOOK_EVERY_S:
            self._looked_s = now_s
            self._due_s = [-math.inf] * count
        first = self._next
        for step in range(count):
            shard = (first + step) % count
            if self._due_s[shard] <= now_s:
                yield shard

    def asks(self, shard: int) -> None:
        """A claim from a shard is sent. A wake-up that comes before its reply may be of a job that it has not found."""
        self._due_s[shard] = math.inf

    def took(self, shard: int) -> None:
        """A claim from a shard took jobs. It may have left others there, also where it took fewer than it was to."""
        self._next = (shard + 1) % len(self._due_s)
        self.wake(shard)

    def found_none(self, shard: int, next_due_s: float | None, now_s: float) -> None:
        """A claim found no job in a shard, which wakes this worker from now on.

        Args:
            shard: the shard.
            next_due_s: seconds until the shard's next deferred job is due.
            now_s: the time, by the clock that never goes back.
        """
        if next_due_s is not None:
            self._due_s[shard] = min(self._due_s[shard], now_s + next_due_s)

    def failed(self, shard: int, now_s: float, pause_s: float) -> None:
        """A claim from a shard failed: it is left alone for a moment."""
        self._due_s[shard] = now_s + pause_s

    def next_due_s(self, now_s: float) -> float | None:
        """Seconds until a shard is to be claimed from that has not woken this worker by then; None for never."""
        due_s = min(self._due_s)
        return None if due_s == math.inf else max(0.0, due_s - now_s)
