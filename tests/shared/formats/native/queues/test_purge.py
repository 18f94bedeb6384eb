"""purge.lua: waiting jobs are thrown away, and what runs or comes later is not."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from monarq.shared.formats.native.jobs.enqueue import enqueue
from monarq.shared.formats.native.queues.purge import BATCH, purge
from monarq.shared.lane import Lane, LaneQueue
from monarq.shared.protocol.enqueue import Enqueued, EnqueueMode, Placement
from tests.shared.formats.native.hearing import heard
from tests.shared.formats.native.pieces import KEYS, hash_of, hset, now_ms, zset_of
from tests.shared.formats.native.state import counts_of, is_alive, note, put, sets_with, take


async def purge_all(redis: Redis, lane_queue: LaneQueue, state: str, limit: int = BATCH) -> list[int]:
    """How many each call deleted, to the last, which found none."""
    counts, bound = list[int](), None
    while not counts or counts[-1]:
        removed, bound = await purge(redis, KEYS, lane_queue, state, bound, limit)  # type: ignore[arg-type]
        counts.append(removed)
    return counts


async def seed(redis: Redis) -> None:
    """A job in each state and lane."""
    await put(redis, "runs")
    await take(redis)
    for lane in (Lane.IO, Lane.CPU):
        await put(redis, f"{lane} waits", f"{lane} due", lane=lane)
        await put(redis, f"{lane} later", delay_ms=60_000, lane=lane)
    for suffix, lane in (("", "io"), ("_cpu", "cpu")):
        await redis.zrem(KEYS.key(f"queued{suffix}"), f"{lane} due")
        await redis.zadd(KEYS.key(f"deferred{suffix}"), {f"{lane} due": 5})


ALL = {"runs", *(f"{lane} {state}" for lane in ("io", "cpu") for state in ("waits", "due", "later"))}


@pytest.mark.parametrize("lane", ["io", "cpu"])
@pytest.mark.parametrize(("state", "gone"), [("queued", {"waits", "due"}), ("deferred", {"later"})])
async def test_jobs_of_a_state_and_lane_go(redis: Redis, lane: LaneQueue, state: str, gone: set[str]) -> None:
    await seed(redis)
    assert await purge_all(redis, lane, state) == [len(gone), 0]
    left = ALL - {f"{lane} {each}" for each in gone}
    assert set(await hash_of(redis, "payloads")) == {each.encode() for each in left}
    for each in gone:
        assert await sets_with(redis, f"{lane} {each}") == []
    assert (await counts_of(redis))[b"purged\0"] == b"%d" % len(gone)


async def test_all_that_belongs_to_a_job_goes_and_waiters_are_told(redis: Redis) -> None:
    await put(redis, "a", "b")
    await note(redis, "a", "1 0 0 0 -|")
    await hset(redis, KEYS.key("progress"), {"a": "1 {}"})
    await hset(redis, KEYS.key("trails"), {"a": "1 retried"})
    await hset(redis, KEYS.key("kept"), {"z": "result"})
    await redis.zadd(KEYS.key("cancels"), {"a": 1, "z": 1})
    await redis.zadd(KEYS.key("ends"), {"ta": 1, "rz": 1})
    async with heard(redis, KEYS.ended) as following:
        await purge(redis, KEYS, "io", "queued")
        assert await following() == (KEYS.ended, b"ia\0b")
    for name in ("payloads", "notes", "progress", "trails"):
        assert await hash_of(redis, name) == {}
    assert set(await zset_of(redis, "cancels")) == {b"z"}
    assert set(await zset_of(redis, "ends")) == {b"rz"}
    assert set(await hash_of(redis, "kept")) == {b"z"}


async def test_some_at_a_time_the_oldest_first(redis: Redis) -> None:
    await put(redis, "a", "b", "c")
    await redis.zadd(KEYS.key("deferred"), {"d": 5})
    assert (await purge(redis, KEYS, "io", "queued", limit=2))[0] == 2
    assert await sets_with(redis, "c") == ["queued"]
    assert await purge_all(redis, "io", "queued", 1) == [1, 1, 0]


async def test_what_comes_or_becomes_due_meanwhile_stays(redis: Redis) -> None:
    await put(redis, "a", "b")
    await put(redis, "later", delay_ms=60_000)
    _, bound = await purge(redis, KEYS, "io", "queued", limit=1)
    await put(redis, "comes")
    await redis.zadd(KEYS.key("deferred"), {"later": await now_ms(redis) + 1})
    removed, bound = await purge(redis, KEYS, "io", "queued", bound)
    assert (removed, await sets_with(redis, "b")) == (1, [])
    assert (await purge(redis, KEYS, "io", "queued", bound))[0] == 0
    assert await is_alive(redis, "comes")
    assert (await purge(redis, KEYS, "io", "deferred", bound))[0] == 1


async def test_jobs_ahead_of_a_clock_that_was_set_back_go(redis: Redis) -> None:
    await put(redis, "a")
    ahead = 500 * 2**44 + 2**43
    await redis.zadd(KEYS.key("queued"), {"a": ahead})
    await hset(redis, KEYS.key("meta"), {"last": ahead})
    assert await purge_all(redis, "io", "queued") == [1, 0]


async def test_a_full_batch(redis: Redis) -> None:
    await put(redis, *(f"{number:04}" for number in range(700)))
    assert await purge_all(redis, "io", "queued", 10_000) == [BATCH, 200, 0]


async def test_a_repeated_enqueue_does_not_bring_back_what_was_thrown_away(redis: Redis) -> None:
    await put(redis, "a")
    assert await purge_all(redis, "io", "queued") == [1, 0]
    until_ms = await now_ms(redis) + 60_000
    jobs = [("a", b"payload")]
    again = await enqueue(redis, KEYS, "call", Placement(), EnqueueMode.REPEATED, jobs, until_ms=until_ms)
    assert again.codes == [Enqueued.ENDED]
    assert not await is_alive(redis, "a")
