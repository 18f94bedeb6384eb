"""Slots: how many more jobs a worker may run, counted for each set of lanes and shared by the claimers of all queues.

The claimers take turns: if two claimed for the same slot, one of them would have to return its job.
"""

from __future__ import annotations

import asyncio


class Slots:
    """A number of slots.

    Attributes:
        total: how many there are.
        used: how many are in use.
        freed: set where one may be free.
        turn: held by the claimer that claims for the free slots.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self.used = 0
        self.freed = asyncio.Event()
        self.freed.set()
        self.turn = asyncio.Lock()

    @property
    def free(self) -> int:
        """Slots that are free now."""
        return self.total - self.used

    def take(self) -> None:
        """Takes a slot; the caller has checked that one is free."""
        self.used += 1
        if self.used >= self.total:
            self.freed.clear()

    def give(self) -> None:
        """Returns a slot."""
        self.used -= 1
        self.freed.set()

    def __repr__(self) -> str:
        return f"<Slots {self.used} of {self.total} used>"
