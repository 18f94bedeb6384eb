"""How much more a worker may take on: one counter for each kind of place, shared by the claimers of all queues.

They claim in turns: what two would claim for one place, one of them would have to give back.
"""

from __future__ import annotations

import asyncio


class Slots:
    """A number of places.

    Attributes:
        freed: set whenever one may be free.
        turn: held by the claimer that claims for the places that are free.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self.used = 0
        self.freed = asyncio.Event()
        self.freed.set()
        self.turn = asyncio.Lock()

    @property
    def free(self) -> int:
        """Places that are free now."""
        return self.total - self.used

    def take(self) -> None:
        """Takes one place; the caller has looked that one is free."""
        self.used += 1
        if self.used >= self.total:
            self.freed.clear()

    def give(self) -> None:
        """Gives one place back."""
        self.used -= 1
        self.freed.set()

    def __repr__(self) -> str:
        return f"<Slots {self.used} of {self.total} used>"
