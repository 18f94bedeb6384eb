"""Many idle workers: `Claimer`s in one process, each with its own connections like a real worker.

They run no jobs; only the cost of claiming is measured.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

from monarq import Producer, Queue
from monarq.producer import named
from monarq.shared.formats.choice.sessions import open_sessions
from monarq.shared.payloads.codec import DEFAULT_MAX_PAYLOAD
from monarq.shared.protocol.acks import Finish
from monarq.shared.protocol.lease import Lease
from monarq.shared.protocol.queue_ref import Format, QueueRef
from monarq.shared.protocol.worker_queue import WorkerQueue, WorkerTerms
from monarq.shared.redis.client import RedisClient
from monarq.shared.redis.connection import open_redis
from monarq.shared.redis.private_pool import PrivatePool
from monarq.workers.events.dispatcher import Dispatcher
from monarq.workers.events.outage import SharedOutage
from monarq.workers.jobs.claimer import Claimer
from monarq.workers.jobs.slots import Slots
from monarq.workers.leases.table import LeaseTable

CONNECTING = 50
"""How many connect at the same time."""


class Crowd:
    """A number of idle workers.

    Args:
        url: the URL of their Redis.
        size: how many workers.
        queue_format: the format of their queue.
    """

    def __init__(self, url: str, size: int, queue_format: Format) -> None:
        self._redis = RedisClient(
            PrivatePool.like(open_redis(url)), shown=url, timeout_s=30.0, connections=3 * size + 10
        )
        self._ref = QueueRef("crowd", queue_format)
        self._producer = Producer(url, queue=Queue("crowd", format=queue_format))
        self._size = size
        self._started: dict[str, asyncio.Future[float]] = {}
        self._finishing: set[asyncio.Task[None]] = set()

    async def lone_job_ms(self) -> float:
        """Enqueues one job; returns the time until a worker has claimed it, in ms."""
        job_id = f"lone-{len(self._started)}"
        started = self._started[job_id] = asyncio.get_running_loop().create_future()
        begun_s = time.perf_counter()
        await self._producer.enqueue(named("noop").options(job_id=job_id))
        started_s: float = await started
        return (started_s - begun_s) * 1000

    @asynccontextmanager
    async def waiting(self) -> AsyncIterator[None]:
        """The workers wait for jobs during the block."""
        tasks = []
        async with self._producer:
            for number in range(self._size):
                tasks += self._worker(f"crowd:{number}")
                if number % CONNECTING == 0:
                    await asyncio.sleep(0.02)
            await asyncio.sleep(1.0)
            try:
                yield
            finally:
                await asyncio.gather(*self._finishing)
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                await self._redis.aclose()

    def _worker(self, worker_id: str) -> list[asyncio.Task[None]]:
        table = LeaseTable([self._ref])
        (session,) = open_sessions([self._ref], _terms(worker_id), table.of_queue, _none_is_lost)
        (queue,) = session.queues
        events, slots = Dispatcher(), Slots(100)
        claimer = Claimer(
            redis=self._redis,
            queue=queue,
            lane_queue="io",
            slots=slots,
            turn=slots.turn,
            poll_s=session.poll_s(0.5, 1),
            last_chance=2,
            start=partial(self._start, queue, table),
            table=table,
            may_start=_no_limit,
            maybe_idle=asyncio.Event(),
            events=events,
            outage=SharedOutage(events, "claiming"),
        )
        return [asyncio.create_task(session.run(self._redis)), asyncio.create_task(claimer.run())]

    def _start(self, queue: WorkerQueue, table: LeaseTable, leases: Sequence[Lease]) -> None:
        if not leases:
            return
        for lease in leases:
            self._started[lease.job_id].set_result(time.perf_counter())
        table.add_all(leases)
        task = asyncio.create_task(self._finish(queue, table, leases))
        self._finishing.add(task)
        task.add_done_callback(self._finishing.discard)

    async def _finish(self, queue: WorkerQueue, table: LeaseTable, leases: Sequence[Lease]) -> None:
        await queue.finish(self._redis, [Finish(lease, True, b"", -1) for lease in leases])
        table.remove_all(self._ref, leases)


def _terms(worker_id: str) -> WorkerTerms:
    return WorkerTerms(
        worker_id=worker_id, lease_s=15.0, max_payload=DEFAULT_MAX_PAYLOAD, last_chance=2, max_dead=10, lanes={}
    )


def _no_limit() -> None:
    """A crowd takes all jobs."""


def _none_is_lost(leases: list[Lease]) -> None:
    """Its jobs end as soon as they are claimed."""
