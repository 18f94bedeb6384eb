"""Cron ticks: each is enqueued once over all workers, whatever happens to them and to Redis."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from chaos.faults.proxy import Cut
from monarq.shared.formats.arq import keys as names
from monarq.shared.formats.arq.keys import DEFAULT_QUEUE
from monarq.shared.jobs.cron_schedule import crontab, from_arq_fields, tick_id
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.redis.connection import open_redis
from tests.arq.workers import until
from tests.support.proxy import Proxy
from tests.support.slowness import in_time
from tests.workers.cron.schedulers import (
    EVERY_SECOND,
    NOON,
    QUEUE,
    Clock,
    CronRecorder,
    entry,
    ms_of,
    queued,
    running,
    scheduler,
)

TEXT = QueueRef("text", "arq")


async def test_three_schedulers_enqueue_each_tick_once_at_its_time(redis: Redis) -> None:
    recorders = [CronRecorder() for _ in range(3)]
    async with running(redis, *(scheduler(entry(EVERY_SECOND), events=recorder) for recorder in recorders)):
        await until(lambda: asyncio.sleep(0, sum(len(recorder.enqueued) for recorder in recorders) >= 4))
    waiting = await queued(redis)
    # A scheduler that is stopped may not have heard of its last one.
    told = sorted(job_id for recorder in recorders for job_id in recorder.enqueued)
    assert told == sorted(waiting)[: len(told)]
    due = sorted(waiting.values())
    assert [later - earlier for earlier, later in pairwise(due)] == [1000] * (len(due) - 1)
    for job_id, due_ms in waiting.items():
        assert due_ms % 1000 == 123
        assert job_id == f"cron:tick:{due_ms}"


async def test_ticks_are_enqueued_a_second_ahead_and_not_before(redis: Redis, clock: Clock) -> None:
    one = scheduler(entry())
    clock.moment = NOON + timedelta(minutes=59)
    assert await one.run_once(redis) == 30
    clock.moment = NOON + timedelta(minutes=59, seconds=58)
    assert await one.run_once(redis) == 1
    assert await queued(redis) == {}
    clock.moment += timedelta(seconds=1)
    await one.run_once(redis)
    assert list((await queued(redis)).values()) == [ms_of(NOON + timedelta(hours=1))]
    await one.run_once(redis)
    assert await redis.zcard(DEFAULT_QUEUE) == 1


async def test_a_tick_is_barred_long_after_its_job_has_ended(redis: Redis, clock: Clock) -> None:
    one, late = scheduler(entry()), scheduler(entry())
    await one.run_once(redis)
    await late.run_once(redis)
    clock.moment = NOON + timedelta(hours=1)
    await one.run_once(redis)
    tick = next(iter(await queued(redis)))
    await redis.zrem(DEFAULT_QUEUE, tick)
    await redis.delete(names.job(tick))
    await late.run_once(redis)
    assert await queued(redis) == {}
    bar = f"{QUEUE.base}tick:{tick}"
    assert await redis.pttl(bar) > 86_400_000
    frequent = scheduler(entry(EVERY_SECOND))
    await frequent.run_once(redis)
    clock.moment += timedelta(seconds=2)
    await frequent.run_once(redis)
    bars = [await redis.pttl(f"{QUEUE.base}tick:{tick}") for tick in await queued(redis)]
    assert bars
    assert max(bars) <= 3_600_000


async def test_after_trouble_the_newest_missed_tick_is_enqueued(proxy: Proxy, redis: Redis, clock: Clock) -> None:
    through = open_redis(proxy.url)
    recorder = CronRecorder()
    one = scheduler(entry(), events=recorder)
    await one.run_once(through)
    await proxy.close()
    clock.moment = NOON + timedelta(hours=5, minutes=30)
    async with running(through, one):
        await until(lambda: asyncio.sleep(0, recorder.redis))
        assert await queued(redis) == {}
        await proxy.open()
        await until(lambda: redis.zcard(DEFAULT_QUEUE))
        await until(lambda: asyncio.sleep(0, len(recorder.redis) == 2))
    assert list((await queued(redis)).values()) == [ms_of(NOON + timedelta(hours=5))]
    assert recorder.redis == ["lost while enqueueing cron ticks", "back for enqueueing cron ticks"]
    await through.aclose()


@pytest.mark.parametrize("loss", [Cut.REQUEST, Cut.REPLY])
@pytest.mark.parametrize("unique", [True, False])
async def test_a_call_that_got_lost_makes_one_job(
    proxy: Proxy, redis: Redis, clock: Clock, loss: Cut, unique: bool
) -> None:
    through = open_redis(proxy.url)
    one = scheduler(entry(unique=unique))
    await one.run_once(through)
    clock.moment = NOON + timedelta(hours=1)
    proxy.lose(loss, b"\r\nnamed\r\n")
    with pytest.raises(RedisError):
        await one.run_once(through)
    await one.run_once(through)
    assert proxy.lost == 1
    assert await redis.zcard(DEFAULT_QUEUE) == 1
    await through.aclose()


async def test_jobs_that_are_not_unique_are_enqueued_by_each_worker(redis: Redis, clock: Clock) -> None:
    schedulers = [scheduler(entry(unique=False)) for _ in range(3)]
    for at in (0, 1, 2):
        clock.moment = NOON + timedelta(hours=at)
        for one in schedulers:
            await one.run_once(redis)
    assert Counter((await queued(redis)).values()) == {ms_of(NOON + timedelta(hours=at)): 3 for at in (1, 2)}


async def test_ticks_with_an_id_of_their_own_are_left_out_while_one_is_there(redis: Redis, clock: Clock) -> None:
    schedulers = [scheduler(entry(job_id="mine")) for _ in range(3)]

    async def look_at(hours: int) -> None:
        clock.moment = NOON + timedelta(hours=hours)
        for one in schedulers:
            await one.run_once(redis)

    await look_at(0)
    await look_at(1)
    assert await queued(redis) == {"mine": ms_of(NOON + timedelta(hours=1))}
    await look_at(2)
    assert await queued(redis) == {"mine": ms_of(NOON + timedelta(hours=1))}
    await redis.zrem(DEFAULT_QUEUE, "mine")
    await redis.delete(names.job("mine"))
    await look_at(3)
    assert await queued(redis) == {}, "within the bar of the tick before"
    await redis.delete(f"{QUEUE.base}tick:mine")
    await look_at(4)
    assert await queued(redis) == {"mine": ms_of(NOON + timedelta(hours=4))}


async def test_the_bar_of_an_own_id_is_down_before_the_next_tick(redis: Redis) -> None:
    clock_now = scheduler(entry(EVERY_SECOND, job_id="mine"))
    async with running(redis, clock_now):
        for _ in range(3):
            await until(lambda: redis.zcard(DEFAULT_QUEUE))
            await redis.delete(names.job("mine"))
            await redis.zrem(DEFAULT_QUEUE, "mine")


async def test_what_runs_at_startup(redis: Redis, clock: Clock) -> None:
    at_start = entry(run_at_startup=True)
    for _ in range(2):
        one = scheduler(at_start)
        await one.run_once(redis)
        await one.run_once(redis)
        clock.moment += timedelta(milliseconds=5)
    assert await redis.zcard(DEFAULT_QUEUE) == 2
    await redis.flushall()
    for _ in range(3):
        await scheduler(at_start, started=NOON).run_once(redis)
        clock.moment += timedelta(milliseconds=5)
    assert await queued(redis) == {tick_id("cron:tick", NOON): ms_of(NOON)}


@pytest.mark.parametrize(
    ("options", "expected_hours"),
    [({}, []), ({"remembers": True}, [9]), ({"remembers": True, "catch_up": True}, [3, 4, 5, 6, 7, 8, 9])],
)
@pytest.mark.parametrize("microsecond", [0, 123_456])
async def test_ticks_that_no_worker_was_there_for(
    redis: Redis, clock: Clock, options: dict[str, Any], expected_hours: list[int], microsecond: int
) -> None:
    hourly = entry(from_arq_fields(minute=0, microsecond=microsecond), **options)
    one = scheduler(hourly)
    for hours in (0, 1, 2):
        clock.moment = NOON + timedelta(hours=hours, minutes=1)
        await one.run_once(redis)
    assert await redis.zcard(DEFAULT_QUEUE) == 2
    # Long after, the bars are gone as well as the worker.
    await redis.delete(DEFAULT_QUEUE, *[key async for key in redis.scan_iter(f"{QUEUE.base}tick:*")])
    await redis.delete(*[key async for key in redis.scan_iter(names.JOB_PREFIX + "*")])
    clock.moment = NOON + timedelta(hours=9, minutes=1)
    await scheduler(hourly).run_once(redis)
    expected = [ms_of(NOON + timedelta(hours=hours)) + microsecond // 1000 for hours in expected_hours]
    assert sorted((await queued(redis)).values()) == expected


async def test_another_schedule_owes_nothing_of_the_old_one(redis: Redis, clock: Clock) -> None:
    one = scheduler(entry(remembers=True))
    await one.run_once(redis)
    clock.moment = NOON + timedelta(hours=1)
    await one.run_once(redis)
    await redis.delete(DEFAULT_QUEUE)
    clock.moment = NOON + timedelta(hours=9, minutes=1)
    await scheduler(entry(crontab("30 * * * *"), remembers=True)).run_once(redis)
    assert await queued(redis) == {}
    await redis.flushall()


async def test_redis_is_asked_for_its_time_now_and_then(redis: Redis) -> None:
    one = scheduler(entry())
    asked = 0
    execute = redis.execute_command

    async def count(*args: Any, **options: Any) -> Any:
        nonlocal asked
        asked += args[0] == "TIME"
        return await execute(*args, **options)

    redis.execute_command = count  # type: ignore[method-assign]
    for _ in range(20):
        await one.run_once(redis)
    redis.execute_command = execute  # type: ignore[method-assign]
    assert asked == 1
    seconds, _ = await redis.time()
    assert abs((await one._clock.now(redis)).timestamp() - seconds) < 5


async def test_a_tick_lives_as_long_as_it_may_be_started(redis: Redis, clock: Clock) -> None:
    one = scheduler(entry(), ttl_ms=7000)
    await one.run_once(redis)
    clock.moment = NOON + timedelta(hours=1)
    await one.run_once(redis)
    tick = next(iter(await queued(redis)))
    assert 0 < await redis.pttl(names.job(tick)) <= 7000


@pytest.mark.parametrize("bad", [{"queue": TEXT}, {"args": (object(),)}], ids=["its queue", "its arguments"])
async def test_an_entry_that_fails_keeps_no_other_waiting(redis: Redis, clock: Clock, bad: dict[str, Any]) -> None:
    await redis.set("text", "no queue", ex=60)
    recorder = CronRecorder()
    one = scheduler(entry(name="cron:bad", **bad), entry(name="cron:good"), events=recorder)
    await one.run_once(redis)
    clock.moment = NOON + timedelta(hours=1)
    assert await one.run_once(redis) < 1
    assert [job_id.partition(":1")[0] for job_id in await queued(redis)] == ["cron:good"]
    assert recorder.redis == ["lost while enqueueing cron ticks of cron:bad"]


async def test_an_entry_goes_on_when_what_it_failed_of_is_gone(redis: Redis, clock: Clock) -> None:
    await redis.set("text", "no queue", ex=60)
    recorder = CronRecorder()
    one = scheduler(entry(name="cron:bad", queue=TEXT), events=recorder)
    await one.run_once(redis)
    clock.moment = NOON + timedelta(hours=1)
    await one.run_once(redis)
    await redis.delete("text")
    async with in_time(10):
        while not await redis.zcard("text"):
            # It may be looked at while it rests: uvloop's timers are up to half a millisecond early.
            await asyncio.sleep(min(0.05, await one.run_once(redis)))
    assert await redis.zcard("text") == 1
    assert recorder.redis[-1] == "back for enqueueing cron ticks of cron:bad"


async def test_a_memory_that_is_none_stops_nothing(redis: Redis, clock: Clock) -> None:
    await redis.hset(QUEUE.cron, "cron:tick", "yesterday")
    one = scheduler(entry())
    await one.run_once(redis)
    clock.moment = NOON + timedelta(hours=1)
    await one.run_once(redis)
    assert await redis.zcard(DEFAULT_QUEUE) == 1
    await redis.delete(QUEUE.cron)
