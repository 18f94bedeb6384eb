"""The kinds of runs that one call of finish or requeue tells of, for the counters.

The runs of a call are mostly alike: the same job, as quick as each other. So what is counted travels once for a kind,
and each run names its kind's number. See the prelude's `count_runs`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from monarq.shared.commands.jobs.claim import Lease
from monarq.shared.redis.scripts import Argument

BUCKETS: Final = 24
"""Buckets of a histogram: the first takes what is under 1 ms, each other one twice as much as the one before, and the
last all that is over some 70 minutes. A bucket is a time's number of binary digits."""

NO_LANES: Final[Mapping[str, str]] = MappingProxyType({})

NOT_RUN: Final = -1
"""The run time of a job whose function was not called."""


class CameTo(StrEnum):
    """What a run came to."""

    DONE = "done"
    FAILED = "failed"
    DEAD = "dead"
    """It failed, and leaves a dead letter."""
    ABORTED = "aborted"
    RETRIED = "retried"
    HANDED_BACK = "handed_back"


class Kinds:
    """Collects the kinds of a call's runs."""

    def __init__(self, lanes: Mapping[str, str] = NO_LANES) -> None:
        """Begins a call; `lanes` are those of jobs by name, for people, where they are not the event loop's."""
        self._lanes = lanes
        self._kinds: dict[tuple[str, CameTo, int, int, int], list[int]] = {}

    def index(self, lease: Lease, name: str, came_to: CameTo, run_ms: int) -> int:
        """The number of a run's kind.

        Args:
            lease: the job's lease, which tells how long it had waited and how often it had crashed.
            name: the job's name, '' where it is not known.
            came_to: what the run came to.
            run_ms: how long it ran, `NOT_RUN` where it did not.
        """
        score = lease.score
        wait_ms = lease.claimed_ms - score if run_ms >= 0 and 1 < score < lease.claimed_ms else 0
        run_bucket = run_ms.bit_length() if run_ms >= 0 else NOT_RUN
        key = (name, came_to, wait_ms.bit_length(), run_bucket, lease.crashes)
        kind = self._kinds.get(key)
        if kind is None:
            kind = self._kinds[key] = [len(self._kinds), 0, 0, 0]
        kind[1] += 1
        kind[2] += wait_ms
        kind[3] += max(0, run_ms)
        return kind[0]

    def __len__(self) -> int:
        return len(self._kinds)

    def arguments(self) -> list[Argument]:
        """What the script is told of the kinds, in their order."""
        told: list[Argument] = []
        for (name, came_to, wait_bucket, run_bucket, crashes), (_, runs, wait_ms, run_ms) in self._kinds.items():
            ran = run_bucket != NOT_RUN
            told += (name, came_to.value, min(wait_bucket, BUCKETS - 1) if ran else "")
            told += (min(run_bucket, BUCKETS - 1), runs, wait_ms, run_ms, crashes, self._lanes.get(name, ""))
        return told
