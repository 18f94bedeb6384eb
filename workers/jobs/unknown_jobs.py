"""Jobs that this worker does not know: they are requeued for workers that do, as in a rolling deploy.

They cost little: the delay of each doubles, many of them are spread over time, and a name is logged once.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Final

from monarq.shared.protocol.acks import Requeue
from monarq.shared.protocol.lease import Lease
from monarq.shared.protocol.queue_ref import QueueRef

FIRST_DELAY_S: Final = 1.0
"""The delay after the first claim by a worker that does not know the job."""

MAX_DELAY_S: Final = 30.0
"""The longest delay, and so the longest time until a worker that knows the job can claim it."""

MAX_PER_S: Final = 500
"""How many of the jobs that a worker has requeued become due per second."""

MAX_SPREAD_S: Final = 300.0
"""The longest delay if so many are spread out that it would be longer."""

LOG_EVERY_S: Final = 600.0
"""How long a name that was logged is not logged again."""

MAX_NAMES_LOGGED: Final = 20
"""The most names logged in that time: they come from outside."""


def unknown_for_s(lease: Lease) -> float:
    """Seconds since a worker that did not know the job first claimed it; 0 if this worker is the first."""
    return 0.0 if lease.unknown_ms is None else max(0.0, (lease.claimed_ms - lease.unknown_ms) / 1000)


class UnknownJobs:
    """Decides when each unknown job is due again, and which names are logged.

    Args:
        worker_id: this worker.
        keep_s: how long a job waits for a worker that knows it, counted from the first claim by one that does not.
        burst: whether this worker is in burst mode.
        clock: returns monotonic seconds.

    Attributes:
        requeued: in burst mode, the ids of the requeued jobs, by queue: a burst does not wait for them.
    """

    def __init__(
        self, worker_id: str, *, keep_s: float, burst: bool, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._worker_id = worker_id
        self._keep_s = keep_s
        self._burst = burst
        self._clock = clock
        self._next_s = 0.0
        self._logged: set[str] = set()
        self._next_log_s = 0.0
        self.requeued: dict[QueueRef, set[bytes]] = {}

    def requeue(self, lease: Lease, name: str) -> Requeue:
        """The acknowledgement that requeues a job with a delay, without counting a try."""
        if self._burst:
            self.requeued.setdefault(lease.queue, set()).add(lease.raw_id)
        return Requeue(
            lease,
            lease.lane_queue,
            delay_ms=round(self.delay_s(lease) * 1000),
            note="" if lease.unknown_ms else self._worker_id,
            name=name,
            unknown_ms=lease.unknown_ms or lease.claimed_ms,
        )

    def delay_s(self, lease: Lease) -> float:
        """Seconds until the job is due again."""
        waited_s = unknown_for_s(lease)
        delay_s = min(max(waited_s, FIRST_DELAY_S), MAX_DELAY_S) * random.uniform(0.75, 1.25)
        delay_s = min(delay_s, self._keep_s - waited_s)
        now_s = self._clock()
        self._next_s = max(self._next_s + 1 / MAX_PER_S, now_s)
        return min(max(delay_s, self._next_s - now_s), MAX_SPREAD_S)

    def should_log(self, name: str) -> bool:
        """Whether this name must be logged now."""
        now_s = self._clock()
        if now_s >= self._next_log_s:
            self._logged.clear()
            self._next_log_s = now_s + LOG_EVERY_S
        if name in self._logged or len(self._logged) >= MAX_NAMES_LOGGED:
            return False
        self._logged.add(name)
        return True
