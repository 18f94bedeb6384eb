"""What is recorded with the job's id when an enqueue is acknowledged."""

from __future__ import annotations

from typing import NamedTuple, Self


class Due(NamedTuple):
    """When an enqueue began and when its job is due.

    Attributes:
        defer_s: how long after its enqueue the job is due; 0 for immediately.
        asked_ns: when the enqueue began, by the monotonic clock; it ended when the acknowledgement was recorded.
    """

    defer_s: float
    asked_ns: int

    def note(self) -> str:
        """The text for the ledger."""
        return f"{self.defer_s} {self.asked_ns}"

    @classmethod
    def read(cls, note: str) -> Self:
        """Reads a text from the ledger."""
        defer_s, asked_ns = note.split()
        return cls(float(defer_s), int(asked_ns))
