"""tick.lua: each tick of a cron entry makes one job, whoever calls and however often."""

from __future__ import annotations

from dataclasses import replace

import pytest
from redis.asyncio import Redis

from monarq.shared.errors import UnsupportedError
from monarq.shared.formats.native.jobs.tick import enqueue_tick, newest_tick_ms, read_entries, write_entries
from monarq.shared.lane import Lane
from monarq.shared.protocol.cron_queue import Tick
from monarq.shared.protocol.enqueue import Enqueued
from tests.shared.formats.native.pieces import KEYS, hash_of, hset, now_ms, run_piece, zset_of
from tests.shared.formats.native.state import put, sets_with

TICK = Tick(
    job_id="cron:f:1", payload=b"payload", name="f", lane=Lane.IO, due_ms=1000, ttl_ms=0, bar_ms=0, entry="f 1s"
)


async def end_job(redis: Redis, job_id: str) -> None:
    """Takes a job out, as if it had ended without a result."""
    await redis.zrem(KEYS.key("queued"), job_id)
    await redis.hdel(KEYS.key("payloads"), job_id)  # type: ignore[misc]


async def test_a_tick_makes_one_job(redis: Redis) -> None:
    assert await enqueue_tick(redis, KEYS, TICK) is Enqueued.ADDED
    assert await sets_with(redis, "cron:f:1") == ["queued"]
    assert await hash_of(redis, "payloads") == {b"cron:f:1": b"payload"}
    await end_job(redis, "cron:f:1")
    assert await enqueue_tick(redis, KEYS, TICK) is Enqueued.EXISTED, "its job has ended, and left nothing"
    assert await newest_tick_ms(redis, KEYS, "f 1s") == 1000
    assert await redis.pttl(KEYS.key("cron")) > 0


async def test_who_starts_before_the_first_tick_begins_where_the_first_to_start_did(redis: Redis) -> None:
    before_ms = await now_ms(redis)
    known_ms = await newest_tick_ms(redis, KEYS, "f 1s")
    assert before_ms <= known_ms <= await now_ms(redis)
    await write_entries(redis, KEYS, {"f 1s": b"{}"}, 120)
    assert await read_entries(redis, KEYS) == [(b"{}", None)], "it has had no tick"
    while await now_ms(redis) == known_ms:
        pass
    assert await newest_tick_ms(redis, KEYS, "f 1s") == known_ms
    assert await enqueue_tick(redis, KEYS, TICK) is Enqueued.ADDED
    assert await newest_tick_ms(redis, KEYS, "f 1s") == 1000


async def test_the_newest_tick_of_an_entry_only_rises(redis: Redis) -> None:
    assert await enqueue_tick(redis, KEYS, replace(TICK, job_id="second", due_ms=2000)) is Enqueued.ADDED
    assert await enqueue_tick(redis, KEYS, TICK) is Enqueued.EXISTED
    assert await newest_tick_ms(redis, KEYS, "f 1s") == 2000
    assert await enqueue_tick(redis, KEYS, replace(TICK, job_id="third", due_ms=3000)) is Enqueued.ADDED
    other = replace(TICK, entry="f 5s")
    assert await enqueue_tick(redis, KEYS, other) is Enqueued.ADDED, "another entry has ticks of its own"


@pytest.mark.parametrize(("lane", "place"), [(Lane.IO, "deferred"), (Lane.CPU, "deferred_cpu")])
async def test_a_tick_to_come_is_deferred(redis: Redis, lane: Lane, place: str) -> None:
    due_ms = await now_ms(redis) + 60_000
    assert await enqueue_tick(redis, KEYS, replace(TICK, due_ms=due_ms, lane=lane)) is Enqueued.ADDED
    assert await sets_with(redis, TICK.job_id) == [place]
    assert (await zset_of(redis, place))[TICK.job_id.encode()] == due_ms


async def test_a_tick_whose_id_is_in_use_makes_no_job_and_is_over(redis: Redis) -> None:
    await put(redis, TICK.job_id, payload=b"another")
    assert await enqueue_tick(redis, KEYS, TICK) is Enqueued.EXISTED
    await end_job(redis, TICK.job_id)
    await hset(redis, KEYS.key("kept"), {"second": "its result"})
    assert await enqueue_tick(redis, KEYS, replace(TICK, job_id="second", due_ms=2000)) is Enqueued.EXISTED
    assert await newest_tick_ms(redis, KEYS, "f 1s") == 2000


async def test_a_tick_that_is_not_recorded_makes_no_job_again_while_its_end_shows(redis: Redis) -> None:
    tick = replace(TICK, entry=None)
    assert await enqueue_tick(redis, KEYS, tick) is Enqueued.ADDED
    await end_job(redis, TICK.job_id)
    await run_piece(
        redis, "keeping", "leave_tombstones(tonumber(ARGV[1]), {ARGV[2]})", await now_ms(redis), TICK.job_id
    )
    assert await enqueue_tick(redis, KEYS, tick) is Enqueued.ENDED
    assert await hash_of(redis, "cron") == {}


async def test_a_queue_of_a_later_version_is_left_alone(redis: Redis) -> None:
    await hset(redis, KEYS.key("meta"), {"v": 2})
    with pytest.raises(UnsupportedError):
        await enqueue_tick(redis, KEYS, TICK)
    assert await hash_of(redis, "payloads") == await hash_of(redis, "cron") == {}


async def test_the_status_of_entries(redis: Redis) -> None:
    await enqueue_tick(redis, KEYS, TICK)
    await write_entries(redis, KEYS, {"f 1s": b"{}", "g 1s": b'{"next": 5}'}, 120)
    assert dict(await read_entries(redis, KEYS)) == {b"{}": 1000, b'{"next": 5}': None}
    assert 0 < await redis.ttl(KEYS.key("crons")) <= 120
