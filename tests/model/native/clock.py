"""Redis' time."""

from __future__ import annotations

from dataclasses import dataclass

from tests.model.native.terms import EPOCH


@dataclass(slots=True)
class Clock:
    """Seconds; it never goes back."""

    now: int = EPOCH + 30_000_000
