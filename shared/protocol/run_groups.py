"""Run groups: the like runs of one call of finish or requeue, counted together.

The runs of a call are mostly alike: the same job, as quick as each other. So what is counted travels once for a group,
and each run names its group's number. See `count_runs` in include/run_groups.lua.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from monarq.shared.protocol.lease import Lease
from monarq.shared.redis.scripts import Argument

BUCKETS: Final = 24
"""Buckets of a histogram: the first is for times under 1 ms, each other one reaches twice as far as the one before, and
the last has all over some 70 minutes. A bucket is a time's number of binary digits."""

NO_LANES: Final[Mapping[str, str]] = MappingProxyType({})

NOT_RUN: Final = -1
"""The run time of a job whose function was not called."""


class RunEnd(StrEnum):
    """How a run ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    DEAD = "dead"
    """It failed, and left a dead letter."""
    CANCELLED = "cancelled"
    RETRIED = "retried"
    HANDED_BACK = "handed_back"

    __hash__ = str.__hash__  # each run is counted by it, and Enum's own is written in Python


class RunGroups:
    """Collects the groups of a call's runs."""

    def __init__(self, lanes: Mapping[str, str] = NO_LANES) -> None:
        """Begins a call; `lanes` has the lanes of jobs, by name, that do not run on the event loop, for people."""
        self._lanes = lanes
        self._groups: dict[tuple[str, RunEnd, int, int, int], list[int]] = {}

    def add(self, lease: Lease, name: str, end: RunEnd, run_ms: int) -> int:
        """Adds a run; returns the number of its group.

        Args:
            lease: the job's lease: how long it had waited and how often it had crashed.
            name: the job's name, '' where it is not known.
            end: how the run ended.
            run_ms: how long it ran, `NOT_RUN` where it did not.
        """
        due_ms = lease.due_ms
        # A job that arq's abort makes due at once is due at 1, which says nothing of how long it has waited.
        wait_ms = lease.claimed_ms - due_ms if run_ms >= 0 and 1 < due_ms < lease.claimed_ms else 0
        run_bucket = run_ms.bit_length() if run_ms >= 0 else NOT_RUN
        key = (name, end, wait_ms.bit_length(), run_bucket, lease.crashes)
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = [len(self._groups), 0, 0, 0]
        group[1] += 1
        group[2] += wait_ms
        group[3] += max(0, run_ms)
        return group[0]

    def __len__(self) -> int:
        return len(self._groups)

    def arguments(self) -> list[Argument]:
        """The script's arguments for the groups, in their order."""
        values: list[Argument] = []
        for (name, end, wait_bucket, run_bucket, crashes), (_, runs, wait_ms, run_ms) in self._groups.items():
            ran = run_bucket != NOT_RUN
            values += (name, end.value, min(wait_bucket, BUCKETS - 1) if ran else "")
            values += (min(run_bucket, BUCKETS - 1), runs, wait_ms, run_ms, crashes, self._lanes.get(name, ""))
        return values
