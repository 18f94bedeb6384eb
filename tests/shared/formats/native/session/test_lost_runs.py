"""Jobs whose runs a worker has stopped, as it was frozen past its lease, wait again though nobody has recovered it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Final

import pytest
import redis as blocking_redis
from redis.asyncio import Redis

from monarq.shared.formats.native.jobs.enqueue import enqueue
from monarq.shared.formats.native.session.session import NativeWorkerSession
from monarq.shared.protocol.enqueue import EnqueueMode, Placement
from monarq.shared.protocol.lease import Lease
from monarq.workers.leases.table import LeaseTable
from tests.shared.formats.native.pieces import KEYS, hash_of, zset_of
from tests.support.queues import terms_of
from tests.support.slowness import in_time

LEASE_S: Final = 0.5


@pytest.fixture
def blocking(redis: Redis) -> Iterator[blocking_redis.Redis]:
    """A blocking client of the emptied server, as the lease thread has one."""
    with blocking_redis.Redis(unix_socket_path=redis.connection_pool.connection_kwargs["path"]) as client:
        yield client


class Worker:
    """A worker's session, and the leases that it knows of."""

    def __init__(self) -> None:
        self.lost: list[Lease] = []
        terms = terms_of("w", lease_s=LEASE_S)
        self.session = NativeWorkerSession([KEYS.tag], terms, lambda ref: self.table.of_queue(ref), self.lost.extend)
        [self.queue] = self.session.queues
        self.table = LeaseTable([self.queue.ref])

    async def claim(self, redis: Redis, *job_ids: str) -> None:
        """Enqueues jobs, and claims them."""
        jobs = [(job_id, b"payload") for job_id in job_ids]
        await enqueue(redis, KEYS, "call", Placement(name="n"), EnqueueMode.NAMED, jobs)
        for lease in (await self.queue.claim(redis, "io", 100)).leases:
            self.table.add(lease)

    def stop_run(self, job_id: bytes) -> None:
        """Does what the worker does to a run whose lease has ended by its own clock."""
        [lease] = [lease for lease in self.table.of_queue(self.queue.ref) if lease.raw_id == job_id]
        self.table.remove(lease)


async def until_waiting(redis: Redis, *raw_ids: bytes) -> None:
    async with in_time(15):
        while set(await zset_of(redis, "queued")) != set(raw_ids):
            await asyncio.sleep(0.01)


async def test_all_that_an_idle_worker_held(redis: Redis) -> None:
    worker = Worker()
    await worker.claim(redis, "a", "b")
    worker.stop_run(b"a")
    worker.stop_run(b"b")
    running = asyncio.create_task(worker.session.run(redis))
    await until_waiting(redis, b"a", b"b")
    running.cancel()
    assert await hash_of(redis, "notes") == {}
    assert not worker.queue.is_doubtful


async def test_those_of_a_worker_that_goes_on_with_others(redis: Redis, blocking: blocking_redis.Redis) -> None:
    worker = Worker()
    await worker.claim(redis, "a", "b")
    worker.queue.beat(blocking, asyncio.get_running_loop())
    until_s = time.monotonic() + LEASE_S
    while time.monotonic() <= until_s:
        await asyncio.sleep(0.05)
    worker.stop_run(b"a")
    with worker.queue._call():  # it is never quiet
        worker.queue.beat(blocking, asyncio.get_running_loop())
        await asyncio.sleep(0)
    assert worker.queue.is_doubtful
    running = asyncio.create_task(worker.session.run(redis))
    await until_waiting(redis, b"a")
    running.cancel()
    assert await hash_of(redis, "notes") == {}
    assert [lease.raw_id for lease in worker.table.of_queue(worker.queue.ref)] == [b"b"]


async def test_a_worker_that_leaves_gives_them_back(redis: Redis) -> None:
    worker = Worker()
    await worker.claim(redis, "a")
    worker.stop_run(b"a")
    await worker.session.deregister(redis)
    assert set(await zset_of(redis, "queued")) == {b"a"}
    assert await zset_of(redis, "leases") == {}
