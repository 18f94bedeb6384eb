"""A queue of several shards as workers use it: real workers in the test's process, and claims by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from monarq.producer import Producer
from monarq.shared.formats.choice.supervision import read_waiting, recover
from monarq.shared.formats.native.sharded.worker_queue import ShardedWorkerQueue
from monarq.shared.formats.native.sharded.worker_session import ShardedWorkerSession
from monarq.shared.jobs.decorators import job
from monarq.shared.protocol.acks import Finish, Requeue
from monarq.shared.protocol.lease import Lease
from monarq.workers.leases.table import LeaseTable
from tests.shared.formats.native.calls import blocking_client
from tests.support.queues import terms_of
from tests.support.shards import BIG, NAME, QUEUE, alive, keys_of, lengths, spread
from tests.support.slowness import in_time, patience_s
from tests.support.workers import components_of, make_worker, running

WORKER = "host:1:ab"


@job(name="served.add", queue=QUEUE)
async def add(one: int, other: int) -> int:
    return one + other


@job(name="served.hold", queue=QUEUE)
async def hold() -> None:
    await asyncio.sleep(60)


@pytest.fixture
async def producer(redis_url: str) -> AsyncIterator[Producer]:
    async with Producer(redis_url) as made:
        yield made


class Serving:
    """A worker of the queue: what it claims is in its table."""

    def __init__(self, redis: Redis, worker_id: str = WORKER, **terms: Any) -> None:
        self.redis: Any = redis
        self.table = LeaseTable([BIG])
        self.lost: list[Lease] = []
        known = terms_of(worker_id, **{"max_payload": 1_000_000, **terms})
        self.session = ShardedWorkerSession([NAME], known, self.table.of_queue, self.lost.extend)
        self.queue: ShardedWorkerQueue = self.session.queues[0]

    async def claim(self, limit: int = 100) -> list[Lease]:
        claimed = await self.queue.claim(self.redis, "io", limit)
        for lease in claimed.leases:
            self.table.add(lease)
        return claimed.leases

    async def claim_all(self) -> list[Lease]:
        claims = []
        while leases := await self.claim():
            claims += leases
        return claims

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Hears wake-ups meanwhile; it has heard none, and waits in all shards."""
        task = asyncio.create_task(self.session.run(self.redis))
        async with in_time(10):
            while not (await self.redis.pubsub_numsub(f"monarq:n:wake:{WORKER}"))[0][1]:
                await asyncio.sleep(0.01)
            await self.queue.wait(self.redis, "io", 5)  # the subscription has woken all
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def renew(self) -> None:
        with blocking_client(self.redis) as client:
            self.session.renew(client, b"{}", self.lost.extend)
        await asyncio.sleep(0)


async def fill(producer: Producer, count: int) -> list[str]:
    return [(await producer.enqueue(add, number, 1)).job_id for number in range(count)]


def ends_of(leases: Sequence[Lease]) -> list[Finish]:
    return [Finish(lease, success=True, result=b"1", keep_ms=3_600_000, name="add") for lease in leases]


async def held(redis: Redis, shard: int) -> set[str]:
    client: Any = redis
    found: set[str] = set()
    for incarnation in await client.zrange(keys_of(shard).key("leases"), 0, -1):
        fields = await client.hkeys(keys_of(shard).held(incarnation.decode()))
        found |= {raw_id.decode() for raw_id in fields if not raw_id.startswith(b"\0")}
    return found


# ---- claims ---------------------------------------------------------------------------------------------------


async def test_a_claim_is_of_one_shard_and_all_get_their_turn(redis: Redis, producer: Producer) -> None:
    await spread(redis, 3)
    await fill(producer, 12)
    serving = Serving(redis)
    claims = [await serving.claim(2) for _ in range(6)]
    tags = [{getattr(lease.queue, "tag", NAME) for lease in leases} for leases in claims]
    assert [len(leases) for leases in claims] == [2] * 6
    assert all(len(each) == 1 for each in tags)
    assert tags[:3] == tags[3:]
    assert set.union(*tags) == {"big", "big~1", "big~2"}
    assert await serving.claim() == []


