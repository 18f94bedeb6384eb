"""Acknowledgements that Redis does not accept, or whose replies are lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

import pytest
from redis.asyncio import Redis
from redis.exceptions import BusyLoadingError, ReadOnlyError, ResponseError

from chaos.faults.proxy import Cut
from monarq.shared.formats.arq import keys as names
from monarq.shared.formats.arq import worker_queue
from monarq.shared.formats.arq.keys import DEFAULT_QUEUE, QueueKeys
from monarq.shared.formats.arq.script import ArqScript
from monarq.shared.jobs.decorators import job
from monarq.shared.protocol.acks import Ack, Crash, Finish, Requeue
from monarq.workers.jobs.acker import Acker
from monarq.workers.leases.table import LeaseTable
from tests.support.formats import OF_ARQ
from tests.support.leases import lease_of
from tests.support.proxy import Proxy
from tests.support.queues import queues_of
from tests.support.slowness import in_time
from tests.support.workers import QUEUE, Recorder, components_of, make_worker, put, result_of, running
from tests.workers.support import worker_jobs as jobs

pytestmark = OF_ARQ

SPOILT = QueueKeys.of("spoilt")
LONG_S = 60.0
MIB = 1 << 20
FINISH = ArqScript.load("jobs/finish").sha.encode()


async def test_a_queue_that_accepts_no_ends_delays_no_other(redis: Redis, redis_url: str) -> None:
    recorder = Recorder()
    await put(redis, jobs.retry_after, 0.3, job_id="again", queue=SPOILT)
    async with running(make_worker(redis_url, jobs.ALL, recorder, queues=(SPOILT.queue, DEFAULT_QUEUE))):
        await recorder.until("job_started")
        await redis.rename(SPOILT.queue, "kept")
        await redis.set(SPOILT.queue, "no queue", ex=60)
        await recorder.until("job_retried")
        for number in range(3):
            await put(redis, jobs.plus, number, 1, job_id=f"good-{number}")
            assert (await result_of(redis, f"good-{number}")).value == number + 1
        await redis.rename("kept", SPOILT.queue)
        await recorder.until("job_started", 5)
    assert recorder.events.count("ack_refused") == 0
    assert await redis.zcard(QUEUE.queue) == 0


async def test_an_end_whose_reply_was_lost_is_not_reported_as_refused_but_a_later_one_is(
    redis: Redis, redis_url: str
) -> None:
    recorder, released = Recorder(), asyncio.Event()

    @job
    async def held() -> None:
        await released.wait()

    async with (
        Proxy(urlsplit(redis_url).path) as proxy,
        running(make_worker(proxy.url, [jobs.plus, held], recorder, lease_s=LONG_S)) as worker,
    ):
        await put(redis, jobs.plus, 1, 1, job_id="first")  # Redis knows the script from here on
        await result_of(redis, "first")
        proxy.lose(Cut.REPLY, FINISH, times=2)
        await put(redis, jobs.plus, 1, 2, job_id="sum")
        await recorder.until("redis_back")
        await components_of(worker).acker.flush()
        assert (proxy.lost, recorder.events.count("ack_refused")) == (2, 0)
        await redis.delete(names.result("sum"))
        await put(redis, held, job_id="sum")
        await recorder.until("job_started", 3)
        await redis.set(names.in_progress("sum"), "somebody else", px=60_000)
        released.set()
        await recorder.until("ack_refused")
        await components_of(worker).acker.flush()
        # What has ended is not renewed, whether its end was taken or refused.
        assert len(components_of(worker).table) == 0
    assert (recorder.events.count("redis_lost"), recorder.events.count("redis_back")) == (1, 1)
    assert not await redis.exists(names.result("sum"))
    await redis.flushall()


async def test_the_end_of_a_lost_lease_is_not_written(redis: Redis, redis_url: str) -> None:
    recorder = Recorder()
    await put(redis, jobs.plus, 1, 2, job_id="sum")
    async with (
        Proxy(urlsplit(redis_url).path) as proxy,
        running(make_worker(proxy.url, jobs.ALL, recorder, lease_s=LONG_S)) as worker,
    ):
        proxy.lose(Cut.REQUEST, FINISH, times=1000)
        await recorder.until("redis_lost")
        components = components_of(worker)
        components.runner.cancel_lost(components.table.of_queue(QUEUE.ref))
        proxy.rules.clear()
        async with in_time(10):
            await components.acker.flush()
        assert not await redis.exists(names.result("sum"))
        assert await redis.exists(names.job("sum"))
    await redis.flushall()


def ending(number: int, size: int = 0, letter: int = 0, keys: QueueKeys = QUEUE) -> Ack:
    return Finish(
        lease_of(f"job-{number}", keys), success=True, result=b"r" * size, keep_ms=1000, dead_letter=b"l" * letter
    )


async def send(redis: Redis, recorder: Recorder, acks: Sequence[Ack]) -> None:
    """Sends these by an acker of their own, until all are acknowledged and no lease is held any more."""
    table, maybe_idle = LeaseTable([QUEUE.ref, SPOILT.ref]), asyncio.Event()
    sender = Acker(
        redis=redis,
        queues=queues_of(QUEUE, SPOILT),
        table=table,
        events=recorder,
        maybe_idle=maybe_idle,
    )
    for ack in acks:
        table.add(ack.lease)
        sender.add(ack)
    sending = asyncio.create_task(sender.run())
    async with in_time(10):
        await sender.flush()
    sending.cancel()
    assert maybe_idle.is_set()
    assert len(table) == 0


def of_any_kind(number: int) -> Ack:
    lease = lease_of(f"job-{number}")
    return [ending(number), Requeue(lease, "io"), Crash(lease, "?")][number % 3]


@pytest.mark.parametrize(
    ("make", "number", "calls"),
    [
        (ending, 1201, 3),
        (lambda number: ending(number, size=MIB), 12, 3),
        (lambda number: ending(number, letter=MIB), 12, 3),
        (lambda number: ending(number, keys=(QUEUE, SPOILT)[number % 2]), 12, 2),
        (of_any_kind, 12, 3),
    ],
    ids=["many", "large results", "large letters", "two queues", "three kinds"],
)
async def test_a_batch_is_of_one_queue_and_kind_and_does_not_block_redis(
    redis: Redis, make: Callable[[int], Ack], number: int, calls: int
) -> None:
    recorder = Recorder()
    await send(redis, recorder, list(map(make, range(number))))
    assert recorder.events == ["ack_refused"] * calls


@pytest.mark.parametrize(
    "error",
    [
        ConnectionResetError("reset by peer"),
        BusyLoadingError("Redis is loading the dataset in memory"),
        ReadOnlyError("You can't write against a read only replica."),
        ResponseError("OOM command not allowed when used memory > 'maxmemory'."),
    ],
    ids=repr,
)
async def test_a_failed_call_is_repeated(redis: Redis, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    errors = [error]

    async def finish_later(*_: object) -> list[bytes]:
        if errors:
            raise errors.pop()
        return []

    monkeypatch.setattr(worker_queue, "finish", finish_later)
    recorder = Recorder()
    await send(redis, recorder, [ending(1)])
    assert recorder.events == ["redis_lost", "redis_back"]
