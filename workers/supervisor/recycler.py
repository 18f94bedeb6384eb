"""The recycler: replaces workers that have run enough jobs, use too much memory, or have abandoned too many threads.

It is a remedy for leaks in jobs and in the libraries that they use. Workers are replaced one at a time, without a gap:
the successor takes jobs before the old worker stops claiming, and the old worker exits when its last job has ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from monarq.shared.redis.backoff import Backoff
from monarq.workers.supervisor.supervisor_log import SupervisorLog
from monarq.workers.supervisor.worker_handle import WorkerHandle
from monarq.workers.supervisor.worker_slot import WorkerSlot
from monarq.workers.system.memory import read_resident_bytes

CHECK_S: Final = 1.0
"""How often workers are checked: as often as they send heartbeats."""

ABANDONED_THREADS: Final = 100
"""The default limit."""

_RETRY_FIRST_S: Final = 1.0
_RETRY_LONGEST_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class RecycleLimits:
    """The limits at which a worker is replaced by another.

    Attributes:
        jobs: roughly how many jobs it runs; jobs started within the next second, and while its successor starts, come
            on top. None for no limit.
        memory_bytes: how much memory it may use without its cpu lane, whose processes have their own limits. None for
            no limit. A limit below what a worker uses before its first job is ignored.
        abandoned_threads: how many threads may still run in it although their jobs were abandoned.
    """

    jobs: int | None = None
    memory_bytes: int | None = None
    abandoned_threads: int = ABANDONED_THREADS

    def exceeded_by(self, worker: WorkerHandle) -> str | None:
        """Why the worker must be replaced, in a few words; None if it need not be."""
        heartbeat = worker.heartbeat
        if self.jobs is not None and heartbeat.started >= self.jobs:
            return f"it has run {heartbeat.started:,} jobs"
        if heartbeat.abandoned_threads >= self.abandoned_threads:
            return f"{heartbeat.abandoned_threads:,} of its threads still run although their jobs have ended"
        return self._memory_excess(worker)

    def is_too_small_for(self, worker: WorkerHandle) -> bool:
        """Whether the worker used more memory than the limit before its first job, as would any successor."""
        return self.memory_bytes is not None and worker.ready_bytes > self.memory_bytes

    def _memory_excess(self, worker: WorkerHandle) -> str | None:
        if self.memory_bytes is None or not worker.heartbeat.started or self.is_too_small_for(worker):
            return None
        taken_bytes = read_resident_bytes(worker.pid)
        return f"it uses {taken_bytes / 2**20:,.0f} MiB" if taken_bytes > self.memory_bytes else None


class Recycler:
    """Checks the workers of a pool every second.

    One successor is started at a time. A slot whose old worker still has jobs to finish waits for it, so that there are
    never more than two processes for one slot.
    """

    def __init__(self, slots: Sequence[WorkerSlot], limits: RecycleLimits, log: SupervisorLog) -> None:
        self._slots = slots
        self._limits = limits
        self._log = log
        self._starting = asyncio.Lock()
        self._warned_too_small = False

    async def run(self) -> None:
        """Replaces workers until cancelled. A worker whose successor does not start stays; this is retried."""
        async with asyncio.TaskGroup() as tasks:
            for slot in self._slots:
                tasks.create_task(self._recycle(slot))

    async def _recycle(self, slot: WorkerSlot) -> None:
        backoff = Backoff(_RETRY_FIRST_S, _RETRY_LONGEST_S)
        while True:
            await asyncio.sleep(CHECK_S)
            worker = slot.worker
            if worker is None or not worker.is_serving:
                continue
            self._warn_if_too_small(worker)
            if (why := self._limits.exceeded_by(worker)) is None:
                continue
            self._log.recycling(worker, why, one_at_a_time=slot.one_at_a_time)
            if await self._replace(slot, worker):
                backoff.reset()
            else:
                self._log.recycling_failed(worker)
                await asyncio.sleep(backoff.next_s())

    async def _replace(self, slot: WorkerSlot, worker: WorkerHandle) -> bool:
        if slot.one_at_a_time:
            await worker.quiesce()
            return await slot.restart_worker()
        async with self._starting:
            if not await slot.start_successor(worker):
                return False
        await worker.quiesce()
        worker.drain()
        await worker.wait_ended()
        return True

    def _warn_if_too_small(self, worker: WorkerHandle) -> None:
        limit_bytes = self._limits.memory_bytes
        if limit_bytes is not None and self._limits.is_too_small_for(worker) and not self._warned_too_small:
            self._warned_too_small = True
            self._log.memory_limit_too_small(worker, limit_bytes)
