"""claim.lua: each claim number takes jobs once and in order, and an ended incarnation takes none."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from monarq.shared.errors import UnsupportedError
from monarq.shared.formats.native.jobs.claim import IncarnationGoneError
from monarq.shared.formats.native.keys import wake_channel
from monarq.shared.formats.native.queues.pause import pause
from monarq.shared.formats.native.workers.leases import recover
from monarq.shared.lane import Lane
from tests.shared.formats.native.calls import LEASE_MS, claim_jobs, ending, enqueue_jobs, finish_jobs, held_by, ids_in
from tests.shared.formats.native.hearing import heard
from tests.shared.formats.native.pieces import KEYS, hash_of, hset, now_ms, zset_of
from tests.shared.formats.native.state import INCARNATION, WORKER, counts_of, note, put, sets_with

TOKEN = b"i1"
MOST_BYTES = 16 * 1024 * 1024
OTHER = "other:1:cd.1"


async def test_jobs_are_held_and_nowhere_else(redis: Redis) -> None:
    await put(redis, "a", "b", "c")
    reply = await claim_jobs(redis, 2)
    assert (reply.ids, reply.payloads, reply.notes, reply.cancels) == ([b"a", b"b"], [b"payload"] * 2, (), ())
    assert await held_by(redis) == {b"a": TOKEN, b"b": TOKEN}
    assert (await sets_with(redis, "a"), await ids_in(redis, "queued")) == ([], ["c"])
    assert (await counts_of(redis))[b"started\0"] == b"2"
    assert (
        reply.now_ms + LEASE_MS - 1 <= (await zset_of(redis, "leases"))[INCARNATION.encode()] <= reply.now_ms + LEASE_MS
    )


async def test_who_finds_nothing_is_idle_and_not_known(redis: Redis) -> None:
    reply = await claim_jobs(redis)
    assert (reply.ids, reply.next_ms, reply.took) == ((), -1, False)
    assert set(await zset_of(redis, "idle")) == {WORKER.encode()}
    assert await zset_of(redis, "leases") == {}
    assert not await redis.exists(KEYS.held(INCARNATION))


async def test_a_lane_queue_is_claimed_by_itself(redis: Redis) -> None:
    await put(redis, "io")
    await put(redis, "cpu", lane=Lane.CPU)
    assert (await claim_jobs(redis, lane_queue="cpu")).ids == [b"cpu"]
    assert (await claim_jobs(redis)).ids == [b"io"]
    assert await held_by(redis) == {b"cpu": b"c1", b"io": TOKEN}


async def test_a_repeated_number_answers_with_what_is_held_under_it_and_renews_the_lease(redis: Redis) -> None:
    await put(redis, "a", "b", "c")
    await note(redis, "b", "1 1 0 0 -|killed")
    await redis.zadd(KEYS.key("cancels"), {"a": 7})
    assert (await claim_jobs(redis, 2)).ids == [b"a", b"b"]
    await finish_jobs(redis, ending("a"))
    await redis.zadd(KEYS.key("leases"), {INCARNATION: 5})
    again = await claim_jobs(redis, 2, is_repeated=True)
    assert (again.ids, again.payloads, again.notes, again.cancels) == (
        [b"b"],
        [b"payload"],
        [b"1 1 0 0 -|killed"],
        [None],
    )
    assert (await zset_of(redis, "leases"))[INCARNATION.encode()] > await now_ms(redis)
    assert await ids_in(redis, "queued") == ["c"]
    await claim_jobs(redis, 2, number=2)
    assert (await claim_jobs(redis, 2, is_repeated=True, is_first=False)).ids == (), "an old number"
    assert (await claim_jobs(redis, 2, number=2, is_repeated=True)).ids == [b"c"]


async def test_a_repeated_number_hands_over_no_payload_over_the_limit(redis: Redis) -> None:
    await put(redis, "a", payload=b"x" * 20_000)
    assert (await claim_jobs(redis, max_payload=10_000)).payloads == [20_000]
    assert (await claim_jobs(redis, max_payload=10_000, is_repeated=True)).payloads == [20_000]


@pytest.mark.parametrize("limit", [0, 10])
async def test_the_first_sending_takes_nothing_after_its_repetition(redis: Redis, limit: int) -> None:
    assert (await claim_jobs(redis, limit, is_repeated=True)).ids == ()
    await put(redis, "a")
    assert (await claim_jobs(redis)).ids == ()
    assert (await claim_jobs(redis, number=2)).ids == [b"a"]


async def test_nothing_comes_of_claims_after_the_incarnation_s_end(redis: Redis) -> None:
    await put(redis, "a", "b")
    await claim_jobs(redis, 1)
    await recover(redis, KEYS, INCARNATION, "killed", lease_ms=LEASE_MS, forced=True)
    for number, asked in [(1, {"is_repeated": True}), (2, {}), (2, {"is_first": True}), (1, {"is_first": True})]:
        with pytest.raises(IncarnationGoneError):
            await claim_jobs(redis, number=number, **asked)
    assert await ids_in(redis, "queued") == ["a", "b"]
    assert await held_by(redis) == {}


async def test_a_repetition_gets_nothing_of_what_is_being_recovered(redis: Redis) -> None:
    """The recovery's first call ends the right to act; what it has not come to yet is not handed out again."""
    await put(redis, "a")
    await claim_jobs(redis)
    await redis.hdel(KEYS.held(INCARNATION), "\0")  # type: ignore[misc]
    await redis.zadd(KEYS.key("gone"), {INCARNATION: 1})
    with pytest.raises(IncarnationGoneError):
        await claim_jobs(redis, is_repeated=True)


