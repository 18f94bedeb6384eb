"""The health of a pool: liveness and readiness, the two questions that orchestrators ask.

The supervisor's health port asks `PoolHealth`. Live means that event loops run; ready means that a job enqueued now
would be run. Each report names what is wrong.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from monarq.shared.lane import LaneQueue
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.workers.reporting.process_stats import LoopLag
from monarq.workers.supervisor.pool_state import PoolState, WorkerState

if TYPE_CHECKING:
    from monarq.workers.supervisor.redis_probe import ProbeResult, RedisProbe

LAG_WINDOW_S: Final = 10
"""How long a delay of the supervisor's own loop is remembered."""


@dataclass(frozen=True, slots=True)
class HealthLimits:
    """The limits beyond which a pool is unhealthy. All in seconds.

    Attributes:
        live_s: an event loop that is blocked for this long fails `live`. It should be longer than the hang timeout,
            after which the supervisor itself replaces a worker.
        claim_s: if a job is due and a slot is free, but nothing was claimed for this long, the pool is not ready.
    """

    live_s: float = 60.0
    claim_s: float = 30.0


@dataclass(frozen=True, slots=True)
class HealthReport:
    """The answer to one health check.

    Attributes:
        problems: descriptions of what is wrong; empty if nothing is.
        pool: the state of the pool.
        loop_lag_s: the largest delay of the supervisor's event loop in the last seconds.
        redis: what Redis answered, if it was asked.
    """

    problems: list[str]
    pool: PoolState
    loop_lag_s: float
    redis: ProbeResult | None = field(default=None)

    @property
    def ok(self) -> bool:
        """Whether there are no problems."""
        return not self.problems


class PoolHealth:
    """Checks the health of a pool, on its supervisor's event loop.

    Args:
        pool: returns the state of the pool.
        limits: the limits beyond which it is unhealthy.
        probe: asks Redis; the caller closes it.
    """

    def __init__(self, pool: Callable[[], PoolState], limits: HealthLimits, probe: RedisProbe) -> None:
        self._pool = pool
        self._limits = limits
        self._probe = probe
        self._lag = LoopLag()
        self._lags_s: deque[float] = deque(maxlen=LAG_WINDOW_S)
        self._lag_task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Starts watching the running loop."""
        self._lag.start()
        self._lag_task = asyncio.get_running_loop().create_task(self._record_lags())

    def stop(self) -> None:
        """Stops watching."""
        self._lag.stop()
        if self._lag_task is not None:
            self._lag_task.cancel()

    def live(self) -> HealthReport:
        """Whether the event loops of the supervisor and its workers run."""
        pool, lag_s = self._pool(), self._loop_lag_s()
        problems = [f"worker {worker.index} (pid {worker.pid}) {what}" for worker, what in self._unresponsive(pool)]
        if lag_s >= self._limits.live_s:
            problems.append(f"the supervisor's event loop was blocked for {lag_s:.1f} s")
        return HealthReport(problems, pool, lag_s)

    async def ready(self) -> HealthReport:
        """Whether the pool takes jobs: a worker is ready, Redis answers, and due jobs are claimed."""
        pool = self._pool()
        serving = [worker for worker in pool.workers if worker.phase == "ready"]
        problems = []
        if pool.draining:
            problems.append("draining: the pool was told to stop")
        elif not serving:
            problems.append("no worker is ready")
        answer = await self._probe.check(pool)
        if answer is not None and answer.error is not None:
            problems.append(f"Redis does not answer: {answer.error}")
        elif answer is not None and not problems:
            problems += self._unclaimed(serving, answer)
        elif not problems:
            problems += self._unanswered(serving)
        return HealthReport(problems, pool, self._loop_lag_s(), answer)

    def _unresponsive(self, pool: PoolState) -> list[tuple[WorkerState, str]]:
        """Workers whose loop does not run. A starting worker may be importing; the supervisor limits that."""
        limit_s = self._limits.live_s
        unresponsive = []
        for worker in pool.workers:
            if worker.phase != "starting" and worker.silent_s >= limit_s:
                unresponsive.append((worker, f"has sent no heartbeat for {worker.silent_s:.1f} s"))
            elif worker.heartbeat.lag_s >= limit_s:
                unresponsive.append((worker, f"had its event loop blocked for {worker.heartbeat.lag_s:.1f} s"))
        return unresponsive

    def _unclaimed(self, serving: list[WorkerState], answer: ProbeResult) -> list[str]:
        limit_s = self._limits.claim_s
        problems = []
        for queue, waiting in answer.queues.items():
            lane_queues: list[tuple[LaneQueue, float | None]] = [("io", waiting.io_s), ("cpu", waiting.cpu_s)]
            for lane_queue, waits_s in lane_queues:
                idle_s = _idle_s(serving, queue, lane_queue)
                if waits_s is not None and min(waits_s, idle_s) >= limit_s:
                    problems.append(
                        f"{queue}: a job for the {lane_queue} lane has been due for {waits_s:.1f} s and a slot"
                        f" was free, but nothing was claimed for {idle_s:.1f} s"
                    )
        return problems

    def _unanswered(self, serving: list[WorkerState]) -> list[str]:
        """If the supervisor cannot ask Redis itself: how long Redis has not answered the workers."""
        answered_s = min((worker.heartbeat.renewed_s + worker.silent_s for worker in serving), default=0.0)
        lease_s = max((worker.ready.lease_s for worker in serving if worker.ready), default=0.0)
        if answered_s <= max(lease_s, self._limits.claim_s):
            return []
        return [f"Redis has not answered any worker for {answered_s:.1f} s"]

    def _loop_lag_s(self) -> float:
        return max(self._lag.take("record"), *self._lags_s, 0.0)

    async def _record_lags(self) -> None:
        while True:
            await asyncio.sleep(1)
            self._lags_s.append(self._lag.take("heartbeat"))


def _idle_s(serving: list[WorkerState], queue: QueueRef, lane_queue: LaneQueue) -> float:
    """How long no worker has got a job there although all had a free slot; 0 if no worker serves it."""
    return min(
        (
            idle.idle_s + worker.silent_s
            for worker in serving
            for idle in worker.heartbeat.idle
            if idle.queue == queue and idle.lane_queue == lane_queue
        ),
        default=0.0,
    )
