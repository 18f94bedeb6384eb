"""A queue in arq's format as cron schedulers use it: a tick is enqueued once, and recorded."""

from __future__ import annotations

from dataclasses import replace

import pytest
from redis.asyncio import Redis

from monarq.shared.formats.arq.cron_queue import ArqCronQueue
from monarq.shared.lane import Lane
from monarq.shared.protocol.cron_queue import Tick
from monarq.shared.protocol.enqueue import Enqueued
from tests.support.workers import QUEUE

DUE_MS = 1_772_452_800_000
TICK = Tick(
    job_id="cron:tick:1",
    payload=b"{}",
    name="tick",
    lane=Lane.IO,
    due_ms=DUE_MS,
    ttl_ms=0,
    bar_ms=60_000,
    entry="hourly",
)
CRONS = ArqCronQueue(QUEUE.queue)


@pytest.mark.parametrize(("tick", "newest_ms"), [(TICK, DUE_MS), (replace(TICK, entry=None), 0)], ids=["", "not"])
async def test_a_tick_is_enqueued_once_and_recorded(redis: Redis, tick: Tick, newest_ms: int) -> None:
    assert [await CRONS.enqueue_tick(redis, tick) for _ in range(2)] == [Enqueued.ADDED, Enqueued.EXISTED]
    assert await redis.zrange(QUEUE.queue, 0, -1, withscores=True) == [(b"cron:tick:1", DUE_MS)]
    assert await CRONS.newest_tick_ms(redis, "hourly") == newest_ms
    assert await CRONS.newest_tick_ms(redis, "daily") == 0
    await redis.flushall()


async def test_a_tick_is_enqueued_where_it_cannot_be_recorded(redis: Redis) -> None:
    await redis.set(QUEUE.cron, "no hash", ex=60)
    assert await CRONS.enqueue_tick(redis, TICK) is Enqueued.ADDED
    assert await CRONS.newest_tick_ms(redis, "hourly") == 0
    await redis.flushall()
