"""How a queue is given shards, and more of them: refused, stopped anywhere, repeated, under load."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
from redis.asyncio import Redis

from monarq.producer import Producer
from monarq.shared.errors import EnqueueUnknownError, SettingsError, UnsupportedError
from monarq.shared.formats.native.queues.shards import read_shards, read_tags
from monarq.shared.formats.native.sharded.growth import set_shards
from monarq.shared.formats.native.shards import ONE, Shards
from monarq.shared.jobs.decorators import job
from tests.support.shards import BIG, NAME, QUEUE, alive, ids_that_move, keys_of, spread
from tests.support.slowness import in_time
from tests.support.workers import make_worker, running


@job(name="growth.add", queue=QUEUE)
async def add(one: int, other: int) -> int:
    return one + other


@pytest.fixture
async def producer(redis_url: str) -> AsyncIterator[Producer]:
    async with Producer(redis_url) as made:
        yield made


async def known(redis: Redis, count: int) -> list[tuple[int, bytes | None, int]]:
    """What each shard knows: how many there are, there were, and are open."""
    client: Any = redis
    found = [await client.hmget(keys_of(shard).key("meta"), "shards", "before", "opened") for shard in range(count)]
    return [
        (int(shards or 0), before and before.partition(b"|")[0], int(opened or 0)) for shards, before, opened in found
    ]


class Stops:
    """A client that stops before one of its calls."""

    def __init__(self, redis: Redis, after: int) -> None:
        self._redis, self.left = redis, after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._redis, name)

    async def execute_command(self, *parts: Any) -> Any:
        if not self.left:
            raise InterruptedError
        self.left -= 1
        return await self._redis.execute_command(*parts)


async def test_a_new_queue_has_its_shards_at_once(redis: Redis) -> None:
    shards = await set_shards(redis, NAME, 4, settled_after_s=3600)
    assert shards == Shards(4, opened=4)
    assert await known(redis, 5) == [(4, b"", 4)] * 4 + [(0, None, 0)]
    assert await read_shards(redis, [NAME, "other"]) == [shards, None]
    assert await read_tags(redis, [NAME, "other"]) == ["big", "big~1", "big~2", "big~3", "other"]


async def test_repeated_it_changes_nothing(redis: Redis) -> None:
    await spread(redis, 4)
    assert await set_shards(redis, NAME, 4, settled_after_s=3600) == Shards(4, opened=4)


async def test_one_shard_is_what_a_queue_has(redis: Redis, producer: Producer) -> None:
    assert await set_shards(redis, NAME, 1) == ONE
    await producer.enqueue(add, 1, 1)
    assert await set_shards(redis, NAME, 1) == ONE
    assert await redis.hget(keys_of(0).key("meta"), "v") == b"1"


async def test_it_grows_and_remembers_what_it_was(redis: Redis, producer: Producer) -> None:
    await producer.enqueue(add, 1, 1)
    await spread(redis, 2)
    grown = await spread(redis, 5)
    assert (grown.count, grown.before, grown.opened) == (5, (2, 1), 5)
    assert await known(redis, 5) == [(5, b"2 1", 5)] * 5
    assert await read_shards(redis, [NAME]) == [grown]


@pytest.mark.parametrize("count", [1, 2, 3])
async def test_fewer_shards_are_refused(redis: Redis, count: int) -> None:
    await spread(redis, 4)
    with pytest.raises(SettingsError, match="has 4 shards and cannot be reduced to"):
        await spread(redis, count)


@pytest.mark.parametrize("count", [0, 257, True, "4"])
async def test_what_is_no_number_is_refused(redis: Redis, count: Any) -> None:
    with pytest.raises(SettingsError, match="from 1 to 256"):
        await spread(redis, count)


async def test_a_queue_of_a_later_version_is_left_alone(redis: Redis) -> None:
    await redis.hset(keys_of(0).key("meta"), "v", "2")
    with pytest.raises(UnsupportedError):
        await spread(redis, 4)


async def test_it_stops_anywhere_and_goes_on(redis: Redis, redis_url: str) -> None:
    """Before each of its calls in turn; and whatever it has done by then, jobs are put in, and none fewer is had."""
    for after in range(30):
        await redis.flushall()
        await spread(redis, 2)
        client: Any = Stops(redis, after)
        try:
            await set_shards(client, NAME, 4, settled_after_s=0)
            is_done = True
        except InterruptedError:
            is_done = False
        async with Producer(redis_url) as producer:
            for _ in range(5):
                await producer.enqueue(add, after, 1)
        [told] = await read_shards(redis, [NAME])
        assert told is not None
        with pytest.raises(SettingsError):
            await set_shards(redis, NAME, 8 if told.opened < told.count else told.count - 1, settled_after_s=0)
        await set_shards(redis, NAME, 4, settled_after_s=0)
        assert await known(redis, 4) == [(4, b"2", 4)] * 4
        if is_done:
            assert after > 8
            return
    raise AssertionError("it never came to its end")


async def test_what_the_old_shards_forgot_is_told_again_before_new_ones_open(redis: Redis, producer: Producer) -> None:
    """A Redis that loses its last moments meanwhile."""
    await spread(redis, 2)
    steps: list[str] = []

    def report(what: str) -> None:
        steps.append(what)
        if steps.count("waits 0.3 s, until that cannot be lost") == 1 and len(steps) == 2:
            forgetting.append(asyncio.get_running_loop().create_task(forget()))

    async def forget() -> None:
        assert await known(redis, 4) == [(4, b"2", 2)] * 2 + [(0, None, 0)] * 2
        await redis.hset(keys_of(1).key("meta"), mapping={"shards": "2", "before": "", "opened": "2"})

    forgetting: list[asyncio.Task[None]] = []
    await set_shards(redis, NAME, 4, settled_after_s=0.3, report=report)
    await asyncio.gather(*forgetting)
    assert steps == [
        "tells the shards that there will be 4",
        "waits 0.3 s, until that cannot be lost",
        "waits 0.3 s, until that cannot be lost",
        "opens 2 more",
        "waits 0.3 s, until that cannot be lost",
    ]
    assert {each[0] for each in await known(redis, 4)} == {4}


async def test_two_who_raise_it_at_once_agree(redis: Redis, producer: Producer) -> None:
    await producer.enqueue(add, 1, 1)
    found = await asyncio.gather(*[spread(redis, 4) for _ in range(3)])
    assert {shards.count for shards in found} == {4}
    assert {each[0] for each in await known(redis, 4)} == {4}


async def test_a_producer_of_old_adds_nothing_where_ids_have_moved(redis: Redis, producer: Producer) -> None:
    """Its chosen ids go to their new homes, though it was made before."""
    await spread(redis, 2)
    await producer.enqueue(add, 1, 1)
    await spread(redis, 4)
    moved = ids_that_move(2, 4, 5)
    for job_id in moved:
        await producer.enqueue(add.options(job_id=job_id), 1, 1)
    found = await alive(redis, 4)
    assert {job_id for ids in found[2:] for job_id in ids} == set(moved)


class Load:
    """Producers that put jobs in, and workers that come and go, until it is over."""

    def __init__(self, url: str) -> None:
        self.acknowledged: set[str] = set()
        self.accepted: Counter[str] = Counter()
        self.is_over = asyncio.Event()
        self._url = url

    async def put_in(self, first: int) -> None:
        """Made and chosen ids, one and many."""
        async with Producer(self._url) as producer:
            number = first
            while not self.is_over.is_set():
                number += 10
                try:
                    await self._put_in_some(producer, number)
                except EnqueueUnknownError:
                    continue

    async def _put_in_some(self, producer: Producer, number: int) -> None:
        self.acknowledged.add((await producer.enqueue(add, number, 1)).job_id)
        handle = await producer.enqueue(add.options(job_id=f"order:{number // 30 % 60}"), 0, 1)
        self.acknowledged.add(handle.job_id)
        self.accepted[handle.job_id] += not handle.existed
        many = await producer.enqueue_many(add, [(0, 1)] * (number % 5))
        self.acknowledged.update(each.job_id for each in many)

    async def work(self) -> None:
        """One worker after the other."""
        while not self.is_over.is_set():
            async with running(make_worker(self._url, [add], queues=(BIG,), grace_s=1.0)):
                await asyncio.wait([asyncio.create_task(self.is_over.wait())], timeout=0.7)


async def grow_and_stop(redis: Redis, chance: random.Random) -> None:
    """Growth that stops before some of its calls, and is begun again."""
    for count in (2, 3, 6):
        for _ in range(3):
            client: Any = Stops(redis, chance.randrange(8))
            with suppress(InterruptedError):
                await set_shards(client, NAME, count, settled_after_s=0.05)
            await asyncio.sleep(0.1)
        await set_shards(redis, NAME, count, settled_after_s=0.05)
        await asyncio.sleep(0.3)


@pytest.mark.timeout(180)
async def test_jobs_go_on_while_it_grows_and_is_stopped(redis: Redis, redis_url: str) -> None:
    """Each job ends, and of a chosen id one is put in."""
    load = Load(redis_url)

    async def grow() -> None:
        await grow_and_stop(redis, random.Random(7))
        load.is_over.set()

    async with in_time(60):
        await asyncio.gather(grow(), load.work(), load.work(), *[load.put_in(first) for first in range(3)])
        await make_worker(redis_url, [add], queues=(BIG,), burst=True).run()
    assert await alive(redis, 6) == [set()] * 6
    async with Producer(redis_url) as other:
        results = [await other.handle(job_id, QUEUE).info() for job_id in load.acknowledged]
    assert None not in results
    assert [job_id for job_id, times in load.accepted.items() if times > 1] == []
    assert len(load.acknowledged) > 50
