"""The end of burst mode: notices when a worker has no job left to do."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from redis.asyncio import Redis
from redis.exceptions import RedisError

from monarq.shared.protocol.worker_queue import WorkerQueue
from monarq.workers.jobs.runner import Runner
from monarq.workers.jobs.unknown_jobs import UnknownJobs
from monarq.workers.leases.table import LeaseTable

HasWork = Callable[[Redis], Awaitable[bool]]
"""Returns whether there is work left for a worker in burst mode."""


class Burst:
    """Waits for the end of a burst.

    Args:
        queues: the worker's queues.
        table: the leases that it holds.
        runner: runs its jobs.
        unknown: the jobs that it does not know and has requeued for other workers.
        may_start: how many more jobs may be started; None for any number.
        maybe_idle: set when no run is left, when all outcomes are acknowledged, and when a claim found no job.
        has_work: returns whether there is work left. Default: whether a queue that is not paused has a job.
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
        has_work: HasWork | None = None,
    ) -> None:
        self._queues = queues
        self._table = table
        self._runner = runner
        self._unknown = unknown
        self._may_start = may_start
        self._maybe_idle = maybe_idle
        self._has_work = has_work or self._holds_jobs

    async def until_done(self, redis: Redis) -> None:
        """Returns when no job is left, or when the allowed number was started."""
        while True:
            await self._maybe_idle.wait()
            self._maybe_idle.clear()
            if self._runner.running:
                continue
            if self._may_start() == 0 or (not len(self._table) and await self._all_done(redis)):
                return

    async def _all_done(self, redis: Redis) -> bool:
        with suppress(RedisError, OSError):
            return not await self._has_work(redis)
        return False

    async def _holds_jobs(self, redis: Redis) -> bool:
        """Whether a queue has a job for this worker; paused ones do not count: a burst does not wait for people."""
        unknown = self._unknown.requeued
        return any([await queue.has_work(redis, unknown.get(queue.ref, ())) for queue in self._queues])
