"""What becomes of jobs that this worker does not know: they go back for workers that do, as in a rolling deploy.

They cost it little: each comes back after as long as it has waited, so twice as late each time; many are dealt out over
time; and the log tells of a name once.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Final

from monarq.shared.commands.jobs.claim import Lease
from monarq.shared.commands.jobs.requeue import Requeue

FIRST_S: Final = 1.0
"""The wait after the first meeting."""

LONGEST_S: Final = 30.0
"""The longest wait, so the longest that a worker which knows the job waits for it."""

MOST_PER_S: Final = 500
"""How many a worker lets come back in a second, to itself or to another."""

LATEST_S: Final = 300.0
"""The longest wait where they are so many that this would take longer."""

TELL_EVERY_S: Final = 600.0
"""How long the log is silent on a name that it has told of."""

MOST_TOLD: Final = 20
"""The most names that it tells of in that time: they come from outside."""


def waits_for_s(lease: Lease) -> float:
    """How long ago a worker first met the job that did not know it; 0 where this is the first one."""
    return 0.0 if lease.unknown_ms is None else max(0.0, (lease.claimed_ms - lease.unknown_ms) / 1000)


class UnknownJobs:
    """Says when each comes back, and of which there is something to tell.

    Args:
        worker_id: this worker.
        keep_s: how long a job waits for a worker that knows it, from when it was first met.
        burst: whether this worker is in burst mode.
        clock: gives monotonic seconds.

    Attributes:
        left: in burst mode, the ids of those put back, by the name of their queue: a burst does not wait for them.
    """

    def __init__(
        self, worker_id: str, *, keep_s: float, burst: bool, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._worker_id = worker_id
        self._keep_s = keep_s
        self._burst = burst
        self._clock = clock
        self._next_s = 0.0
        self._told: set[str] = set()
        self._silent_until_s = 0.0
        self.left: dict[str, set[bytes]] = {}

    def put_back(self, lease: Lease, name: str) -> Requeue:
        """How this one goes back, delayed and uncharged."""
        if self._burst:
            self.left.setdefault(lease.queue.queue, set()).add(lease.raw_id)
        return Requeue(
            lease,
            lease.lane_queue,
            delay_ms=round(self.delay_s(lease) * 1000),
            note="" if lease.unknown_ms else self._worker_id,
            name=name,
            unknown_ms=lease.unknown_ms or lease.claimed_ms,
        )

    def delay_s(self, lease: Lease) -> float:
        """How long it stays away."""
        waited_s = waits_for_s(lease)
        wait_s = min(max(waited_s, FIRST_S), LONGEST_S) * random.uniform(0.75, 1.25)
        wait_s = min(wait_s, self._keep_s - waited_s)
        now_s = self._clock()
        self._next_s = max(self._next_s + 1 / MOST_PER_S, now_s)
        return min(max(wait_s, self._next_s - now_s), LATEST_S)

    def is_news(self, name: str) -> bool:
        """Whether the log is to tell of this name."""
        now_s = self._clock()
        if now_s >= self._silent_until_s:
            self._told.clear()
            self._silent_until_s = now_s + TELL_EVERY_S
        if name in self._told or len(self._told) >= MOST_TOLD:
            return False
        self._told.add(name)
        return True
