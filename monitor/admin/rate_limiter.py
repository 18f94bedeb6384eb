"""A steady pace: so many a second, evenly, and never in a burst to make up for a delay."""

from __future__ import annotations

import asyncio
from typing import Final

TICK_S: Final = 0.05
"""The shortest wait: faster paces let a few go at once."""


class Pace:
    """Says how many may go now.

    Args:
        per_s: how many a second; None for as many as are asked for.
        most: the most at once.
    """

    def __init__(self, per_s: float | None, most: int) -> None:
        self._per_s = per_s
        self._most = most
        self._due = 1.0
        self._asked_s: float | None = None

    async def wait(self, wanted: int) -> int:
        """Waits for the time of the next, and says how many of those that are wanted may go; at least one."""
        if self._per_s is None:
            return min(wanted, self._most)
        while True:
            self._add_what_is_due(self._per_s)
            if self._due >= 1:
                break
            await asyncio.sleep(max(TICK_S, (1 - self._due) / self._per_s))
        count = min(wanted, self._most, int(self._due))
        self._due -= count
        return count

    def _add_what_is_due(self, per_s: float) -> None:
        now_s = asyncio.get_running_loop().time()
        passed_s = 0.0 if self._asked_s is None else now_s - self._asked_s
        self._asked_s = now_s
        # What a slow Redis has held back is not sent all at once.
        self._due = min(self._due + passed_s * per_s, max(1.0, 4 * TICK_S * per_s))
