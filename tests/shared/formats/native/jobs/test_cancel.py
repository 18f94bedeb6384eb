"""cancel.lua: jobs that wait end at once, those that run are asked to."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from monarq.shared.formats.native.jobs.cancel import cancel
from monarq.shared.formats.native.jobs.find import find_results
from monarq.shared.formats.native.keys import wake_channel
from monarq.shared.lane import Lane
from monarq.shared.payloads.result import CancelledResult
from monarq.shared.protocol.answers import CancelAnswer
from monarq.shared.protocol.producer_queue import Unfinished
from tests.shared.formats.native.hearing import heard
from tests.shared.formats.native.pieces import KEYS, hash_of, hset, now_ms, zset_of
from tests.shared.formats.native.state import (
    INCARNATION,
    WORKER,
    counts_of,
    is_alive,
    note,
    put,
    sets_with,
    take,
    trail_of,
)

HOUR_MS = 3_600_000
KNOWN = CancelledResult("f", 1, 2, 3)
RESULT = KNOWN.write()


async def ask(redis: Redis, job_id: str = "a", keep_ms: int = HOUR_MS) -> CancelAnswer:
    return await cancel(redis, KEYS, job_id, keep_ms=keep_ms, known=KNOWN)


async def test_there_is_no_such_job(redis: Redis) -> None:
    assert await ask(redis) is CancelAnswer.UNKNOWN
    assert await redis.keys() == []


@pytest.mark.parametrize("lane", [Lane.IO, Lane.CPU])
@pytest.mark.parametrize("delay_ms", [0, 60_000])
async def test_a_job_that_waits_ends_at_once(redis: Redis, lane: Lane, delay_ms: int) -> None:
    await put(redis, "a", "b", lane=lane, delay_ms=delay_ms)
    await note(redis, "a", "1 1 0 0 -|killed")
    await hset(redis, KEYS.key("progress"), {"a": "1 {}"})
    await redis.zadd(KEYS.key("cancels"), {"a": 1})
    async with heard(redis, KEYS.ended) as following:
        assert await ask(redis) is CancelAnswer.ENDED
        assert await following() == (KEYS.ended, b"ia")
    assert await find_results(redis, KEYS, ["a", "b"]) == [RESULT, Unfinished.ALIVE]
    assert not await is_alive(redis, "a")
    assert await sets_with(redis, "a") == []
    assert await hash_of(redis, "notes") == await hash_of(redis, "progress") == await zset_of(redis, "cancels") == {}
    assert (await counts_of(redis))[b"cancelled::\0f"] == b"1"
    assert await trail_of(redis, "a") == ["cancel-asked "]
    assert await ask(redis) is CancelAnswer.UNKNOWN, "repeated"
    assert (await counts_of(redis))[b"cancelled::\0f"] == b"1"


async def test_its_result_is_kept_as_long_as_asked_for(redis: Redis) -> None:
    await put(redis, "unkept", "for ever", "for a second")
    assert await ask(redis, "unkept", -1) is CancelAnswer.ENDED
    assert await ask(redis, "for ever", 0) is CancelAnswer.ENDED
    assert await ask(redis, "for a second", 1000) is CancelAnswer.ENDED
    assert await hash_of(redis, "kept") == {b"for ever": RESULT, b"for a second": RESULT}
    ends = await zset_of(redis, "ends")
    assert b"rfor ever" not in ends
    assert abs(ends[b"rfor a second"] - await now_ms(redis)) <= 1000
    assert await find_results(redis, KEYS, ["unkept"]) == [Unfinished.GONE]


async def test_workers_are_asked_to_stop_one_that_runs(redis: Redis) -> None:
    await put(redis, "a")
    assert await take(redis) == [b"a"]
    await redis.zadd(KEYS.key("leases"), {"other.host:2:cd.1": 1})
    channels = {wake_channel(WORKER), wake_channel("other.host:2:cd")}
    async with heard(redis, *channels) as following:
        assert await ask(redis) is CancelAnswer.RUNS
        told = dict([await following(), await following()])
        assert told == dict.fromkeys(channels, b"cancels")
        first_ms = (await zset_of(redis, "cancels"))[b"a"]
        assert await ask(redis) is CancelAnswer.RUNS, "repeated: they are asked again"
        assert await following() is not None
    assert (await zset_of(redis, "cancels"))[b"a"] >= first_ms
    assert await is_alive(redis, "a")
    assert await redis.hexists(KEYS.held(INCARNATION), "a")  # type: ignore[misc]
    assert await trail_of(redis, "a") == ["cancel-asked "]