async def test_an_incarnation_that_redis_does_not_know_must_be_new(redis: Redis) -> None:
    await put(redis, "a")
    with pytest.raises(IncarnationGoneError):
        await claim_jobs(redis, number=5)
    assert (await claim_jobs(redis, number=5, is_first=True)).ids == [b"a"], "its numbers begin where it wants"


async def test_a_paused_queue_gives_nothing(redis: Redis) -> None:
    await put(redis, "a")
    await pause(redis, KEYS)
    assert (await claim_jobs(redis)).ids == ()
    assert await ids_in(redis, "queued") == ["a"]


async def test_a_queue_of_a_later_version_is_left_alone(redis: Redis) -> None:
    await put(redis, "a")
    await hset(redis, KEYS.key("meta"), {"v": 2})
    with pytest.raises(UnsupportedError, match="later version"):
        await claim_jobs(redis)
    assert await ids_in(redis, "queued") == ["a"]


async def test_a_job_one_crash_from_its_end_comes_alone(redis: Redis) -> None:
    await put(redis, "a", "b", "c", "d")
    await note(redis, "c", "0 2 0 0 -|killed")
    await note(redis, "a", "0 1 0 0 -|killed")
    taken = [list((await claim_jobs(redis, number=number, alone=2)).ids) for number in range(1, 5)]
    assert taken == [[b"a", b"b"], [b"c"], [b"d"], []]


async def test_without_that_rule_it_comes_with_others(redis: Redis) -> None:
    await put(redis, "a", "b")
    await note(redis, "a", "0 2 0 0 -|killed")
    reply = await claim_jobs(redis)
    assert (reply.ids, reply.notes) == ([b"a", b"b"], [b"0 2 0 0 -|killed", None])


async def test_a_payload_over_the_limit_is_told_by_its_size(redis: Redis) -> None:
    await put(redis, "a", "b", payload=b"x" * 20_000)
    await put(redis, "c")
    assert (await claim_jobs(redis, max_payload=10_000)).payloads == [20_000, 20_000, b"payload"]


async def test_a_reply_does_not_grow_without_bound(redis: Redis) -> None:
    size = MOST_BYTES // 4 + 1
    for each in "abcdef":
        await put(redis, each, payload=b"x" * size)
    assert (await claim_jobs(redis, max_payload=2 * size)).ids == [b"a", b"b", b"c", b"d"]
    assert await ids_in(redis, "queued") == ["e", "f"]


