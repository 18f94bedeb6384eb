"""Many workers that have nothing to do: `Claimer`s in one process, each with a connection of its own, as workers are.

Their jobs are not run; what is measured is what the claiming costs.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from benchmarks.floor import KEYS, QUEUE, open_client
from monarq.shared.formats.arq.jobs.enqueue import enqueue
from monarq.shared.formats.arq.jobs.finish import finish
from monarq.shared.formats.arq.worker_queue import ArqWorkerQueue
from monarq.shared.payloads.codec import DEFAULT_MAX_PAYLOAD, MSGPACK
from monarq.shared.payloads.payload import write_payload
from monarq.shared.protocol.acks import Finish
from monarq.shared.protocol.enqueue import EnqueueMode, Placement
from monarq.shared.protocol.lease import Lease
from monarq.shared.protocol.worker_queue import WorkerTerms
from monarq.shared.redis.client import RedisClient
from monarq.shared.redis.connection import open_redis
from monarq.shared.redis.private_pool import PrivatePool
from monarq.workers.events.dispatcher import Dispatcher
from monarq.workers.jobs.claimer import Claimer
from monarq.workers.jobs.slots import Slots
from monarq.workers.leases.table import LeaseTable

CONNECTING = 50
"""So many connect at a time."""


class Crowd:
    """So many idle workers.

    Args:
        url: their Redis.
        size: how many.
    """

    def __init__(self, url: str, size: int) -> None:
        self._redis = RedisClient(
            PrivatePool.like(open_redis(url)), shown=url, timeout_s=30.0, connections=2 * size + 10
        )
        self._producer = open_client(url)
        self._size = size
        self._started: dict[str, asyncio.Future[float]] = {}
        self._finishing: set[asyncio.Task[object]] = set()

    async def lone_job_ms(self) -> float:
        """Enqueues one job, and returns how long it took until somebody had it."""
        job_id = QUEUE.new_job_ids(1)[0]
        started = self._started[job_id] = asyncio.get_running_loop().create_future()
        payload = write_payload(MSGPACK, "noop", (), {}, time.time_ns() // 1_000_000)
        begun_s = time.perf_counter()
        await enqueue(self._producer, KEYS, Placement(), EnqueueMode.NEW, [(job_id, payload)])
        started_s: float = await started
        return (started_s - begun_s) * 1000

    @asynccontextmanager
    async def waiting(self) -> AsyncIterator[None]:
        """They wait for jobs for the life of the block."""
        tasks = []
        for number in range(self._size):
            tasks.append(asyncio.create_task(self._claimer(f"crowd:{number}").run()))
            if number % CONNECTING == 0:
                await asyncio.sleep(0.02)
        await asyncio.sleep(1.0)
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.gather(*self._finishing, return_exceptions=True)
            await self._redis.aclose()
            await self._producer.aclose()

    def _claimer(self, worker_id: str) -> Claimer:
        return Claimer(
            redis=self._redis,
            queue=ArqWorkerQueue(KEYS.queue, _terms(worker_id)),
            lane_queue="io",
            slots=Slots(100),
            poll_s=0.5,
            last_chance=2,
            start=partial(self._start, worker_id),
            table=LeaseTable([KEYS.ref]),
            may_start=_no_limit,
            maybe_idle=asyncio.Event(),
            events=Dispatcher(),
        )

    def _start(self, worker_id: str, lease: Lease) -> None:
        self._started.pop(lease.job_id).set_result(time.perf_counter())
        ending = Finish(lease, True, b"", -1)
        task: asyncio.Task[object] = asyncio.create_task(finish(self._redis, KEYS, worker_id, [ending], 10))
        self._finishing.add(task)
        task.add_done_callback(self._finishing.discard)


def _terms(worker_id: str) -> WorkerTerms:
    return WorkerTerms(
        worker_id=worker_id, lease_s=15.0, max_payload=DEFAULT_MAX_PAYLOAD, last_chance=2, max_dead=10, lanes={}
    )


def _no_limit() -> None:
    """A crowd takes what there is."""
