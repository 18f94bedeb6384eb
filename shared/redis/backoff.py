"""Exponential backoff with jitter, for loops that retry Redis: waits from 0.1 s to 1.5 s.

The jitter spreads the reconnects of a fleet. Waits are capped, as jobs must run again within 2 s after Redis answers.
"""

from __future__ import annotations

import random
from typing import Final

FIRST_S: Final = 0.1
LONGEST_S: Final = 1.5


class Backoff:
    """The waits of one retry loop; call `reset` after a success."""

    def __init__(self, first_s: float = FIRST_S, longest_s: float = LONGEST_S) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._failures = 0

    def next_s(self) -> float:
        """Seconds to wait now: at least half of the bound, so that the loop never spins."""
        bound = min(self._longest_s, self._first_s * 2.0 ** min(self._failures, 30))
        self._failures += 1
        return random.uniform(bound / 2, bound)

    def reset(self) -> None:
        """Makes the next wait a short one again."""
        self._failures = 0

    @property
    def failing(self) -> bool:
        """Whether the last attempt failed."""
        return self._failures > 0
