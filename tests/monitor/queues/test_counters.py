"""Counters, exact to the job: of a queue and of each job name, by second, by minute and since the first job."""

from __future__ import annotations

import asyncio
from typing import Final

import pytest
import redis as redis_module
from msgspec.structs import replace
from redis.asyncio import Redis

from monarq import Producer, Retry, job
from monarq.monitor.jobs.ended import read_ended
from monarq.monitor.queues.counters import BOUNDS_S, Histogram
from monarq.monitor.queues.series import read_by_job, read_totals
from monarq.shared.calls.context import Context
from monarq.shared.formats.arq.jobs.claim import Claim, claim, release_claim
from monarq.shared.formats.arq.jobs.enqueue import enqueue
from monarq.shared.formats.arq.jobs.finish import finish
from monarq.shared.formats.arq.jobs.requeue import requeue
from monarq.shared.formats.arq.keys import DEFAULT_QUEUE, QueueKeys
from monarq.shared.formats.arq.workers.register_names import register_names
from monarq.shared.formats.arq.workers.renew import renew
from monarq.shared.protocol.acks import Finish, Requeue
from monarq.shared.protocol.enqueue import EnqueueMode, Placement
from monarq.shared.protocol.lease import Lease
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.protocol.run_groups import BUCKETS
from monarq.shared.redis.connection import UrlSource
from monarq.workers.config.settings import WorkerSettings
from monarq.workers.process.worker import Worker
from tests.support.formats import OF_ARQ
from tests.support.queues import ARQ_QUEUE

pytestmark = OF_ARQ

KEYS: Final = QueueKeys.of(DEFAULT_QUEUE)


@job(name="tallied_ok")
async def ok(seconds: float = 0) -> None:
    await asyncio.sleep(seconds)


@job(name="tallied_bad")
async def bad() -> None:
    raise ValueError("bad")


@job(name="tallied_again", max_tries=3)
async def again(ctx: Context) -> None:
    if ctx.job_try < 3:
        raise Retry(defer=0)


async def enqueue_named(redis: Redis, name: str, *ids: str) -> None:
    await enqueue(redis, KEYS, Placement(name=name), EnqueueMode.NEW, [(job_id, b"payload") for job_id in ids])


async def claim_all(redis: Redis, worker: str = "w1", token: str = "t1") -> list[Lease]:
    return (await claim(redis, KEYS, Claim(worker, token, "io", 15_000, 100, 1000))).leases


async def test_a_burst_of_all_kinds(redis: Redis, queue: QueueRef, redis_url: str) -> None:
    async with Producer(redis_url, queue=queue) as producer:
        await producer.enqueue_many(ok, [()] * 30)
        await producer.enqueue(bad)
        await producer.enqueue(again)
    await Worker([ok, bad, again], WorkerSettings(burst=True, queues=(queue,)), UrlSource(redis_url)).run()
    jobs = await read_by_job(redis, queue)
    of_ok, of_bad, of_again = jobs["tallied_ok"], jobs["tallied_bad"], jobs["tallied_again"]
    assert (of_ok.enqueued, of_ok.started, of_ok.succeeded, of_ok.failed) == (30, 30, 30, 0)
    assert (of_bad.enqueued, of_bad.started, of_bad.failed, of_bad.dead) == (1, 1, 1, 1)
    assert (of_again.enqueued, of_again.started, of_again.retried, of_again.succeeded) == (1, 3, 2, 1)
    assert [each.run.count for each in (of_ok, of_bad, of_again)] == [30, 1, 3]
    assert await read_totals(redis, queue) == of_ok + of_bad + of_again


async def test_a_run_that_is_repeated_or_anothers_is_not_counted_twice(redis: Redis) -> None:
    await enqueue_named(redis, "send", "a", "b")
    leases = await claim_all(redis)
    endings = [Finish(lease, True, b"r", 1000, "send", run_ms=5) for lease in leases]
    await finish(redis, KEYS, "w1", endings, 10)
    stolen = [replace_token(ending, "t2") for ending in endings]
    await finish(redis, KEYS, "w1", [*endings, *stolen], 10)
    assert (await read_by_job(redis, ARQ_QUEUE))["send"].succeeded == 2
    assert (await read_totals(redis, ARQ_QUEUE)).run == Histogram(one_at(3, 2), 10)


def replace_token(ending: Finish, token: str) -> Finish:
    lease = ending.lease
    return replace(ending, lease=replace(lease, token=token))


def one_at(bucket: int, count: int = 1) -> tuple[int, ...]:
    return tuple(count if at == bucket else 0 for at in range(BUCKETS))


async def test_a_kinds_sums_are_shared_with_those_that_are_lost(redis: Redis) -> None:
    await enqueue_named(redis, "send", "a", "b")
    leases = await claim_all(redis)
    await redis.set("arq:in-progress:b", "another's", ex=15)
    endings = [Finish(lease, True, b"r", 1000, "send", run_ms=6) for lease in leases]
    assert await finish(redis, KEYS, "w1", endings, 10) == [b"b"]
    whole = await read_totals(redis, ARQ_QUEUE)
    assert (whole.succeeded, whole.lost, whole.run) == (1, 1, Histogram(one_at(3), 6))


async def test_waits_by_redis_clock(redis: Redis) -> None:
    now_ms = int((await redis.time())[0]) * 1000
    await enqueue(redis, KEYS, Placement(due_ms=now_ms - 60_000, name="send"), EnqueueMode.NEW, [("a", b"payload")])
    [lease] = await claim_all(redis)
    await finish(redis, KEYS, "w1", [Finish(lease, True, b"r", 1000, "send", run_ms=0)], 10)
    waited = (await read_totals(redis, ARQ_QUEUE)).wait
    assert waited.counts == one_at((60_000).bit_length())
    assert 60 <= waited.sum_s < 65


