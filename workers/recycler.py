"""Who replaces a worker that has done its share: one that has run enough jobs, or takes too much memory.

Against what leaks in jobs and in the libraries that they use. It replaces one worker at a time, without a gap and
without a hurry: the successor takes jobs before the old worker rests, and that one goes when its last job has ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from monarq.shared.backoff import Backoff
from monarq.workers.lanes.memory_guard import read_resident_bytes
from monarq.workers.seat import Seat
from monarq.workers.supervisor_log import SupervisorLog
from monarq.workers.worker_process import WorkerProcess

LOOK_S: Final = 1.0
"""How often it looks: as often as workers tell how they stand."""

_AGAIN_FIRST_S: Final = 1.0
_AGAIN_LONGEST_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Share:
    """What a worker is to do before another takes its place.

    Attributes:
        jobs: how many jobs it runs, about: those of the second in which it gets there, and while its successor starts,
            come on top. None for any number.
        memory_bytes: how much memory it may take without its cpu lane, whose processes have limits of their own.
            None for any.
    """

    jobs: int | None = None
    memory_bytes: int | None = None

    def __bool__(self) -> bool:
        return self.jobs is not None or self.memory_bytes is not None

    def why_done(self, worker: WorkerProcess) -> str | None:
        """Why the worker is to be replaced, in a few words; None while it is not."""
        if self.jobs is not None and worker.pulse.started >= self.jobs:
            return f"it has run {worker.pulse.started:,} jobs"
        if self.memory_bytes is None:
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
            if worker is None or not worker.is_serving or (why := self._share.why_done(worker)) is None:
                continue
            self._log.recycling(worker, why)
            async with self._starting:
                has_successor = await seat.succeed(worker)
            if has_successor:
                backoff.reset()
                await worker.rest()
                worker.drain()
                await worker.wait_ended()
            else:
                self._log.recycling_given_up(worker)
                await asyncio.sleep(backoff.next_s())
