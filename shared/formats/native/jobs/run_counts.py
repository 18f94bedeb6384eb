"""Run counts: what a call counts of the runs that it ends, added up before it is sent. See include/counting.lua."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from monarq.shared.protocol.lease import Lease
from monarq.shared.protocol.run_groups import BUCKETS, RunStatus
from monarq.shared.redis.scripts import Argument

_LAST: Final = BUCKETS - 1


class RunCounts:
    """The counts of one call."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._counts)

    def add(self, lease: Lease, name: str, status: RunStatus, run_ms: int) -> None:
        """Counts a run.

        Args:
            lease: the job's lease: since when it had been due, and how often it had crashed.
            name: the job's name, '' where it is not known.
            status: how the run ended.
            run_ms: how long it ran, negative where it did not.
        """
        if run_ms < 0:
            self._add(f"{status.value}::\0{name}", 1)
        else:
            wait_ms = max(0, lease.claimed_ms - lease.due_ms) if lease.due_ms > 0 else 0
            wait, run = min(wait_ms.bit_length(), _LAST), min(run_ms.bit_length(), _LAST)
            self._add(f"{status.value}:{wait}:{run}\0{name}", 1)
            if wait_ms:
                self._add(f"ws\0{name}", wait_ms)
            if run_ms:
                self._add(f"rs\0{name}", run_ms)
        if lease.crashes:
            self._add(f"crashed\0{name}", lease.crashes)

    def arguments(self) -> Iterator[Argument]:
        """Field and number of each count."""
        for field, number in self._counts.items():
            yield field
            yield number

    def _add(self, field: str, number: int) -> None:
        self._counts[field] = self._counts.get(field, 0) + number
