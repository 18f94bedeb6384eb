"""A worker of a native queue that drains: what others could run is left to them at once."""

from __future__ import annotations

import asyncio

from redis.asyncio import Redis

from monarq.producer import Producer
from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.jobs.decorators import job
from monarq.shared.queue import Queue
from tests.support.slowness import in_time, patience_s
from tests.support.workers import make_worker

MAIL = NativeKeys.of("mail")


async def test_a_worker_that_drains_wants_no_wake_up(redis: Redis, redis_url: str) -> None:
    begun, may_end = asyncio.Event(), asyncio.Event()

    @job(name="wait_while_draining")
    async def wait() -> str:
        begun.set()
        await may_end.wait()
        return "ended"

    async def is_idle(expected: bool) -> None:
        async with in_time(10):
            while bool(await redis.zcard(MAIL.key("idle"))) is not expected:
                await asyncio.sleep(0.01)

    worker = make_worker(redis_url, [wait], queues=[Queue("mail")])
    running = asyncio.create_task(worker.run())
    async with Producer(redis_url, queue=Queue("mail")) as producer:
        handle = await producer.enqueue("wait_while_draining")
        async with in_time(10):
            await begun.wait()
        await is_idle(True)
        worker.drain()
        await is_idle(False)
        assert not running.done()
        may_end.set()
        await running
        assert await handle.result(patience_s(5)) == "ended"
