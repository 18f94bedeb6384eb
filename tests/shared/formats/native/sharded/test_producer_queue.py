"""A queue of several shards as producers use it; Redis is a real one, jobs are ended by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from chaos.faults.proxy import Cut
from monarq.producer import Producer
from monarq.shared.errors import PartlyEnqueuedError, RedisUnavailableError
from monarq.shared.formats.native.jobs.enqueue import enqueue
from monarq.shared.formats.native.jobs.look import look
from monarq.shared.formats.native.queues.shards import tell_shard
from monarq.shared.formats.native.sharded.producer_queue import ShardedProducerQueue
from monarq.shared.formats.native.shards import MoreShardsError, ShardNotReadyError, Shards, home, tag_of
from monarq.shared.jobs.decorators import job
from monarq.shared.payloads.signing import find_signer
from monarq.shared.protocol.enqueue import Enqueued, EnqueueMode, Placement
from monarq.shared.protocol.job_state import JobState
from tests.support.proxy import Proxy
from tests.support.shards import BIG, NAME, QUEUE, alive, ids_that_move, keys_of, lengths, spread
from tests.support.slowness import in_time


@job(name="produced.note", queue=QUEUE)
async def note(number: int) -> int:
    return number


@pytest.fixture
async def producer(redis_url: str) -> AsyncIterator[Producer]:
    async with Producer(redis_url) as made:
        yield made


async def put(queue: ShardedProducerQueue, redis: Any, job_id: str, payload: bytes = b"p", **how: Any) -> Enqueued:
    mode, call = how.get("mode", EnqueueMode.NAMED), how.get("call", "call")
    [code] = await queue.enqueue(redis, Placement(name="note"), mode, call, [(job_id, payload)])
    return code


# ---- the number of shards -------------------------------------------------------------------------------------


async def test_a_producer_learns_of_the_shards_by_its_first_job(redis: Redis, producer: Producer) -> None:
    await spread(redis, 4)
    handles = [await producer.enqueue(note, number) for number in range(8)]
    assert await lengths(redis, 4) == [2, 2, 2, 2]
    assert {home(handle.job_id, 4) for handle in handles} == {0, 1, 2, 3}
    assert {await handle.state() for handle in handles} == {JobState.QUEUED}


async def test_a_queue_of_one_shard_is_as_ever(redis: Redis, producer: Producer) -> None:
    handle = await producer.enqueue(note, 1)
    assert len(handle.job_id) == 22
    assert await redis.hmget(keys_of(0).key("meta"), ["v", "shards"]) == [b"1", None]


async def test_many_jobs_are_split_over_the_shards(redis: Redis, producer: Producer) -> None:
    await spread(redis, 4)
    await producer.enqueue(note, 0)
    handles = await producer.enqueue_many(note, [(number,) for number in range(4000)])
    assert sorted(await lengths(redis, 4)) == [1000, 1000, 1000, 1001]
    assert len({handle.job_id for handle in handles}) == 4000


async def test_the_first_jobs_of_a_program_are_in_a_shard_of_their_own_ids(redis: Redis, producer: Producer) -> None:
    await spread(redis, 4)
    handles = await producer.enqueue_many(note, [(number,) for number in range(3000)])
    for shard, ids in enumerate(await alive(redis, 4)):
        assert ids == {handle.job_id for handle in handles if home(handle.job_id, 4) == shard}
    assert min(await lengths(redis, 4)) == 0  # it made three calls


async def test_payloads_are_signed_for_the_ids_that_they_end_with(redis: Redis, redis_url: str) -> None:
    await spread(redis, 2)
    async with Producer(redis_url, signing_key="k" * 40) as producer:
        one = await producer.enqueue(note, 1)
        many = await producer.enqueue_many(note, [(2,), (3,)])
    signer = find_signer("k" * 40)
    assert signer is not None
    for handle in [one, *many]:
        client: Any = redis
        payload = await client.hget(keys_of(home(handle.job_id, 2)).key("payloads"), handle.job_id)
        signer.open(payload, "job", handle.job_id.encode())  # raises where it is of another id


async def test_a_program_that_only_waits_finds_out_too(redis: Redis, producer: Producer, redis_url: str) -> None:
    await spread(redis, 4)
    handles = [await producer.enqueue(note, number) for number in range(4)]
    async with Producer(redis_url) as other:
        found = [await other.handle(handle.job_id, QUEUE).state() for handle in handles]
    assert found == [JobState.QUEUED] * 4


async def test_nothing_is_taken_from_who_believes_in_fewer_nor_where_a_shard_is_not_open(redis: Redis) -> None:
    await spread(redis, 4)
    for shard, believed, error in ((0, 1, MoreShardsError), (3, 2, MoreShardsError), (5, 8, ShardNotReadyError)):
        for mode in EnqueueMode:
            placing = (redis, keys_of(shard), "call", Placement(), mode, [("a", b"p")])
            with pytest.raises(error):
                await enqueue(*placing, shards=believed, until_ms=2**50)
    assert await alive(redis, 6) == [set()] * 6


async def test_an_old_shard_takes_jobs_from_those_who_know_of_more(redis: Redis) -> None:
    """The number is being raised, or whoever did that has stopped half-way: what lives there has lived there before."""
    await spread(redis, 2)
    reply = await enqueue(redis, keys_of(1), "call", Placement(), EnqueueMode.NEW, [("a", b"p")], shards=4)
    assert reply.codes == [Enqueued.ADDED]


async def test_a_look_holds_only_in_a_shard_that_knows_as_many(redis: Redis) -> None:
    await spread(redis, 2)
    for shards, error in ((1, MoreShardsError), (4, ShardNotReadyError)):
        with pytest.raises(error):
            await look(redis, keys_of(1), "call", shards, "named", "a", b"p")


async def test_after_a_flush_it_begins_with_one_shard(redis: Redis, producer: Producer) -> None:
    await spread(redis, 4)
    for number in range(4):
        await producer.enqueue(note, number)
    await redis.flushall()
    handle = await producer.enqueue(note, 1)
    assert await handle.state() is JobState.QUEUED
    await spread(redis, 4)
    assert await (await producer.enqueue(note, 1)).state() is JobState.QUEUED


@pytest.mark.parametrize("shards", [1, 2])
async def test_after_a_flush_it_heeds_who_has_begun_the_queue_anew(
    redis: Redis, redis_url: str, producer: Producer, shards: int
) -> None:
    await spread(redis, 4)
    await producer.enqueue(note, 1)
    await redis.flushall()
    async with Producer(redis_url) as other:  # it never heard of four shards
        await spread(redis, shards)
        await other.enqueue(note, 1)
    handles = [await producer.enqueue(note, number) for number in range(8)]
    handles += await producer.enqueue_many(note, [(number,) for number in range(8)])
    handles += [await producer.enqueue(note.options(job_id=f"named {number}"), 1) for number in range(8)]
    assert sum(await lengths(redis, shards)) == 25
    assert {await handle.state() for handle in handles} == {JobState.QUEUED}


async def test_a_producer_waits_for_a_shard_that_takes_no_jobs_yet(redis: Redis, redis_url: str) -> None:
    await tell_shard(redis, NAME, Shards(2, opened=2))
    job_id = ids_that_move(1, 2, 1)[0]
    async with Producer(redis_url, retry_for=0.05) as hasty:
        with pytest.raises(RedisUnavailableError, match="does not accept jobs yet"):
            await hasty.enqueue(note.options(job_id=job_id), 1)
    async with Producer(redis_url) as patient, in_time(10):
        waiting = asyncio.create_task(patient.enqueue(note.options(job_id=job_id), 1))
        await asyncio.sleep(0.05)
        await tell_shard(redis, tag_of(NAME, 1), Shards(2, opened=2))
        await waiting
    assert await alive(redis, 2) == [set(), {job_id}]


async def test_made_ids_go_to_open_shards_while_others_are_not_open_yet(redis: Redis, producer: Producer) -> None:
    for shard in range(2):
        await tell_shard(redis, tag_of(NAME, shard), Shards(4, (2,), 0, opened=2))
    for number in range(8):
        await producer.enqueue(note, number)
    assert await lengths(redis, 4) == [4, 4, 0, 0]


# ---- ids that move --------------------------------------------------------------------------------------------


async def test_a_chosen_id_has_one_job_however_many_ask(redis: Redis, producer: Producer) -> None:
    await spread(redis, 4)
    for number in range(40):
        chosen = note.options(job_id=f"order:{number}")
        assert [(await producer.enqueue(chosen, number)).existed for _ in range(2)] == [False, True]
    assert all(
        ids == {each for each in ids if home(each, 4) == shard} for shard, ids in enumerate(await alive(redis, 4))
    )


@pytest.mark.parametrize("believes", ["old", "new"])
async def test_an_id_that_has_moved_is_looked_for_in_its_old_home(redis: Redis, believes: str) -> None:
    await spread(redis, 2)
    old, new = ShardedProducerQueue(BIG), ShardedProducerQueue(BIG)
    waits, ended, free = ids_that_move(2, 4, 3)
    await put(old, redis, waits)
    client: Any = redis
    results = keys_of(home(ended, 2)).ring("results")[0]
    await client.hset(results, ended, b"result")
    await client.expire(results, 60)
    await spread(redis, 4)
    queue = old if believes == "old" else new
    assert [await put(queue, redis, job_id, b"other") for job_id in (waits, ended, free)] == [
        Enqueued.EXISTED,
        Enqueued.EXISTED,
        Enqueued.ADDED,
    ]
    found = await alive(redis, 4)
    assert (waits in found[home(waits, 2)], free in found[home(free, 4)]) == (True, True)
    assert sum(map(len, found)) == 2


async def test_what_has_not_moved_and_what_has_are_found(redis: Redis) -> None:
    await spread(redis, 2)
    queue = ShardedProducerQueue(BIG)
    chosen, client = [f"order:{number}" for number in range(30)], redis
    for job_id in chosen[:20]:
        await put(queue, client, job_id)
    await spread(redis, 3)
    for job_id in chosen[20:]:
        await put(queue, client, job_id)
    other: Any = ShardedProducerQueue(BIG)
    assert {await other.find_state(redis, job_id) for job_id in chosen} == {"queued"}
    found = await other.find_results(redis, [*chosen, "nobody"])
    assert [str(each) for each in found] == ["alive"] * 30 + ["gone"]
    answers = [int(await other.cancel(redis, job_id)) for job_id in [*chosen, "nobody"]]
    assert answers == [3] * 30 + [0]
    assert await alive(redis, 3) == [set()] * 3


async def test_before_is_forgotten_once_nothing_is_left_there(redis: Redis) -> None:
    await spread(redis, 2)
    queue = ShardedProducerQueue(BIG)
    [job_id] = ids_that_move(2, 4, 1)
    await put(queue, redis, job_id)
    for shard in range(4):
        await tell_shard(redis, tag_of(NAME, shard), Shards(4, (2,), until_ms=1, opened=4))
    assert await put(queue, redis, job_id) is Enqueued.ADDED


# ---- outcomes -------------------------------------------------------------------------------------------------


class LosesReply:
    """A client that loses the replies of the next calls."""

    def __init__(self, redis: Redis, times: int = 1) -> None:
        self._redis, self.times = redis, times

    def __getattr__(self, name: str) -> Any:
        return getattr(self._redis, name)

    async def execute_command(self, *parts: Any) -> Any:
        reply = await self._redis.execute_command(*parts)
        if self.times and parts[0] in ("EVALSHA", "EVAL"):
            self.times -= 1
            raise RedisConnectionError("lost")
        return reply


async def test_a_call_whose_reply_was_lost_before_the_number_was_raised_makes_no_second_job(redis: Redis) -> None:
    await spread(redis, 2)
    queue = ShardedProducerQueue(BIG)
    await put(queue, redis, "first")
    [job_id] = ids_that_move(2, 4, 1)
    with pytest.raises(RedisConnectionError):
        await put(queue, LosesReply(redis), job_id, b"mine", call="c")
    await spread(redis, 4)
    assert await put(queue, redis, job_id, b"mine", call="c", mode=EnqueueMode.REPEATED) is Enqueued.ADDED
    assert [job_id in ids for ids in await alive(redis, 4)].count(True) == 1


async def test_a_call_that_never_came_is_carried_out_in_the_new_home(redis: Redis) -> None:
    await spread(redis, 2)
    queue = ShardedProducerQueue(BIG)
    [job_id] = ids_that_move(2, 4, 1)
    queue._heard.unknown.remember("c", (10**9, 10**12))  # sent a moment ago by both clocks
    await spread(redis, 4)
    assert await put(queue, redis, job_id, b"mine", call="c", mode=EnqueueMode.REPEATED) is Enqueued.ADDED
    assert (await alive(redis, 4))[home(job_id, 4)] == {job_id}


async def test_a_look_that_failed_is_repeated_as_such(redis: Redis) -> None:
    await spread(redis, 2)
    await spread(redis, 4)
    queue = ShardedProducerQueue(BIG)
    await put(queue, redis, "first")
    [job_id] = ids_that_move(2, 4, 1)
    with pytest.raises(RedisConnectionError):
        await put(queue, LosesReply(redis), job_id, b"mine", call="c")
    assert await put(queue, redis, job_id, b"mine", call="c", mode=EnqueueMode.REPEATED) is Enqueued.ADDED


async def test_jobs_of_several_shards_are_refused_in_one_call(redis: Redis) -> None:
    await spread(redis, 4)
    queue: Any = ShardedProducerQueue(BIG)
    await put(queue, redis, "first")
    jobs = [(f"order:{number}", b"p") for number in range(20)]
    with pytest.raises(ValueError, match="live in 4 shards"):
        await queue.enqueue(redis, Placement(), EnqueueMode.NAMED, "call", jobs)


async def test_it_is_told_which_of_many_jobs_are_in(redis: Redis, producer: Producer, monkeypatch: Any) -> None:
    """A shard that refuses: what went to others is in, and said to be."""
    await spread(redis, 4)
    await producer.enqueue(note, 0)
    await redis.delete(keys_of(2).key("queued"))
    await redis.set(keys_of(2).key("queued"), "no zset")
    with pytest.raises(PartlyEnqueuedError) as caught:
        await producer.enqueue_many(note, [(number,) for number in range(400)])
    lost = await alive(redis, 4)
    assert sorted(caught.value.enqueued) == sorted(
        job_id for ids in lost for job_id in ids if job_id in set(caught.value.enqueued)
    )
    assert len(caught.value.enqueued) == 300
    assert caught.value.job_ids == []


async def test_unknown_outcomes_are_those_of_the_shard_that_is_silent(redis: Redis, proxy: Proxy) -> None:
    await spread(redis, 2)
    async with Producer(proxy.url, retry_for=0.0) as producer:
        await producer.enqueue(note, 0)
        proxy.lose(Cut.REPLY, b"{big~1}:payloads", times=2)
        with pytest.raises(PartlyEnqueuedError) as caught:
            await producer.enqueue_many(note, [(number,) for number in range(200)])
    assert {home(job_id, 2) for job_id in caught.value.job_ids} == {1}
    assert {home(job_id, 2) for job_id in caught.value.enqueued} == {0}
    assert len(caught.value.enqueued) + len(caught.value.job_ids) == 200