async def test_ids_without_a_job_are_dropped(redis: Redis) -> None:
    await put(redis, "a", "b")
    await redis.zadd(KEYS.key("queued"), {"ghost": 1, "last ghost": 9e15})
    assert (await claim_jobs(redis)).ids == [b"a", b"b"]
    assert await held_by(redis) == {b"a": TOKEN, b"b": TOKEN}
    assert await ids_in(redis, "queued") == []
    assert (await counts_of(redis))[b"lost\0"] == b"2"


async def test_where_all_are_ghosts_redis_knows_the_incarnation_all_the_same(redis: Redis) -> None:
    await redis.zadd(KEYS.key("queued"), {"ghost": 1})
    reply = await claim_jobs(redis)
    assert (list(reply.ids), reply.took) == ([], True)


async def test_what_is_due_stands_where_it_would_stand_had_it_been_enqueued_then(redis: Redis) -> None:
    now = await now_ms(redis)
    await put(redis, "old")
    await put(redis, "due", "later", delay_ms=60_000)
    await put(redis, "new")
    await redis.zadd(KEYS.key("deferred"), {"due": now - 5000})
    reply = await claim_jobs(redis)
    assert reply.ids == [b"due", b"old", b"new"]
    assert await ids_in(redis, "deferred") == ["later"]


async def test_many_come_due_at_once(redis: Redis) -> None:
    ids = [f"{number:03}" for number in range(450)]
    await put(redis, *ids, delay_ms=60_000)
    await redis.zadd(KEYS.key("deferred"), dict.fromkeys(ids, 1000.0))
    taken = [each.decode() for number in range(1, 7) for each in (await claim_jobs(redis, number=number)).ids]
    assert taken == ids


async def test_one_worker_waits_for_the_next_deferred_job_and_the_others_a_little_longer(redis: Redis) -> None:
    await put(redis, "a", delay_ms=60_000)
    due_ms = int((await zset_of(redis, "deferred"))[b"a"])
    assert (await claim_jobs(redis)).next_ms == due_ms
    assert (await claim_jobs(redis, incarnation=OTHER)).next_ms == due_ms + 250
    assert (await claim_jobs(redis, number=2, is_first=True)).next_ms == due_ms, "the keeper asks again"
    await put(redis, "sooner", delay_ms=30_000)
    sooner_ms = int((await zset_of(redis, "deferred"))[b"sooner"])
    assert (await claim_jobs(redis, incarnation=OTHER, number=2, is_first=True)).next_ms == sooner_ms


async def test_a_filled_claim_that_leaves_jobs_behind_wakes_the_next(redis: Redis) -> None:
    await put(redis, "a", "b")
    await redis.zadd(KEYS.key("idle"), {"w2": 1})
    async with heard(redis, wake_channel("w2")) as following:
        await claim_jobs(redis, 1)
        assert await following() == (wake_channel("w2"), KEYS.key("queued").encode())
    await redis.zadd(KEYS.key("idle"), {"w2": 1})
    await claim_jobs(redis, 1, number=2)
    assert set(await zset_of(redis, "idle")) == {b"w2"}, "nothing is left to be done"


async def test_what_was_known_of_a_job_comes_with_it(redis: Redis) -> None:
    await put(redis, "a", "b")
    await note(redis, "b", "2 0 0 0 -|")
    await redis.zadd(KEYS.key("cancels"), {"a": 123})
    reply = await claim_jobs(redis)
    assert (reply.notes, reply.cancels) == ([None, b"2 0 0 0 -|"], [b"123", None])


async def test_two_workers_take_no_job_twice(redis: Redis) -> None:
    await enqueue_jobs(redis, *(f"{number:02}" for number in range(20)))
    mine, others = await claim_jobs(redis, 12), await claim_jobs(redis, 12, incarnation=OTHER)
    assert (len(mine.ids), len(others.ids)) == (12, 8)
    assert not set(mine.ids) & set(others.ids)
    assert await hash_of(redis, "notes") == {}
