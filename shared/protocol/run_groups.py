"""Run groups: similar runs in one call of finish or requeue, counted together.

Most runs of a call are similar: the same job with about the same run time. So the counts are sent once per group, and
each run refers to its group by number. See `count_runs` in include/run_groups.lua.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from monarq.shared.protocol.lease import Lease
from monarq.shared.redis.scripts import Argument

BUCKETS: Final = 24
"""The number of histogram buckets. The first is for times under 1 ms, each bucket's limit is twice the previous one,
and the last has everything over about 70 minutes. A time's bucket is its number of binary digits."""

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

    __hash__ = str.__hash__  # used for every run, and Enum's own hash is slow, as it is written in Python


GOES_ON: Final = frozenset({RunEnd.RETRIED, RunEnd.HANDED_BACK})
"""Ends of runs whose job is not over: it keeps its crashes, which are counted by its name once, when it is."""


class RunGroups:
    """Collects the groups of a call's runs."""

    def __init__(self, lanes: Mapping[str, str] = NO_LANES) -> None:
        """Begins a call; `lanes` has the lanes, by job name, of jobs that do not run on the event loop, for display."""
        self._lanes = lanes
        self._groups: dict[tuple[str, RunEnd, int, int, int], list[int]] = {}

    def add(self, lease: Lease, name: str, end: RunEnd, run_ms: int) -> int:
        """Adds a run; returns the number of its group.

        Args:
            lease: the job's lease, for how long it waited and how often it crashed.
            name: the job's name; '' if unknown.
            end: how the run ended.
            run_ms: how long it ran; `NOT_RUN` if it did not.
        """
        due_ms = lease.due_ms
        # arq's abort sets a job's due time to 1, from which the time it waited is unknown.
        wait_ms = lease.claimed_ms - due_ms if run_ms >= 0 and 1 < due_ms < lease.claimed_ms else 0
        run_bucket = run_ms.bit_length() if run_ms >= 0 else NOT_RUN
        crashes = 0 if lease.crashes and end in GOES_ON else lease.crashes
        key = (name, end, wait_ms.bit_length(), run_bucket, crashes)
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
        """The script's arguments for the groups, in order."""
        values: list[Argument] = []
        for (name, end, wait_bucket, run_bucket, crashes), (_, runs, wait_ms, run_ms) in self._groups.items():
            ran = run_bucket != NOT_RUN
            values += (name, end.value, min(wait_bucket, BUCKETS - 1) if ran else "")
            values += (min(run_bucket, BUCKETS - 1), runs, wait_ms, run_ms, crashes, self._lanes.get(name, ""))
        return values
