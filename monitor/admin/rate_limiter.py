"""A rate limiter: spreads operations evenly, without bursts that make up for a delay."""

from __future__ import annotations

import asyncio
from typing import Final

TICK_S: Final = 0.05
"""The shortest sleep: at higher rates, a few operations are allowed at once."""


class RateLimiter:
    """Allows operations at a steady rate.

    Args:
        per_s: operations a second; None for no limit.
        most: the most operations that are allowed at once.
    """

    def __init__(self, per_s: float | None, most: int) -> None:
        self._per_s = per_s
        self._most = most
        self._allowance = 1.0
        self._updated_s: float | None = None

    async def wait(self, wanted: int) -> int:
        """Waits until the next operation is allowed; returns how many of the wanted ones are allowed, at least one."""
        if self._per_s is None:
            return min(wanted, self._most)
        while True:
            self._refill(self._per_s)
            if self._allowance >= 1:
                break
            await asyncio.sleep(max(TICK_S, (1 - self._allowance) / self._per_s))
        count = min(wanted, self._most, int(self._allowance))
        self._allowance -= count
        return count

    def _refill(self, per_s: float) -> None:
        now_s = asyncio.get_running_loop().time()
        passed_s = 0.0 if self._updated_s is None else now_s - self._updated_s
        self._updated_s = now_s
        # Operations that a slow Redis has delayed must not be sent all at once.
        self._allowance = min(self._allowance + passed_s * per_s, max(1.0, 4 * TICK_S * per_s))
