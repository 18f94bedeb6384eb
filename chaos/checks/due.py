"""What the acknowledgement of an enqueue notes beside the job's id."""

from __future__ import annotations

from typing import NamedTuple, Self


class Due(NamedTuple):
    """When an enqueue began, and when its job is due.

    Attributes:
        defer_s: how long after its enqueue the job is due; 0 for at once.
        asked_ns: when the enqueue began, by the monotonic clock; it ended when the acknowledgement was noted.
    """

    defer_s: float
    asked_ns: int

    def note(self) -> str:
        """For the ledger."""
        return f"{self.defer_s} {self.asked_ns}"

    @classmethod
    def read(cls, note: str) -> Self:
        """Out of the ledger."""
        defer_s, asked_ns = note.split()
        return cls(float(defer_s), int(asked_ns))
