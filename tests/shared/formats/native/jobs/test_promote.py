"""promote.lua: deferred jobs are made due."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from monarq.shared.formats.native.jobs.notes import read_note
from monarq.shared.formats.native.jobs.promote import promote
from monarq.shared.formats.native.keys import wake_channel
from monarq.shared.lane import Lane, lane_queue_of
from monarq.shared.protocol.answers import Promoted
from tests.shared.formats.native.hearing import heard
from tests.shared.formats.native.pieces import KEYS, hash_of, now_ms
from tests.shared.formats.native.state import WORKER, note, put, sets_with, take, trail_of

SUFFIX = {Lane.IO: "", Lane.CPU: "_cpu"}


@pytest.mark.parametrize("lane", [Lane.IO, Lane.CPU])
async def test_a_deferred_job_stands_behind_all_that_wait(redis: Redis, lane: Lane) -> None:
    await put(redis, "later", delay_ms=60_000, lane=lane)
    await put(redis, "waits", lane=lane)
    assert await promote(redis, KEYS, b"later") is Promoted.DUE
    await put(redis, "comes", lane=lane)
    assert await sets_with(redis, "later") == [f"queued{SUFFIX[lane]}"]
    assert await trail_of(redis, "later") == ["promoted "]
    assert await promote(redis, KEYS, b"later") is Promoted.WAS_DUE, "repeated"
    assert await take(redis, lane_queue=lane_queue_of(lane)) == [b"waits", b"later", b"comes"]


@pytest.mark.parametrize("lane", [Lane.IO, Lane.CPU])
async def test_a_worker_is_woken(redis: Redis, lane: Lane) -> None:
    await put(redis, "a", delay_ms=60_000, lane=lane)
    await redis.zadd(KEYS.key(f"idle{SUFFIX[lane]}"), {WORKER: 1})
    async with heard(redis, wake_channel(WORKER)) as following:
        await promote(redis, KEYS, b"a")
        assert await following() == (wake_channel(WORKER), KEYS.key(f"queued{SUFFIX[lane]}").encode())


async def test_its_note_says_since_when_it_is_due(redis: Redis) -> None:
    await put(redis, "a", delay_ms=60_000)
    await note(redis, "a", "2 1 0 9999999999999 -|killed")
    assert await promote(redis, KEYS, b"a") is Promoted.DUE
    found = read_note((await hash_of(redis, "notes"))[b"a"])
    assert (found.tries, found.crashes, found.text) == (2, 1, "killed")
    assert found.due_ms <= await now_ms(redis)


async def test_one_that_is_due_but_not_taken_out_stays_where_it_is(redis: Redis) -> None:
    await put(redis, "a", delay_ms=60_000)
    await redis.zadd(KEYS.key("deferred"), {"a": 5})
    assert await promote(redis, KEYS, b"a") is Promoted.WAS_DUE
    assert await sets_with(redis, "a") == ["deferred"]


async def test_jobs_that_are_not_deferred(redis: Redis) -> None:
    await put(redis, "runs")
    await take(redis)
    await put(redis, "waits")
    await put(redis, "waits too", lane=Lane.CPU)
    assert await promote(redis, KEYS, b"runs") is Promoted.RUNS
    assert await promote(redis, KEYS, b"waits") is Promoted.WAS_DUE
    assert await promote(redis, KEYS, b"waits too") is Promoted.WAS_DUE
    assert await promote(redis, KEYS, b"x") is Promoted.UNKNOWN
