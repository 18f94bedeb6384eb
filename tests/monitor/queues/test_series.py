"""Counters as they are read: a series without gaps, and sums over some minutes or since the first job."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import pytest
from redis.asyncio import Redis

from monarq.monitor.queues.counters import Counters
from monarq.monitor.queues.series import SeriesPoint, read_by_job, read_counters, read_series, read_totals
from monarq.producer import Producer
from monarq.shared.formats.arq.workers.register_names import register_names
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.redis.connection import UrlSource
from monarq.workers.config.settings import WorkerSettings
from monarq.workers.process.worker import Worker
from tests.monitor.queues.test_counters import KEYS, bad, enqueue_named, ok
from tests.support.formats import OF_ARQ
from tests.support.queues import ARQ_QUEUE

pytestmark = OF_ARQ


async def test_minutes_and_seconds_add_up_to_the_whole(redis: Redis, queue: QueueRef, redis_url: str) -> None:
    async with Producer(redis_url, queue=queue) as producer:
        await producer.enqueue_many(ok, [()] * 30)
        await producer.enqueue(bad)
    await Worker([ok, bad], WorkerSettings(burst=True, queues=(queue,)), UrlSource(redis_url)).run()
    whole = await read_totals(redis, queue)
    assert whole.ended == 31
    assert sum_of(await read_series(redis, queue, step_s=1, length=600)) == whole
    assert sum_of(await read_series(redis, queue, step_s=60, length=60)) == whole
    assert await read_totals(redis, queue, minutes=60) == whole
    assert (await read_by_job(redis, queue, minutes=60))["tallied_bad"].failed == 1
    of_bad = sum_of(await read_series(redis, queue, job="tallied_bad", step_s=1, length=600))
    assert (of_bad.enqueued, of_bad.failed) == (1, 1)


def sum_of(buckets: Sequence[SeriesPoint]) -> Counters:
    return sum((bucket.counters for bucket in buckets), start=Counters())


async def test_a_series_has_no_gaps(redis: Redis) -> None:
    await enqueue_named(redis, "send", "a")
    steps = await read_series(redis, ARQ_QUEUE, step_s=60, length=5)
    assert [step.start_s - steps[0].start_s for step in steps] == [0, 60, 120, 180, 240]
    assert steps[0].start_s % 60 == 0
    assert steps[-1].counters.enqueued + steps[-2].counters.enqueued == 1
    assert len(await read_series(redis, ARQ_QUEUE, step_s=1, length=10**6)) == 600


async def test_a_long_window_is_as_if_it_were_read_at_once(redis: Redis) -> None:
    now_min = int((await redis.time())[0]) // 60
    for back in range(70):
        for name in ("", ":even") if back % 2 == 0 else ("",):
            await redis.hset(f"{KEYS.base}minute:{now_min - back}{name}", mapping={"succeeded": 1, "w3": 2})  # type: ignore[misc]
            await redis.expire(f"{KEYS.base}minute:{now_min - back}{name}", 60)
    await redis.zadd(KEYS.base + "names", {"even": 1})
    await redis.expire(KEYS.base + "names", 60)
    # The minute may have changed meanwhile.
    assert (await read_totals(redis, ARQ_QUEUE, minutes=61)).succeeded in (60, 61)
    assert (await read_totals(redis, ARQ_QUEUE, minutes=1440)).wait.count == 140
    assert (await read_by_job(redis, ARQ_QUEUE, minutes=61))["even"].succeeded in (30, 31)
    assert (await read_by_job(redis, ARQ_QUEUE, minutes=1440))["even"].succeeded == 35


async def test_nothing_was_counted_yet(redis: Redis, queue: QueueRef) -> None:
    assert await read_counters(redis, queue) == (Counters(), {})
    assert [point.counters for point in await read_series(redis, queue, length=3)] == [Counters()] * 3
    assert await read_series(redis, queue, length=0) == []


@pytest.mark.parametrize(("step_s", "most"), [(1, 600), (60, 1440)])
async def test_a_series_is_no_longer_than_what_is_kept(redis: Redis, step_s: Literal[1, 60], most: int) -> None:
    points = await read_series(redis, ARQ_QUEUE, step_s=step_s, length=10**6)
    assert len(points) == most
    assert points[-1].start_s - points[0].start_s == (most - 1) * step_s
    assert abs(points[-1].start_s - (await redis.time())[0]) <= step_s


async def test_of_one_name_only_its_own_jobs_are_read_and_runs_that_have_ended_count_as_started(redis: Redis) -> None:
    await register_names(redis, KEYS, ["send", "sweep"])
    now_min = int((await redis.time())[0]) // 60
    for name, fields in (
        ("", {"started": 9, "succeeded": 5}),
        (":send", {"succeeded": 2, "retried": 1}),
        (":sweep", {"succeeded": 3}),
    ):
        await redis.hset(f"{KEYS.base}minute:{now_min}{name}", mapping=fields)  # type: ignore[misc]
        await redis.expire(f"{KEYS.base}minute:{now_min}{name}", 60)

    async def read(job: str | None) -> tuple[int, int, int]:
        counted = sum_of(await read_series(redis, ARQ_QUEUE, job=job, length=2))
        return counted.started, counted.succeeded, counted.retried

    assert await read(None) == (9, 5, 0)
    assert await read("send") == (3, 2, 1)
    assert await read("nobody") == (0, 0, 0)


async def test_totals_and_those_by_name_are_those_of_one_moment(redis: Redis) -> None:
    await register_names(redis, KEYS, ["send"])
    await enqueue_named(redis, "send", "a", "b")
    whole, by_name = await read_counters(redis, ARQ_QUEUE, minutes=60)
    assert whole == by_name["send"] == Counters(enqueued=2)
    assert whole == await read_totals(redis, ARQ_QUEUE)
    assert by_name == await read_by_job(redis, ARQ_QUEUE)
