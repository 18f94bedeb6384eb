"""Who replaces a worker that has done its share: run enough jobs, taken too much memory, lost too many threads.

Against what leaks in jobs and in the libraries that they use. It replaces one worker at a time, without a gap and
without a hurry: the successor takes jobs before the old worker rests, and that one goes when its last job has ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from monarq.shared.redis.backoff import Backoff
from monarq.workers.lanes.memory_guard import read_resident_bytes
from monarq.workers.supervisor.log import SupervisorLog
from monarq.workers.supervisor.worker_handle import WorkerProcess
from monarq.workers.supervisor.worker_slot import Seat

LOOK_S: Final = 1.0
"""How often it looks: as often as workers tell how they stand."""

ABANDONED_THREADS: Final = 100
"""The default bound."""

_AGAIN_FIRST_S: Final = 1.0
_AGAIN_LONGEST_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Share:
    """What a worker is to do before another takes its place.

    Attributes:
        jobs: how many jobs it runs, about: those of the second in which it gets there, and while its successor starts,
            come on top. None for any number.
        memory_bytes: how much memory it may take without its cpu lane, whose processes have limits of their own.
            None for any. What is less than a worker takes before its first job is no limit.
        abandoned_threads: how many threads may go on in it although their jobs were given up.
    """

    jobs: int | None = None
    memory_bytes: int | None = None
    abandoned_threads: int = ABANDONED_THREADS

    def why_done(self, worker: WorkerProcess) -> str | None:
        """Why the worker is to be replaced, in a few words; None while it is not."""
        pulse = worker.pulse
        if self.jobs is not None and pulse.started >= self.jobs:
            return f"it has run {pulse.started:,} jobs"
        if pulse.abandoned_threads >= self.abandoned_threads:
            return f"{pulse.abandoned_threads:,} of its threads go on although their jobs were given up"
        return self._why_too_large(worker)

    def is_too_small_for(self, worker: WorkerProcess) -> bool:
        """Whether it took more memory than this before its first job: so would any successor."""
        return self.memory_bytes is not None and worker.ready_bytes > self.memory_bytes

    def _why_too_large(self, worker: WorkerProcess) -> str | None:
        if self.memory_bytes is None or not worker.pulse.started or self.is_too_small_for(worker):
            return None
        taken_bytes = read_resident_bytes(worker.pid)
        return f"it takes {taken_bytes / 2**20:,.0f} MiB" if taken_bytes > self.memory_bytes else None


class Recycler:
    """Looks at the workers of a pool each second.

    One successor is started at a time. A place whose old worker still has jobs to end waits for that, so that there are
    never more than two processes for one.
    """

    def __init__(self, seats: Sequence[Seat], share: Share, log: SupervisorLog) -> None:
        self._seats = seats
        self._share = share
        self._log = log
        self._starting = asyncio.Lock()
        self._told_too_small = False

    async def run(self) -> None:
        """Replaces workers until cancelled; one whose successor does not start stays, and that is tried again."""
        async with asyncio.TaskGroup() as seats:
            for seat in self._seats:
                seats.create_task(self._look_after(seat))

    async def _look_after(self, seat: Seat) -> None:
        backoff = Backoff(_AGAIN_FIRST_S, _AGAIN_LONGEST_S)
        while True:
            await asyncio.sleep(LOOK_S)
            worker = seat.worker
            if worker is None or not worker.is_serving:
                continue
            self._tell_if_too_small(worker)
            if (why := self._share.why_done(worker)) is None:
                continue
            self._log.recycling(worker, why, one_at_a_time=seat.one_at_a_time)
            if await self._replace(seat, worker):
                backoff.reset()
            else:
                self._log.recycling_given_up(worker)
                await asyncio.sleep(backoff.next_s())

    async def _replace(self, seat: Seat, worker: WorkerProcess) -> bool:
        if seat.one_at_a_time:
            await worker.rest()
            return await seat.renew()
        async with self._starting:
            if not await seat.succeed(worker):
                return False
        await worker.rest()
        worker.drain()
        await worker.wait_ended()
        return True

    def _tell_if_too_small(self, worker: WorkerProcess) -> None:
        limit_bytes = self._share.memory_bytes
        if limit_bytes is not None and self._share.is_too_small_for(worker) and not self._told_too_small:
            self._told_too_small = True
            self._log.memory_limit_too_small(worker, limit_bytes)