async def test_one_full_shard_starves_no_other(redis: Redis, producer: Producer) -> None:
    """While thousands wait in one, whatever trickles into the others is claimed by the next turn or two."""
    await spread(redis, 4)
    await producer.enqueue(add, 0, 0)
    client: Any = redis
    serving = Serving(redis)
    await serving.claim_all()
    full = keys_of(1)
    await client.zadd(full.key("queued"), {f"full{number:05}": 10**15 + number for number in range(5000)})
    await client.hset(full.key("payloads"), mapping={f"full{number:05}": b"p" for number in range(5000)})
    serving.queue._on_wake(1, "io")
    async with serving.listening():
        for _ in range(12):
            [trickled] = await fill(producer, 1)
            if not trickled.endswith("01"):
                async with in_time(10):
                    while not await serving.queue.wait(redis, "io", 5):
                        pass
                claims = [await serving.claim(10) for _ in range(2)]
                assert trickled in {lease.job_id for leases in claims for lease in leases}
    assert (await lengths(redis, 4))[1] > 4000


async def test_a_job_that_is_to_come_alone_comes_with_none_of_another_shard(redis: Redis, producer: Producer) -> None:
    await spread(redis, 2)
    ids = await fill(producer, 4)
    client: Any = redis
    for job_id in ids:
        for shard in range(2):
            await client.hset(keys_of(shard).key("notes"), job_id, "0 2 0 0 -|killed")
    serving = Serving(redis, last_chance=2)
    assert [len(await serving.claim()) for _ in range(5)] == [1, 1, 1, 1, 0]


async def test_a_worker_that_waits_is_woken_by_any_shard(redis: Redis, producer: Producer) -> None:
    await spread(redis, 4)
    await producer.enqueue(add, 0, 0)
    serving = Serving(redis)
    await serving.claim_all()
    async with serving.listening(), in_time(20):
        for _ in range(8):
            [job_id] = await fill(producer, 1)
            assert await serving.queue.wait(redis, "io", 5)
            assert [lease.job_id for lease in await serving.claim()] == [job_id]
            assert await serving.claim() == []


async def test_a_wake_up_that_cannot_be_used_goes_to_another_worker(redis: Redis, producer: Producer) -> None:
    await spread(redis, 2)
    await producer.enqueue(add, 0, 0)
    first, other = Serving(redis, "host:1:a"), Serving(redis, "host:2:b")
    for each in first, other:
        await each.claim_all()
    client: Any = redis
    async with client.pubsub() as pubsub:
        await pubsub.subscribe("monarq:n:wake:host:1:a", "monarq:n:wake:host:2:b")
        await fill(producer, 1)

        async def woken() -> tuple[str, bytes]:
            async with in_time(5):
                while True:
                    message = await pubsub.get_message(ignore_subscribe_messages=True, timeout=1)
                    if message:
                        return message["channel"].decode().rpartition(":")[2], message["data"]

        who, what = await woken()
        chosen, rest = (first, other) if who == "a" else (other, first)
        shard = 1 if b"~1" in what else 0
        chosen.queue._on_wake(shard, "io")
        await chosen.queue.pass_on_wake_up(redis, "io")
        assert await woken() == (rest.queue._first._terms.worker_id.rpartition(":")[2], what)


async def test_a_shard_that_fails_keeps_the_worker_from_no_other(redis: Redis, producer: Producer) -> None:
    await spread(redis, 3)
    ids = await fill(producer, 6)
    serving = Serving(redis)
    await serving.claim(1)
    client = serving.redis = FailsFor(redis, b"{big~1}")
    found = {lease.job_id for lease in [*serving.table.of_queue(BIG), *await serving.claim_all()]}
    assert found == {job_id for job_id in ids if not job_id.endswith("01")}
    for shard in range(3):
        serving.queue._on_wake(shard, "io")
    client.also_fails = True
    with pytest.raises(RedisConnectionError):
        await serving.claim()


