"""enqueue.lua and enqueue_checked.lua: jobs come in once, each with its payload and its place."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from monarq.shared.errors import UnsupportedError
from monarq.shared.formats.native.jobs.enqueue import BATCH, LARGE
from monarq.shared.formats.native.keys import wake_channel
from monarq.shared.lane import Lane
from monarq.shared.protocol.enqueue import Enqueued, EnqueueMode
from tests.shared.formats.native.calls import claim_jobs, ending, enqueue_jobs, finish_jobs, ids_in
from tests.shared.formats.native.hearing import heard
from tests.shared.formats.native.pieces import KEYS, hash_of, hset, now_ms, zset_of
from tests.shared.formats.native.state import counts_of, is_alive, note, put, sets_with

ADDED, EXISTED, ENDED = Enqueued.ADDED, Enqueued.EXISTED, Enqueued.ENDED
ANY_MODE = pytest.mark.parametrize("mode", list(EnqueueMode))
QUEUED = KEYS.key("queued").encode()


@ANY_MODE
async def test_jobs_are_in_with_payload_and_place(redis: Redis, mode: EnqueueMode) -> None:
    assert await enqueue_jobs(redis, "a", "b", mode=mode) == [ADDED, ADDED]
    assert await hash_of(redis, "payloads") == {b"a": b"payload", b"b": b"payload"}
    assert await ids_in(redis, "queued") == ["a", "b"]
    assert (await counts_of(redis))[b"enqueued\0f"] == b"2"
    assert (await hash_of(redis, "meta"))[b"v"] == b"1"
    assert await redis.object("ENCODING", KEYS.key("payloads")) == b"hashtable"  # type: ignore[no-untyped-call]


@ANY_MODE
async def test_the_order_of_calls_is_the_order_of_jobs_whatever_the_clock_does(redis: Redis, mode: EnqueueMode) -> None:
    given = [f"{letter}{number}" for number in range(5) for letter in "zma"]
    for each in given:
        await enqueue_jobs(redis, each, mode=mode, call=each)
    await hset(redis, KEYS.key("meta"), {"last": 500 * 2**44 + 2**43})  # as if the clock had been an age ahead
    await enqueue_jobs(redis, "last-but-one", mode=mode, call="x")
    await enqueue_jobs(redis, "last", mode=mode, call="y")
    claimed = (await claim_jobs(redis)).ids
    assert [each.decode() for each in claimed] == [*given, "last-but-one", "last"]


async def test_chosen_ids_of_a_call_keep_the_order_in_which_they_were_given(redis: Redis) -> None:
    await enqueue_jobs(redis, "c", "a", "b", mode=EnqueueMode.NAMED)
    await enqueue_jobs(redis, "0", mode=EnqueueMode.NAMED, call="next")
    assert await ids_in(redis, "queued") == ["c", "a", "b", "0"]


@ANY_MODE
@pytest.mark.parametrize("lane", [Lane.IO, Lane.CPU, Lane.THREAD])
async def test_it_waits_in_the_set_of_its_lane(redis: Redis, mode: EnqueueMode, lane: Lane) -> None:
    await enqueue_jobs(redis, "now", mode=mode, lane=lane)
    await enqueue_jobs(redis, "later", mode=mode, lane=lane, delay_ms=60_000, call="later")
    suffix = "_cpu" if lane is Lane.CPU else ""
    assert (await sets_with(redis, "now"), await sets_with(redis, "later")) == (
        [f"queued{suffix}"],
        [f"deferred{suffix}"],
    )


@ANY_MODE
async def test_a_deferred_job_is_due_after_its_delay_or_at_its_time(redis: Redis, mode: EnqueueMode) -> None:
    before_ms = await now_ms(redis)
    await enqueue_jobs(redis, "delay", mode=mode, delay_ms=60_000)
    await enqueue_jobs(redis, "time", mode=mode, due_ms=before_ms + 90_000, call="time")
    await enqueue_jobs(redis, "past", mode=mode, due_ms=before_ms - 1, call="past")
    deferred = await zset_of(redis, "deferred")
    assert before_ms + 60_000 <= deferred[b"delay"] <= await now_ms(redis) + 60_000
    assert deferred[b"time"] == before_ms + 90_000
    assert await ids_in(redis, "queued") == ["past"]


async def test_a_chosen_id_comes_in_once(redis: Redis) -> None:
    assert await enqueue_jobs(redis, "a", "a", "b", mode=EnqueueMode.NAMED) == [ADDED, EXISTED, ADDED]
    assert await enqueue_jobs(redis, "a", "c", mode=EnqueueMode.NAMED, call="2", payload=b"other") == [EXISTED, ADDED]
    assert (await hash_of(redis, "payloads"))[b"a"] == b"payload"
    assert await ids_in(redis, "queued") == ["a", "b", "c"]
    await claim_jobs(redis)
    assert await enqueue_jobs(redis, "a", mode=EnqueueMode.NAMED, call="3") == [EXISTED], "it runs"
    assert (await counts_of(redis))[b"enqueued\0f"] == b"3"


@pytest.mark.parametrize(("keep_ms", "code"), [(3_600_000, EXISTED), (1000, EXISTED), (0, EXISTED), (-1, ADDED)])
async def test_a_chosen_id_is_free_where_no_result_of_it_is_kept(redis: Redis, keep_ms: int, code: Enqueued) -> None:
    await put(redis, "a")
    await claim_jobs(redis)
    await finish_jobs(redis, ending("a", keep_ms=keep_ms))
    assert await enqueue_jobs(redis, "a", mode=EnqueueMode.NAMED, call="2") == [code]
    assert await is_alive(redis, "a") == (code is ADDED)


async def test_nothing_of_an_earlier_job_of_the_id_is_left_for_the_new_one(redis: Redis) -> None:
    await note(redis, "a", "3 1 0 0 -|killed")
    await hset(redis, KEYS.key("trails"), {"a": "1 crashed killed"})
    await redis.zadd(KEYS.key("cancels"), {"a": 1})
    await put(redis, "a")
    for name in ("notes", "trails"):
        assert await hash_of(redis, name) == {}
    assert await zset_of(redis, "cancels") == {}


async def test_a_repeated_call_puts_nothing_in_twice(redis: Redis) -> None:
    await enqueue_jobs(redis, "a", "b")
    assert await enqueue_jobs(redis, "a", "b", mode=EnqueueMode.REPEATED) == [ADDED, ADDED], "they are in"
    assert await enqueue_jobs(redis, "a", mode=EnqueueMode.REPEATED, call="2", payload=b"another's") == [EXISTED]
    await claim_jobs(redis)
    await finish_jobs(redis, ending("a"), ending("b", keep_ms=-1))
    assert await enqueue_jobs(redis, "a", "b", mode=EnqueueMode.REPEATED) == [ENDED, ENDED]
    assert await ids_in(redis, "queued") == []
    assert (await counts_of(redis))[b"enqueued\0f"] == b"2"


@pytest.mark.parametrize("mode", [EnqueueMode.NEW, EnqueueMode.NAMED])
async def test_a_first_sending_that_comes_after_its_repetition_does_nothing(redis: Redis, mode: EnqueueMode) -> None:
    assert await enqueue_jobs(redis, "a", mode=EnqueueMode.REPEATED) == [ADDED]
    await claim_jobs(redis)
    await finish_jobs(redis, ending("a", keep_ms=-1))
    assert await enqueue_jobs(redis, "a", mode=mode) == [ENDED]
    assert not await is_alive(redis, "a")
    assert await enqueue_jobs(redis, "a", mode=mode, call="another") == [ADDED]


@ANY_MODE
async def test_a_queue_of_a_later_version_is_left_alone(redis: Redis, mode: EnqueueMode) -> None:
    await hset(redis, KEYS.key("meta"), {"v": 2})
    with pytest.raises(UnsupportedError, match="later version"):
        await enqueue_jobs(redis, "a", mode=mode)
    assert await redis.keys() == [KEYS.key("meta").encode()]


@ANY_MODE
async def test_a_large_payload_is_noted(redis: Redis, mode: EnqueueMode) -> None:
    await enqueue_jobs(redis, "small", mode=mode, payload=b"x" * LARGE)
    await enqueue_jobs(redis, "large", mode=mode, payload=b"x" * (LARGE + 1), call="2")
    assert await hash_of(redis, "notes") == {b"large": b"0 0 0 0 b|"}


@ANY_MODE
async def test_one_job_wakes_one_of_those_who_wait_and_listen(redis: Redis, mode: EnqueueMode) -> None:
    await redis.zadd(KEYS.key("idle"), {"ended": 1, "listens": 2, "listens too": 3})
    async with heard(redis, wake_channel("listens"), wake_channel("listens too")) as following:
        await enqueue_jobs(redis, "a", mode=mode)
        assert await following() == (wake_channel("listens"), QUEUED)
    assert set(await zset_of(redis, "idle")) == {b"listens too"}


@ANY_MODE
async def test_a_deferred_job_wakes_somebody_where_it_is_the_next(redis: Redis, mode: EnqueueMode) -> None:
    await redis.zadd(KEYS.key("idle"), {"w1": 1, "w2": 2})
    async with heard(redis, wake_channel("w1"), wake_channel("w2")) as following:
        await enqueue_jobs(redis, "next", mode=mode, delay_ms=60_000, call="1")
        assert (await following())[0] == wake_channel("w1")
        await enqueue_jobs(redis, "after it", mode=mode, delay_ms=90_000, call="2")
    assert set(await zset_of(redis, "idle")) == {b"w2"}


@ANY_MODE
async def test_a_full_batch(redis: Redis, mode: EnqueueMode) -> None:
    ids = [f"{number:04}" for number in range(BATCH)]
    await enqueue_jobs(redis, *ids, mode=mode)
    assert await ids_in(redis, "queued") == ids
    with pytest.raises(ValueError, match="at most 1000"):
        await enqueue_jobs(redis, *ids, "one more", mode=mode)
