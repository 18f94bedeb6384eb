"""Turns: the shard from which a worker claims next, so that none starves and an idle one costs nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

LOOK_EVERY_S: Final = 1.0
"""How often each shard is polled even without a wake-up, as that may have been lost."""


class ShardTurns:
    """The turns of one lane queue's shards.

    A shard is quiet after a claim has found nothing in it: it then wakes this worker when a job comes. The others are
    claimed from in turn, beginning after the one that gave jobs last, so that a full shard does not delay others.
    """

    def __init__(self) -> None:
        self._due_s: list[float] = []
        self._next = 0
        self._looked_s = -math.inf

    def grow(self, count: int) -> None:
        """Sets the number of shards; new ones are claimed from at once."""
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
        """A claim from a shard is sent. A wake-up before its reply may be for a job that it did not find."""
        self._due_s[shard] = math.inf

    def took(self, shard: int) -> None:
        """A claim from a shard took jobs. There may be more, even if it took fewer than requested."""
        self._next = (shard + 1) % len(self._due_s)
        self.wake(shard)

    def found_none(self, shard: int, next_due_s: float | None, now_s: float) -> None:
        """A claim found no job in a shard; from now on the shard wakes this worker.

        Args:
            shard: the shard.
            next_due_s: seconds until the shard's next deferred job is due.
            now_s: the time, by the monotonic clock.
        """
        if next_due_s is not None:
            self._due_s[shard] = min(self._due_s[shard], now_s + next_due_s)

    def failed(self, shard: int, now_s: float, pause_s: float) -> None:
        """A claim from a shard failed: the shard is skipped for a moment."""
        self._due_s[shard] = now_s + pause_s

    def next_due_s(self, now_s: float) -> float | None:
        """Seconds until a shard is to be claimed from without a wake-up; None for never."""
        due_s = min(self._due_s)
        return None if due_s == math.inf else max(0.0, due_s - now_s)