async def test_runs_that_did_not_end(redis: Redis) -> None:
    await enqueue_named(redis, "send", "a", "b", "c")
    first, second, third = await claim_all(redis)
    await requeue(redis, KEYS, "w1", [Requeue(first, "io", due_ms=first.due_ms, name="send")])
    await requeue(redis, KEYS, "w1", [Requeue(second, "io", delay_ms=60_000, tries=1, name="send", run_ms=1)])
    await release_claim(redis, KEYS, "w1", third.token)
    await claim_all(redis, token="t2")
    await redis.set("arq:in-progress:a", "another's", ex=15)
    blocking = redis_of(redis)
    await asyncio.to_thread(renew, blocking, KEYS, "w1", 15_000, b"", [replace(first, token="t2")])
    blocking.close()
    whole = await read_totals(redis, ARQ_QUEUE)
    assert (whole.handed_back, whole.retried, whole.lost, whole.started) == (2, 1, 1, 5)
    of_send = (await read_by_job(redis, ARQ_QUEUE))["send"]
    assert (of_send.handed_back, of_send.retried) == (1, 1)


def redis_of(client: Redis) -> redis_module.Redis:
    return redis_module.Redis(unix_socket_path=client.connection_pool.connection_kwargs["path"])


async def test_a_jobs_crashes_are_counted_by_its_name_when_it_ends(redis: Redis) -> None:
    await register_names(redis, KEYS, ["send"])
    await enqueue_named(redis, "send", "a")
    [lease] = await claim_all(redis)
    ended = Finish(replace(lease, crashes=2), False, b"r", 1000, "send", b"{}", 1000)
    await finish(redis, KEYS, "w1", [ended], 10)
    of_send = (await read_by_job(redis, ARQ_QUEUE))["send"]
    assert (of_send.crashed, of_send.failed, of_send.dead, of_send.started) == (2, 1, 1, 3)
    assert (await read_totals(redis, ARQ_QUEUE)).crashed == 0, "of the queue they were counted when they were seen"


async def test_every_counter_expires(redis: Redis) -> None:
    await enqueue_named(redis, "send", "a")
    [lease] = await claim_all(redis)
    await finish(redis, KEYS, "w1", [Finish(lease, True, b"r", 1000, "send", run_ms=0)], 10)
    left_s = {await redis.ttl(key) for key in await redis.keys(KEYS.base + "second:*")}
    assert left_s <= {599, 600}
    assert {await redis.ttl(key) // 3600 for key in await redis.keys(KEYS.base + "minute:*")} <= {24, 25}
    assert {await redis.ttl(key) // 86_400 for key in await redis.keys(KEYS.base + "stats*")} <= {29, 30}
    assert -1 not in {await redis.ttl(KEYS.base + "names"), await redis.ttl(KEYS.recent)}


async def test_recently_ended_jobs(redis: Redis) -> None:
    await enqueue_named(redis, "send", "a", "b", "c")
    good, broken, unwanted = await claim_all(redis)
    await finish(redis, KEYS, "w1", [Finish(good, True, b"r", 1000, "send", run_ms=7)], 10)
    await finish(redis, KEYS, "w1", [Finish(broken, False, b"r", 1000, "send", b"{}", 1000, 3)], 10)
    await finish(redis, KEYS, "w1", [Finish(unwanted, False, b"r", 1000, "send", cancelled=True)], 10)
    found = await read_ended(redis, ARQ_QUEUE)
    assert [(one.job_id, one.name, one.state, one.run_ms) for one in found] == [
        ("c", "send", "cancelled", None),
        ("b", "send", "dead", 3),
        ("a", "send", "succeeded", 7),
    ]
    assert len(await read_ended(redis, ARQ_QUEUE, 2)) == 2


async def test_the_list_of_ended_jobs_is_bounded(redis: Redis) -> None:
    for call in range(70):
        await enqueue_named(redis, "send", *(f"{call} {n}" for n in range(12)))
        endings = [Finish(lease, True, b"r", 1000, "send") for lease in await claim_all(redis)]
        await finish(redis, KEYS, "w1", endings, 10)
    assert await redis.llen(KEYS.recent) <= 600
    assert len(await read_ended(redis, ARQ_QUEUE, 1000)) == 500


@pytest.mark.parametrize(
    ("counts", "q", "expected"),
    [
        ({}, 0.5, None),
        ({0: 10}, 0.5, 0.0005),
        ({0: 10}, 1.0, 0.001),
        ({3: 100}, 0.5, 0.006),
        ({3: 50, 10: 50}, 0.5, 0.008),
        ({3: 50, 10: 50}, 0.99, 0.512 + 0.512 * 0.98),
        ({BUCKETS - 1: 1}, 0.5, BOUNDS_S[-1]),
    ],
)
def test_quantiles(counts: dict[int, int], q: float, expected: float | None) -> None:
    found = Histogram(tuple(counts.get(at, 0) for at in range(BUCKETS))).quantile(q)
    assert found == (expected if expected is None else pytest.approx(expected))


def test_a_bucket_holds_what_its_bounds_say() -> None:
    for run_ms in (0, 1, 2, 3, 4, 7, 8, 1000, 2**22 - 1):
        bucket = run_ms.bit_length()
        assert (BOUNDS_S[bucket - 1] if bucket else 0) <= run_ms / 1000 < BOUNDS_S[bucket]