class FailsFor:
    """A client that cannot reach one shard, or any."""

    def __init__(self, redis: Redis, tag: bytes) -> None:
        self._redis, self._tag, self.also_fails = redis, tag.decode(), False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._redis, name)

    async def execute_command(self, *parts: Any) -> Any:
        if self.also_fails or any(isinstance(part, str) and self._tag in part for part in parts):
            raise RedisConnectionError("away")
        return await self._redis.execute_command(*parts)


# ---- ends and leases ------------------------------------------------------------------------------------------


async def test_ends_returns_and_lost_ones_are_of_their_shards(redis: Redis, producer: Producer) -> None:
    await spread(redis, 3)
    await fill(producer, 9)
    serving = Serving(redis)
    leases = await serving.claim_all()
    assert await serving.queue.finish(redis, ends_of(leases[:5])) == []
    assert await serving.queue.requeue(redis, [Requeue(lease, "io") for lease in leases[5:]]) == []
    assert sorted(await lengths(redis, 3)) == sorted(
        sum(lease.job_id.endswith(f"0{shard}") for lease in leases[5:]) for shard in range(3)
    )
    refused = await serving.queue.finish(redis, ends_of(leases))
    assert sorted(refused) == sorted(lease.raw_id for lease in leases)


async def test_ends_in_a_shard_that_is_away_hold_back_none_of_the_others(redis: Redis, producer: Producer) -> None:
    await spread(redis, 2)
    await fill(producer, 6)
    serving = Serving(redis)
    leases = await serving.claim_all()
    away: Any = FailsFor(redis, b"{big~1}")
    with pytest.raises(RedisConnectionError):
        await serving.queue.finish(away, ends_of(leases))
    assert [len(ids) for ids in await alive(redis, 2)] == [0, 3]
    for _ in range(3):  # the worker is told of none as yet, and nothing is in doubt
        await serving.renew()
        await asyncio.sleep(0.01)
    assert not serving.queue._shards[0].is_doubtful
    assert await serving.queue.finish(redis, ends_of(leases)) == []
    assert await alive(redis, 2) == [set(), set()]
    assert not serving.queue._answered


async def test_a_beat_keeps_what_is_held_in_each_shard(redis: Redis, producer: Producer) -> None:
    await spread(redis, 3)
    await fill(producer, 6)
    serving = Serving(redis)
    leases = await serving.claim_all()
    ends = [lease.ends_s for lease in leases]
    for _ in range(3):
        await serving.renew()
        await asyncio.sleep(0.01)
    assert all(lease.ends_s > end for lease, end in zip(leases, ends, strict=True))
    assert not any(queue.is_doubtful for queue in serving.queue._shards)
    assert serving.lost == []


async def test_being_taken_from_in_one_shard_ends_only_its_runs(redis: Redis, producer: Producer) -> None:
    await spread(redis, 2)
    await fill(producer, 4)
    serving = Serving(redis)
    leases = await serving.claim_all()
    client: Any = redis
    [incarnation] = await client.zrange(keys_of(1).key("leases"), 0, -1)
    await client.hdel(keys_of(1).held(incarnation.decode()), "\0")
    await serving.renew()
    async with in_time(5):
        while not serving.lost:
            await asyncio.sleep(0.01)
    assert {lease.job_id for lease in serving.lost} == {lease.job_id for lease in leases if lease.job_id.endswith("01")}


async def test_a_dead_workers_jobs_are_taken_back_in_all_shards(redis: Redis, producer: Producer) -> None:
    await spread(redis, 3)
    ids = await fill(producer, 9)
    await Serving(redis).claim_all()
    assert await lengths(redis, 3) == [0, 0, 0]
    assert await recover(redis, BIG, WORKER, "killed") == 9
    assert set().union(*await alive(redis, 3)) == set(ids)
    assert await lengths(redis, 3) == [3, 3, 3]


async def test_the_longest_wait_is_that_of_any_shard(redis: Redis, producer: Producer) -> None:
    await spread(redis, 3)
    assert (await read_waiting(redis, BIG)).io_s is None
    await fill(producer, 3)
    client: Any = redis
    await client.zadd(keys_of(2).key("queued"), {"old": 500 * 2**44 + 2**33})
    waited = (await read_waiting(redis, BIG)).io_s
    assert waited is not None
    assert waited > 10**6


