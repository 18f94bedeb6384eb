"""A queue of several shards as cron schedulers use it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from redis.asyncio import Redis

from monarq.shared.formats.choice.crons import cron_queue
from monarq.shared.formats.choice.monitors import monitor_queue
from monarq.shared.formats.choice.producers import producer_queue
from monarq.shared.formats.native.jobs.tick import enqueue_tick
from monarq.shared.formats.native.shards import MoreShardsError, home
from monarq.shared.lane import Lane
from monarq.shared.protocol.answers import CancelAnswer
from monarq.shared.protocol.cron_queue import Tick
from monarq.shared.protocol.enqueue import Enqueued
from tests.support.shards import BIG, alive, ids_that_move, keys_of, spread


def tick(job_id: str, due_ms: int = 1, entry: str | None = None) -> Tick:
    return Tick(job_id=job_id, payload=b"p", name="f", lane=Lane.IO, due_ms=due_ms, ttl_ms=0, bar_ms=1, entry=entry)


async def test_each_tick_is_put_in_once_however_many_schedulers_and_shards(redis: Redis) -> None:
    await spread(redis, 3)
    queues = [cron_queue(BIG) for _ in range(4)]
    for due_ms in range(1, 6):
        asked = [queue.enqueue_tick(redis, tick(f"cron:f:{due_ms}", due_ms, "cron:f *")) for queue in queues]
        codes = await asyncio.gather(*asked)
        assert sorted(codes) == [Enqueued.EXISTED] * 3 + [Enqueued.ADDED]
        if due_ms == 3:
            await spread(redis, 8)
    assert (await alive(redis, 8))[0] == {f"cron:f:{due_ms}" for due_ms in range(1, 6)}
    assert await queues[0].newest_tick_ms(redis, "cron:f *") == 5
    assert home("cron:f:5", 8) == 0


async def test_an_id_of_ones_own_lives_where_others_find_it(redis: Redis) -> None:
    await spread(redis, 2)
    stays, waits = "nightly", ids_that_move(2, 4, 1)[0]
    queue = cron_queue(BIG)
    assert [await queue.enqueue_tick(redis, tick(job_id)) for job_id in (stays, waits)] == [Enqueued.ADDED] * 2
    await spread(redis, 4)
    ids = (stays, waits, *ids_that_move(2, 4, 3)[1:])
    codes = [await queue.enqueue_tick(redis, tick(job_id)) for job_id in ids]
    assert codes == [Enqueued.EXISTED] * 2 + [Enqueued.ADDED] * 2
    found = await alive(redis, 4)
    assert waits in found[home(waits, 2)]
    assert all(job_id in found[home(job_id, 4)] for job_id in ids[2:])


async def test_a_tick_of_old_is_refused_where_there_are_more_shards(redis: Redis) -> None:
    await spread(redis, 4)
    with pytest.raises(MoreShardsError):
        await enqueue_tick(redis, keys_of(0), tick("a"), 2)


async def test_its_crons_are_listed_once(redis: Redis) -> None:
    await spread(redis, 3)
    await cron_queue(BIG).write_statuses(redis, {"cron:f *": b"{}"}, 60)
    assert [each.data for each in await monitor_queue(BIG).read_crons(redis)] == [b"{}"]


async def test_a_tick_of_a_cron_with_a_name_of_its_own_is_found_by_its_id(redis: Redis) -> None:
    await spread(redis, 8)
    ids = [f"nightly:{due_ms}" for due_ms in range(1, 6)]
    for due_ms, job_id in enumerate(ids, start=1):
        await cron_queue(BIG).enqueue_tick(redis, tick(job_id, due_ms, "nightly *"))
    queue: Any = producer_queue(BIG)
    assert {await queue.find_state(redis, job_id) for job_id in ids} == {"queued"}
    monitored = monitor_queue(BIG)
    assert {(await monitored.read_facts(redis, job_id.encode(), with_payload=False)).state for job_id in ids} == {
        "queued"
    }
    assert {await monitored.cancel(redis, job_id) for job_id in ids} == {CancelAnswer.ENDED}
