"""Redis' time."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Clock:
    """Seconds; it never goes back."""

    now: int = 1_000
