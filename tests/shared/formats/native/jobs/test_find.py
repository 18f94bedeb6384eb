"""find.lua and state.lua: what a producer asks about jobs."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from monarq.shared.formats.native.jobs.find import BATCH, find_results, find_state
from monarq.shared.lane import Lane
from monarq.shared.protocol.producer_queue import Unfinished
from tests.shared.formats.native.pieces import KEYS, hset, now_ms, run_piece
from tests.shared.formats.native.state import put, take

KEEP = "keep_results(tonumber(ARGV[1]), {unpack(ARGV, 2)})"
BUCKET_MS = 600_000


async def test_results_of_every_age_and_kind(redis: Redis) -> None:
    now = await now_ms(redis)
    for back in range(8):
        await run_piece(redis, "keeping", KEEP, now - back * BUCKET_MS, f"old {back}", f"result {back}")
    await hset(redis, KEYS.key("kept"), {"kept": "result", "empty": ""})
    ids = [f"old {back}" for back in range(8)]
    expected = [b"result %d" % back for back in range(8)]
    assert await find_results(redis, KEYS, [*ids, "kept", "empty"]) == [*expected, b"result", b""]
    assert [await find_state(redis, KEYS, each) for each in (*ids, "kept")] == ["ended"] * 9


async def test_the_newest_result_is_the_one(redis: Redis) -> None:
    now = await now_ms(redis)
    for back in (7, 1, 3):
        await run_piece(redis, "keeping", KEEP, now - back * BUCKET_MS, "a", str(back))
    assert await find_results(redis, KEYS, ["a"]) == [b"1"]


async def test_jobs_that_wait_or_run(redis: Redis) -> None:
    await put(redis, "runs")
    await take(redis)
    await put(redis, "waits")
    await put(redis, "later", delay_ms=60_000)
    await put(redis, "waits too", lane=Lane.CPU)
    await put(redis, "later too", delay_ms=60_000, lane=Lane.CPU)
    await put(redis, "due", delay_ms=60_000)
    await redis.zadd(KEYS.key("deferred"), {"due": 5})
    statuses = {
        "runs": "running",
        "waits": "queued",
        "later": "deferred",
        "waits too": "queued",
        "later too": "deferred",
        "due": "queued",
        "x": "unknown",
    }
    assert {each: await find_state(redis, KEYS, each) for each in statuses} == statuses
    found = await find_results(redis, KEYS, list(statuses))
    assert found == [Unfinished.ALIVE] * 6 + [Unfinished.GONE]


async def test_a_result_that_is_not_kept_is_gone(redis: Redis) -> None:
    await run_piece(redis, "keeping", "leave_tombstones(tonumber(ARGV[1]), {'a'})", await now_ms(redis))
    assert await find_results(redis, KEYS, ["a"]) == [Unfinished.GONE]
    assert await find_state(redis, KEYS, "a") == "unknown"


async def test_an_id_that_is_in_use_again_is_alive(redis: Redis) -> None:
    await put(redis, "a")
    await hset(redis, KEYS.key("kept"), {"a": "an earlier job's"})
    assert await find_results(redis, KEYS, ["a"]) == [Unfinished.ALIVE]


async def test_a_full_batch_and_none(redis: Redis) -> None:
    ids = [f"{number:03}" for number in range(BATCH)]
    await hset(redis, KEYS.key("kept"), {each: each for each in ids[::2]})
    await put(redis, *ids[1::2])
    found = await find_results(redis, KEYS, ids)
    assert found == [each.encode() if at % 2 == 0 else Unfinished.ALIVE for at, each in enumerate(ids)]
    assert await find_results(redis, KEYS, []) == []
    with pytest.raises(ValueError, match="at most 500"):
        await find_results(redis, KEYS, [*ids, "more"])
