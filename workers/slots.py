"""How much more a worker may take on: one counter for each kind of place, shared by the claimers of all queues."""

from __future__ import annotations

import asyncio


class Slots:
    """A number of places; `freed` is set whenever one may be free."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.used = 0
        self.freed = asyncio.Event()
        self.freed.set()

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
