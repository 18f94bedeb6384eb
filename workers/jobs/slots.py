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
        freed: set when one may be free to claim for.
        turn: held by the claimer that claims for the free slots.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self.used = 0
        self._open = total  # the slots that are not set aside
        self.freed = asyncio.Event()
        self.freed.set()
        self.turn = asyncio.Lock()

    @property
    def free(self) -> int:
        """The number of slots to claim for now; below 0 if one that was set aside is in use."""
        return self._open - self.used

    def take(self) -> bool:
        """Takes a slot; False if none is free."""
        if self.used >= self.total:
            return False
        self.used += 1
        if self.used == self._open:
            self.freed.clear()
        return True

    def give(self) -> None:
        """Returns a slot."""
        if self.used == self._open:
            self.freed.set()
        self.used -= 1

    def set_aside(self, count: int) -> None:
        """Sets slots aside for a claim whose reply is late; a negative count returns them."""
        self._open -= count
        if self._open > self.used:
            self.freed.set()
        else:
            self.freed.clear()

    def __repr__(self) -> str:
        return f"<Slots {self.used} of {self.total} used>"