# ---- growth ---------------------------------------------------------------------------------------------------


async def test_a_worker_takes_up_shards_that_are_added_while_it_holds_jobs(redis: Redis, producer: Producer) -> None:
    await fill(producer, 4)
    serving = Serving(redis)
    await serving.queue.register_names(redis, ["served.add"])
    before = await serving.claim(2)
    await spread(redis, 3)
    [await producer.enqueue(add, 1, 1) for _ in range(3)]
    later = await serving.claim_all()
    assert len(before) + len(later) == 7
    await serving.renew()
    assert await serving.queue.finish(redis, ends_of([*before, *later])) == []
    assert await alive(redis, 3) == [set()] * 3
    client: Any = redis
    assert [await client.zcard(keys_of(shard).key("known")) for shard in range(3)] == [1, 1, 1]


async def test_workers_that_wait_are_told_at_once(redis: Redis, redis_url: str, producer: Producer) -> None:
    """None polls here: what wakes it is the growth, and then the job."""
    worker = make_worker(redis_url, [add], queues=(BIG,), poll_s=60.0)
    async with running(worker), in_time(20):
        assert await (await producer.enqueue(add, 1, 1)).result(patience_s(10)) == 2
        await spread(redis, 4)
        for number in range(8):
            assert await (await producer.enqueue(add, number, 1)).result(patience_s(10)) == number + 1


# ---- whole workers --------------------------------------------------------------------------------------------


async def test_two_workers_run_jobs_of_all_shards(redis: Redis, redis_url: str, producer: Producer) -> None:
    await spread(redis, 4)
    workers = [make_worker(redis_url, [add], queues=(BIG,)) for _ in range(2)]
    async with running(workers[0]), running(workers[1]), in_time(40):
        assert await producer.map(add, [(number, 1) for number in range(2000)]) == list(range(1, 2001))
        chosen = [await producer.enqueue(add.options(job_id=f"order:{number}"), number, 1) for number in range(30)]
        assert [await handle.result(patience_s(10)) for handle in chosen] == list(range(1, 31))
        deferred = [await producer.enqueue(add.options(defer_by=0.05), number, 1) for number in range(8)]
        assert [await handle.result(patience_s(10)) for handle in deferred] == list(range(1, 9))
    assert await alive(redis, 4) == [set()] * 4


async def test_a_burst_ends_when_no_shard_has_a_job(redis: Redis, redis_url: str, producer: Producer) -> None:
    await spread(redis, 4)
    handles = await producer.enqueue_many(add, [(number, 1) for number in range(300)])
    worker = make_worker(redis_url, [add], queues=(BIG,), burst=True)
    async with in_time(30):
        await worker.run()
    assert [await handle.result(patience_s(1)) for handle in handles] == list(range(1, 301))


async def test_cancels_reach_runs_of_any_shard(redis: Redis, redis_url: str, producer: Producer) -> None:
    await spread(redis, 3)
    async with running(make_worker(redis_url, [hold], queues=(BIG,), allow_cancel=True)) as worker, in_time(30):
        handles = [await producer.enqueue(hold) for _ in range(6)]
        while worker.running < 6:
            await asyncio.sleep(0.01)
        assert all([await handle.cancel(timeout=patience_s(10)) for handle in handles])


async def test_a_worker_that_stops_hands_all_back(redis: Redis, redis_url: str, producer: Producer) -> None:
    await spread(redis, 3)
    worker = make_worker(redis_url, [hold], queues=(BIG,), grace_s=0.0)
    async with running(worker), in_time(30):
        ids = {(await producer.enqueue(hold)).job_id for _ in range(6)}
        while worker.running < 6:
            await asyncio.sleep(0.01)
        assert components_of(worker).table.of_queue(BIG)
    assert set().union(*await alive(redis, 3)) == ids
    assert await lengths(redis, 3) == [2, 2, 2]
    assert [await redis.zcard(keys_of(shard).key("leases")) for shard in range(3)] == [0, 0, 0]
