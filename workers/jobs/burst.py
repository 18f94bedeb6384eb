"""The end of burst mode: notices when a worker has no job left to do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

from redis.asyncio import Redis
from redis.exceptions import RedisError

from monarq.shared.protocol.worker_queue import WorkerQueue
from monarq.workers.jobs.runner import Runner
from monarq.workers.jobs.unknown_jobs import UnknownJobs
from monarq.workers.leases.table import LeaseTable


class Burst:
    """Waits for the end of a burst.

    Args:
        queues: the worker's queues.
        table: the leases that it holds.
        runner: what runs its jobs.
        unknown: the jobs that it does not know and has requeued for other workers.
        may_start: how many jobs may still be started; None for any number.
        maybe_idle: set when no run is left, when all ends are acknowledged, and where a claim found no job.
    """

    def __init__(
        self,
        *,
        queues: Sequence[WorkerQueue],
        table: LeaseTable,
        runner: Runner,
        unknown: UnknownJobs,
        may_start: Callable[[], int | None],
        maybe_idle: asyncio.Event,
    ) -> None:
        self._queues = queues
        self._table = table
        self._runner = runner
        self._unknown = unknown
        self._may_start = may_start
        self._maybe_idle = maybe_idle

    async def until_done(self, redis: Redis) -> None:
        """Returns when no job is left, or when as many were started as allowed."""
        while True:
            await self._maybe_idle.wait()
            self._maybe_idle.clear()
            if self._runner.running:
                continue
            if self._may_start() == 0 or (not len(self._table) and await self._all_empty(redis)):
                return

    async def _all_empty(self, redis: Redis) -> bool:
        """Whether no queue has a job for this worker: a paused one has none, as a burst does not wait for people."""
        with suppress(RedisError, OSError):
            unknown = self._unknown.requeued
            return not any([await queue.has_work(redis, unknown.get(queue.ref, ())) for queue in self._queues])
        return False
