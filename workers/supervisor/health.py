"""Whether a pool is alive, and whether it is ready for work: the two questions that orchestrators ask.

The supervisor's health port asks `PoolHealth`. Alive means that event loops turn; ready means that jobs that are put in
now would be run. Each answer names what is wrong, so that a person who reads it knows where to look.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from monarq.shared.lane import Home
from monarq.workers.reporting.process_stats import LoopLag
from monarq.workers.supervisor.pool_state import PoolState, WorkerState

if TYPE_CHECKING:
    from monarq.workers.supervisor.redis_probe import Answer, RedisProbe

LAG_WINDOW_S: Final = 10
"""For how long a delay of the supervisor's own loop is remembered."""


@dataclass(frozen=True, slots=True)
class HealthLimits:
    """What is taken for sick. All in seconds.

    Attributes:
        live_s: an event loop that stands still for so long fails `live`. The supervisor replaces a worker that hangs
            by itself: this should be longer than its patience.
        claim_s: where a job is due, and a place free, and nothing was claimed for so long, the pool is not ready.
    """

    live_s: float = 60.0
    claim_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """An answer.

    Attributes:
        problems: what is wrong, in words; empty where all is well.
        pool: how the pool stood.
        loop_lag_s: the largest delay of the supervisor's event loop in the last seconds.
        redis: what Redis said, where it was asked.
    """

    problems: list[str]
    pool: PoolState
    loop_lag_s: float
    redis: Answer | None = field(default=None)

    @property
    def ok(self) -> bool:
        """Whether all is well."""
        return not self.problems


class PoolHealth:
    """Looks after a pool, on its supervisor's event loop.

    Args:
        pool: gives how the pool stands.
        limits: what is taken for sick.
        probe: what asks Redis; it stays the caller's.
    """

    def __init__(self, pool: Callable[[], PoolState], limits: HealthLimits, probe: RedisProbe) -> None:
        self._pool = pool
        self._limits = limits
        self._probe = probe
        self._lag = LoopLag()
        self._lags_s: deque[float] = deque(maxlen=LAG_WINDOW_S)
        self._watch: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins to look after the running loop."""
        self._lag.start()
        self._watch = asyncio.get_running_loop().create_task(self._note_lags())

    def stop(self) -> None:
        """Looks no longer."""
        self._lag.stop()
        if self._watch is not None:
            self._watch.cancel()

    def live(self) -> Verdict:
        """Whether the supervisor's event loop and those of its workers turn."""
        pool, lag_s = self._pool(), self._loop_lag_s()
        problems = [f"worker {worker.index} (pid {worker.pid}) {what}" for worker, what in self._stuck(pool)]
        if lag_s >= self._limits.live_s:
            problems.append(f"the supervisor's event loop stood still for {lag_s:.1f} s")
        return Verdict(problems, pool, lag_s)

    async def ready(self) -> Verdict:
        """Whether the pool takes jobs: a worker is ready, Redis answers, and what is due is claimed."""
        pool = self._pool()
        serving = [worker for worker in pool.workers if worker.phase == "ready"]
        problems = []
        if pool.draining:
            problems.append("draining: the pool was told to stop")
        elif not serving:
            problems.append("no worker is ready")
        answer = await self._probe.ask(pool)
        if answer is not None and answer.error is not None:
            problems.append(f"Redis does not answer: {answer.error}")
        elif answer is not None and not problems:
            problems += self._unclaimed(serving, answer)
        elif not problems:
            problems += self._unheard(serving)
        return Verdict(problems, pool, self._loop_lag_s(), answer)

    def _stuck(self, pool: PoolState) -> list[tuple[WorkerState, str]]:
        """Workers whose loop stands still. One that starts may be importing; the supervisor has an eye on that."""
        limit_s = self._limits.live_s
        stuck = []
        for worker in pool.workers:
            if worker.phase != "starting" and worker.silent_s >= limit_s:
                stuck.append((worker, f"has given no sign of life for {worker.silent_s:.1f} s"))
            elif worker.pulse.lag_s >= limit_s:
                stuck.append((worker, f"stood still for {worker.pulse.lag_s:.1f} s"))
        return stuck

    def _unclaimed(self, serving: list[WorkerState], answer: Answer) -> list[str]:
        limit_s = self._limits.claim_s
        problems = []
        for queue, waiting in answer.queues.items():
            homes: list[tuple[Home, float | None]] = [("io", waiting.io_s), ("cpu", waiting.cpu_s)]
            for home, waits_s in homes:
                hungry_s = _hungry_s(serving, queue, home)
                if waits_s is not None and min(waits_s, hungry_s) >= limit_s:
                    problems.append(
                        f"{queue}: a job for the {home} lane has been due for {waits_s:.1f} s and a place was free,"
                        f" but nothing was claimed for {hungry_s:.1f} s"
                    )
        return problems

    def _unheard(self, serving: list[WorkerState]) -> list[str]:
        """Where the supervisor cannot ask Redis itself: what the workers hear of it."""
        heard_s = min((worker.pulse.renewed_s + worker.silent_s for worker in serving), default=0.0)
        lease_s = max((worker.ready.lease_s for worker in serving if worker.ready), default=0.0)
        if heard_s <= max(lease_s, self._limits.claim_s):
            return []
        return [f"Redis has not answered any worker for {heard_s:.1f} s"]

    def _loop_lag_s(self) -> float:
        return max(self._lag.take("record"), *self._lags_s, 0.0)

    async def _note_lags(self) -> None:
        while True:
            await asyncio.sleep(1)
            self._lags_s.append(self._lag.take("beat"))


def _hungry_s(serving: list[WorkerState], queue: str, home: Home) -> float:
    """How long no worker has got a job there, although all had a place; 0 where that is not known of any."""
    return min(
        (
            hunger.for_s + worker.silent_s
            for worker in serving
            for hunger in worker.pulse.hungry
            if hunger.queue == queue and hunger.home == home
        ),
        default=0.0,
    )
