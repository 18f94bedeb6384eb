"""counts.lua and waiting.lua: what is queued, deferred, running and dead, and how long jobs have waited."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest
from redis.asyncio import Redis

from monarq.shared.formats.native.jobs.claim import Claim, claim
from monarq.shared.formats.native.jobs.enqueue import enqueue
from monarq.shared.formats.native.queues.counts import read_counts
from monarq.shared.formats.native.queues.waiting import read_waiting
from monarq.shared.lane import Lane
from monarq.shared.protocol.counts import Counts, Waiting
from monarq.shared.protocol.enqueue import EnqueueMode, Placement
from tests.shared.formats.native.counting_calls import count
from tests.shared.formats.native.pieces import KEYS, now_ms

EMPTY: Final = Counts(now_ms=0, queued=0, deferred=0, running=0, dead=0, jobs_per_s=0.0, oldest_s=None, totals={})
EPOCH: Final = 1_767_225_600_000
LEVEL: Final = 2**44
CLAIM: Final = Claim(
    incarnation="w:1:a.1",
    worker="w:1:a",
    lane_queue="io",
    number=1,
    limit=2,
    lease_ms=15_000,
    max_payload=1000,
    alone=None,
    is_first=True,
    is_repeated=False,
)


async def counts_of(redis: Redis) -> Counts:
    """The counts, with ages in whole seconds."""
    found = await read_counts(redis, KEYS)
    assert abs(found.now_ms - await now_ms(redis)) < 5000
    return replace(found, now_ms=0, oldest_s=None if found.oldest_s is None else int(found.oldest_s))


async def seed(redis: Redis, name: str, waits_s: dict[str, float], priority: int = 0) -> None:
    """Has jobs wait in a set, each since so many seconds."""
    now = await now_ms(redis)
    since = {job: now - int(wait * 1000) for job, wait in waits_s.items()}
    if name.startswith("queued"):
        since = {job: (500 - priority) * LEVEL + (ms - EPOCH) * 32 for job, ms in since.items()}
    await redis.zadd(KEYS.key(name), since)
    await redis.hset(KEYS.key("payloads"), mapping=dict.fromkeys(["\0", *waits_s], "p"))  # type: ignore[misc]


async def put(redis: Redis, *ids: str, lane: Lane = Lane.IO, delay_ms: int = 0) -> None:
    """Enqueues jobs."""
    placement = Placement(lane, delay_ms=delay_ms, name="send")
    await enqueue(redis, KEYS, f"call of {ids}", placement, EnqueueMode.NEW, [(job, b"payload") for job in ids])


async def test_nothing(redis: Redis) -> None:
    assert await counts_of(redis) == EMPTY
    assert await read_waiting(redis, KEYS) == Waiting(None, None)
    assert await redis.keys() == [], "reading creates no key"


async def test_jobs_in_all_places(redis: Redis) -> None:
    await put(redis, "a", "b", "c")
    await put(redis, "d", lane=Lane.CPU)
    await put(redis, "e", "f", delay_ms=60_000)
    await put(redis, "g", lane=Lane.CPU, delay_ms=60_000)
    await claim(redis, KEYS, CLAIM)
    await redis.zadd(KEYS.key("dead"), {"x": 1, "y": 2})
    found = await counts_of(redis)
    assert (found.queued, found.deferred, found.running, found.dead) == (2, 3, 2, 2)
    assert found.queued_cpu == 1
    assert found.totals == {"enqueued": 7, "started": 2}
    assert not found.paused


async def test_deferred_jobs_that_are_due_are_queued(redis: Redis) -> None:
    await seed(redis, "deferred", {"a": 5, "b": -60})
    await seed(redis, "deferred_cpu", {"c": 9, "d": -60})
    assert await counts_of(redis) == replace(EMPTY, queued=2, deferred=2, oldest_s=9, queued_cpu=1)
    assert as_seconds(await read_waiting(redis, KEYS)) == (5, 9)


def as_seconds(waiting: Waiting) -> tuple[int | None, int | None]:
    """Waiting times in whole seconds."""
    io_s, cpu_s = waiting.io_s, waiting.cpu_s
    return None if io_s is None else int(io_s), None if cpu_s is None else int(cpu_s)


@pytest.mark.parametrize(
    ("queued", "deferred", "expected"),
    [({"a": 20.5, "b": 4.5}, {}, 20), ({"a": 3.5}, {"b": 30.5}, 30), ({"a": 30.5}, {"b": 3.5}, 30), ({"a": -5}, {}, 0)],
)
@pytest.mark.parametrize("priority", [0, 500, 1000])
async def test_how_long_the_first_job_has_waited(
    redis: Redis, queued: dict[str, float], deferred: dict[str, float], expected: int, priority: int
) -> None:
    await seed(redis, "queued", queued, priority)
    if deferred:
        await seed(redis, "deferred", deferred)
    assert (await counts_of(redis)).oldest_s == expected
    assert as_seconds(await read_waiting(redis, KEYS)) == (expected, None)


async def test_of_two_lanes_the_longer_wait_counts(redis: Redis) -> None:
    await seed(redis, "queued", {"a": 3.5})
    await seed(redis, "queued_cpu", {"b": 7.5})
    assert (await counts_of(redis)).oldest_s == 7
    assert as_seconds(await read_waiting(redis, KEYS)) == (3, 7)


async def test_a_paused_queue(redis: Redis) -> None:
    await seed(redis, "queued", {"a": 3.5})
    await redis.hset(KEYS.key("meta"), "paused", "1")  # type: ignore[misc]
    found = await counts_of(redis)
    assert (found.paused, found.queued, found.oldest_s) == (True, 1, 3)
    assert await read_waiting(redis, KEYS) == Waiting(None, None)


async def test_jobs_a_second_are_those_of_the_last_five_whole_seconds(redis: Redis) -> None:
    now_s = await now_ms(redis) // 1000
    for back, ended in reversed(list(enumerate([1000, 1, 2, 3, 4, 5, 2000]))):
        events = {"succeeded:1:1": ended - 1, "failed::": 1, "enqueued": 7}
        await count(redis, events, at_ms=(now_s - back) * 1000)
    found = await read_counts(redis, KEYS)
    passed_s = found.now_ms // 1000 - now_s
    ended_by_age = {-1: 1000, 0: 1, 1: 2, 2: 3, 3: 4, 4: 5, 5: 2000}
    assert found.jobs_per_s == sum(ended_by_age.get(back - passed_s, 0) for back in range(5)) / 5
    assert found.totals["enqueued"] == 49
