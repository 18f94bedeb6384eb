"""The fleet: its list of workers and queues, and who has fallen silent."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Final

import pytest
import redis as blocking_redis
from redis.asyncio import Redis

from monarq.shared.formats.native.keys import FLEET_BEATS, FLEET_QUEUES, FLEET_RECORDS
from monarq.shared.formats.native.workers.fleet import (
    MOST_QUEUES,
    FleetWorker,
    QueueRegistrar,
    beat_fleet,
    beat_fleet_sync,
    forget_worker,
    read_fleet,
    read_overdue,
    read_queues,
    register_queues,
    review_queues,
)
from tests.shared.formats.native.pieces import now_ms

LEASE_MS: Final = 15_000
DAY_MS: Final = 86_400_000
WEEK_S: Final = 7 * 86_400


async def list_workers(redis: Redis, stale_in_ms: dict[str, int]) -> None:
    """Seeds workers, each with a record."""
    now = await now_ms(redis)
    await redis.zadd(FLEET_BEATS, {worker: now + left for worker, left in stale_in_ms.items()})
    await redis.hset(FLEET_RECORDS, mapping={worker: f"of {worker}" for worker in stale_in_ms})  # type: ignore[misc]


@pytest.fixture
def blocking(redis: Redis) -> Iterator[blocking_redis.Redis]:
    """A blocking client of the emptied server."""
    with blocking_redis.Redis(unix_socket_path=redis.connection_pool.connection_kwargs["path"]) as client:
        yield client


async def test_a_worker_is_listed_until_its_lease_ends(redis: Redis) -> None:
    found = await beat_fleet(redis, "w1", LEASE_MS, b"{1}", ["a", "b"])
    assert found.records == {}
    await beat_fleet(redis, "w1", LEASE_MS, b"{2}")
    listed = await read_fleet(redis)
    [worker] = listed.workers
    assert (worker.id, worker.record) == ("w1", b"{2}")
    assert listed.now_ms <= found.now_ms + 5000
    assert 0 <= worker.stale_ms - found.now_ms - LEASE_MS < 5000
    assert set((await read_queues(redis)).names) == {"a", "b"}


async def test_the_lease_thread_has_a_blocking_beat(redis: Redis, blocking: blocking_redis.Redis) -> None:
    await list_workers(redis, {"silent": -10})
    found = await asyncio.to_thread(beat_fleet_sync, blocking, "w1", LEASE_MS, b"{}", ["a"])
    assert found.records == {"silent": b"of silent"}
    assert {worker.id for worker in (await read_fleet(redis)).workers} == {"w1", "silent"}
    assert (await read_queues(redis)).names == ["a"]


async def test_at_most_ten_overdue_workers_are_named_the_longest_silent_first(redis: Redis) -> None:
    silent = {f"s{at}": -1000 - at for at in range(14)}
    await list_workers(redis, {**silent, "alive": LEASE_MS})
    await redis.hdel(FLEET_RECORDS, "s13")  # type: ignore[misc]
    expected = {f"s{at}": f"of s{at}".encode() for at in range(13, 3, -1)} | {"s13": b""}
    for found in (await read_overdue(redis), await beat_fleet(redis, "w1", LEASE_MS, b"{}")):
        assert found.records == expected
    for worker in expected:
        await forget_worker(redis, worker)
    assert set((await read_overdue(redis)).records) == {"s0", "s1", "s2", "s3"}
    assert await redis.hlen(FLEET_RECORDS) == 6  # type: ignore[misc]


async def test_nobody_is_overdue(redis: Redis) -> None:
    assert (await read_overdue(redis)).records == {}
    assert (await read_fleet(redis)).workers == []
    await forget_worker(redis, "w1")
    assert (await read_queues(redis)).names == []


async def test_a_worker_not_heard_of_for_a_day_is_forgotten(redis: Redis) -> None:
    await list_workers(redis, {"old": -DAY_MS - 1, "silent": -DAY_MS + 60_000})
    assert set((await beat_fleet(redis, "w1", LEASE_MS, b"{}")).records) == {"silent"}
    assert set(await redis.hkeys(FLEET_RECORDS)) == {b"silent", b"w1"}  # type: ignore[misc]
    for key in (FLEET_BEATS, FLEET_RECORDS):
        assert DAY_MS < await redis.pttl(key) <= DAY_MS + LEASE_MS


async def test_a_worker_whose_time_lies_far_ahead_is_overdue_in_a_lease(redis: Redis) -> None:
    await list_workers(redis, {"ahead": DAY_MS, "alive": LEASE_MS})
    found = await beat_fleet(redis, "w1", LEASE_MS, b"{}")
    stale = {worker.id: worker.stale_ms for worker in (await read_fleet(redis)).workers}
    assert stale["ahead"] == found.now_ms + LEASE_MS


async def test_living_workers_come_first_and_a_record_may_be_gone(redis: Redis) -> None:
    await list_workers(redis, {"silent": -60_000, "alive": LEASE_MS})
    await redis.hdel(FLEET_RECORDS, "silent")  # type: ignore[misc]
    found = await read_fleet(redis)
    assert [(worker.id, worker.record) for worker in found.workers] == [("alive", b"of alive"), ("silent", b"")]
    await list_workers(redis, {f"w{at}": LEASE_MS for at in range(1200)})
    many = (await read_fleet(redis)).workers
    assert len(many) == 1000
    assert all(worker.record == f"of {worker.id}".encode() for worker in many)
    assert isinstance(many[0], FleetWorker)


async def test_queues_are_bounded_in_number(redis: Redis) -> None:
    await redis.zadd(FLEET_QUEUES, {"old": 1})
    await register_queues(redis, ["recent"])
    await register_queues(redis, [f"q{at}" for at in range(MOST_QUEUES - 1)])
    assert await redis.zcard(FLEET_QUEUES) == MOST_QUEUES
    assert not {"old"} & set((await read_queues(redis)).names)
    with pytest.raises(ValueError, match="1001"):
        await register_queues(redis, ["q"] * (MOST_QUEUES + 1))
    with pytest.raises(ValueError, match="1001"):
        await beat_fleet(redis, "w1", LEASE_MS, b"{}", ["q"] * (MOST_QUEUES + 1))


async def test_a_queue_that_is_unused_for_a_week_is_named_and_not_dropped(redis: Redis) -> None:
    now = await now_ms(redis)
    await redis.zadd(FLEET_QUEUES, {"old": now - WEEK_S * 1000 - 1, "recent": now - WEEK_S * 1000 + 3_600_000})
    await redis.expire(FLEET_QUEUES, 60)
    await register_queues(redis, ["new"])
    await beat_fleet(redis, "w1", LEASE_MS, b"{}", ["served"])
    listed = await read_queues(redis)
    assert (set(listed.names), listed.unused) == ({"old", "recent", "new", "served"}, ["old"])
    assert await redis.ttl(FLEET_QUEUES) == -1, "the list itself stays, whoever uses what is on it"


async def test_a_review_keeps_what_holds_jobs_and_what_was_used_meanwhile(redis: Redis) -> None:
    await redis.zadd(FLEET_QUEUES, dict.fromkeys(("holding", "empty", "meanwhile"), 1))
    await register_queues(redis, ["meanwhile"])
    await review_queues(redis, holding=["holding", "on no list"], empty=["empty", "meanwhile"])
    listed = await read_queues(redis)
    assert (set(listed.names), listed.unused) == ({"holding", "meanwhile"}, [])


async def test_a_process_registers_a_queue_once_an_hour(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now_s)
    registrar = QueueRegistrar()
    await registrar.register(redis, ["a"])
    assert (await read_queues(redis)).names == ["a"]
    await redis.delete(FLEET_QUEUES)
    await registrar.register(redis, ["a", "b"])
    assert (await read_queues(redis)).names == ["b"]
    now_s += 3601
    await registrar.register(redis, ["a"])
    assert set((await read_queues(redis)).names) == {"a", "b"}


async def test_a_full_redis_keeps_the_list_as_it_can(redis: Redis) -> None:
    await beat_fleet(redis, "w1", LEASE_MS, b"{1}", ["a"])
    await redis.config_set("maxmemory", "1mb")
    try:
        await beat_fleet(redis, "w1", LEASE_MS, b"{2}", ["b"])
        await register_queues(redis, ["c"])
        await review_queues(redis, holding=["a"], empty=["c"])
        await forget_worker(redis, "w1")
    finally:
        await redis.config_set("maxmemory", "0")
    assert (await read_fleet(redis)).workers == []
