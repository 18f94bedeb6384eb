"""finish.lua and finish_mixed.lua: jobs end as a whole, and only those that are held under their tokens."""

from __future__ import annotations

import msgspec
import pytest
from redis.asyncio import Redis

from monarq.shared.formats.native.jobs.claim import IncarnationGoneError
from monarq.shared.formats.native.jobs.find import find_results
from monarq.shared.formats.native.jobs.finish import BATCH, KEPT_MS, SMALL
from monarq.shared.formats.native.producer import NativeProducerQueue
from monarq.shared.protocol.enqueue import EnqueueMode, Placement
from monarq.shared.protocol.producer_queue import Unfinished
from monarq.shared.protocol.queue_ref import QueueRef
from tests.shared.formats.native.calls import claim_jobs, ending, enqueue_jobs, finish_jobs, held_by
from tests.shared.formats.native.hearing import heard
from tests.shared.formats.native.pieces import KEYS, hash_of, hset, now_ms, zset_of
from tests.shared.formats.native.state import INCARNATION, counts_of, is_alive, note, put, trail_of

HOW_KEPT = pytest.mark.parametrize("keep_ms", [KEPT_MS, 1000, 0, -1], ids=["an hour", "a second", "for ever", "not"])


async def run(redis: Redis, *ids: str) -> None:
    """Jobs that an incarnation holds."""
    await put(redis, *ids)
    assert len((await claim_jobs(redis)).ids) == len(ids)


@HOW_KEPT
async def test_a_job_ends_and_its_result_is_kept_as_asked_for(redis: Redis, keep_ms: int) -> None:
    await run(redis, "a", "b")
    reply = await finish_jobs(redis, ending("a", keep_ms=keep_ms))
    assert (reply.lost, reply.heard) == ([], 0)
    assert (await is_alive(redis, "a"), await held_by(redis)) == (False, {b"b": b"i1"})
    found = Unfinished.GONE if keep_ms < 0 else b"result of a"
    assert await find_results(redis, KEYS, ["a", "b"]) == [found, Unfinished.ALIVE]
    ends = await zset_of(redis, "ends")
    assert (b"ra" in ends) == (keep_ms == 1000)
    assert (b"a" in await hash_of(redis, "kept")) == (keep_ms in (0, 1000))


@pytest.mark.parametrize("wrong", ["", "trails"])
async def test_twice_as_much_as_will_be_over_is_deleted_of_what_is(redis: Redis, wrong: str) -> None:
    await run(redis, "a", "b", "c")
    now = await now_ms(redis)
    await hset(redis, KEYS.key("kept"), {f"{number}": "result" for number in range(10)})
    over = {f"r{number}": now - 10 + number for number in range(10)}
    await redis.zadd(KEYS.key("ends"), {**over, "tx": 1} if wrong else over)
    if wrong:
        await redis.set(KEYS.key(wrong), "text")
    await finish_jobs(redis, ending("a", keep_ms=60_000), ending("b", keep_ms=60_000), ending("c"))
    assert not await held_by(redis)
    if not wrong:
        assert list(await zset_of(redis, "ends")) == [*(b"r%d" % number for number in range(4, 10)), b"ra", b"rb"]
        assert len(await hash_of(redis, "kept")) == 8


@HOW_KEPT
async def test_nothing_rare_about_it_is_left(redis: Redis, keep_ms: int) -> None:
    await run(redis, "a", "b")
    for each in "ab":
        await note(redis, each, "1 1 0 0 -|killed")
        await hset(redis, KEYS.key("progress"), {each: "1 {}"})
        await redis.zadd(KEYS.key("cancels"), {each: 1})
    await finish_jobs(redis, ending("a", keep_ms=keep_ms))
    assert set(await hash_of(redis, "notes")) == set(await hash_of(redis, "progress")) == {b"b"}
    assert set(await zset_of(redis, "cancels")) == {b"b"}


@pytest.mark.parametrize("token", ["i2", "c1", "", "1"])
@HOW_KEPT
async def test_what_is_not_held_under_the_token_is_not_ended_nor_any_other_of_the_call(
    redis: Redis, keep_ms: int, token: str
) -> None:
    await run(redis, "a", "b")
    before = await redis.hgetall(KEYS.key("payloads")), await counts_of(redis)  # type: ignore[misc]
    reply = await finish_jobs(redis, ending("a", keep_ms=keep_ms), ending("b", token, keep_ms=keep_ms), ending("never"))
    assert reply.lost == ([b"b", b"never"] if keep_ms == KEPT_MS else [b"never", b"b"])
    assert (await redis.hgetall(KEYS.key("payloads")), await counts_of(redis)) == before  # type: ignore[misc]
    assert await held_by(redis) == {b"a": b"i1", b"b": b"i1"}
    assert await find_results(redis, KEYS, ["a"]) == [Unfinished.ALIVE]


@HOW_KEPT
async def test_a_repeated_call_ends_nothing_twice(redis: Redis, keep_ms: int) -> None:
    await run(redis, "a")
    await finish_jobs(redis, ending("a", keep_ms=keep_ms))
    counts = await counts_of(redis)
    assert (await finish_jobs(redis, ending("a", keep_ms=keep_ms))).lost == [b"a"]
    assert await counts_of(redis) == counts


@HOW_KEPT
async def test_nothing_ends_for_an_incarnation_that_may_not_act(redis: Redis, keep_ms: int) -> None:
    await run(redis, "a")
    await redis.hdel(KEYS.held(INCARNATION), "\0")  # type: ignore[misc]
    with pytest.raises(IncarnationGoneError):
        await finish_jobs(redis, ending("a", keep_ms=keep_ms))
    assert await is_alive(redis, "a")


async def test_a_call_keeps_each_result_in_its_own_way(redis: Redis) -> None:
    await run(redis, "hour", "not", "second", "ever", "dead")
    await finish_jobs(
        redis,
        ending("not", keep_ms=-1),
        ending("second", keep_ms=1000),
        ending("dead", letter=b"{}"),
        ending("hour"),
        ending("ever", keep_ms=0),
    )
    assert await find_results(redis, KEYS, ["hour", "not", "second", "ever", "dead"]) == [
        b"result of hour",
        Unfinished.GONE,
        b"result of second",
        b"result of ever",
        b"result of dead",
    ]
    assert set(await hash_of(redis, "kept")) == {b"second", b"ever"}
    assert set(await hash_of(redis, "dead_payloads")) == {b"dead"}


async def test_a_new_result_takes_the_place_of_an_older_one_with_its_time(redis: Redis) -> None:
    await run(redis, "a")
    await finish_jobs(redis, ending("a", keep_ms=1000))
    await redis.hdel(KEYS.key("kept"), "a")  # type: ignore[misc]
    await enqueue_jobs(redis, "a", mode=EnqueueMode.NAMED, call="2")
    await claim_jobs(redis, number=2)
    await finish_jobs(redis, ending("a", "i2", keep_ms=0))
    assert b"ra" not in await zset_of(redis, "ends"), "it stays for ever"
    assert (await hash_of(redis, "kept"))[b"a"] == b"result of a"


async def test_what_is_dead_leaves_a_letter_with_its_payload(redis: Redis) -> None:
    await run(redis, "a", "b")
    await finish_jobs(redis, ending("a", letter=b'{"why": 1}', keep_dead_ms=60_000), ending("b"))
    assert (await hash_of(redis, "letters"))[b"a"] == b'f\0{"why": 1}'
    assert await hash_of(redis, "dead_payloads") == {b"a": b"payload"}
    assert set(await zset_of(redis, "dead")) == {b"a"}
    assert abs((await zset_of(redis, "ends"))[b"da"] - await now_ms(redis) - 60_000) < 10_000
    assert not await is_alive(redis, "a")


async def test_a_queue_keeps_so_many_letters(redis: Redis) -> None:
    await run(redis, "a", "b", "c")
    for each in "abc":
        await finish_jobs(redis, ending(each, letter=b"{}"), max_dead=2)
    assert set(await zset_of(redis, "dead")) == set(await hash_of(redis, "dead_payloads")) == {b"b", b"c"}


async def test_a_dead_job_whose_payload_is_gone(redis: Redis) -> None:
    await run(redis, "a")
    await redis.hdel(KEYS.key("payloads"), "a")  # type: ignore[misc]
    assert (await finish_jobs(redis, ending("a", letter=b"{}"))).lost == []
    assert await hash_of(redis, "dead_payloads") == {}
    assert set(await zset_of(redis, "dead")) == {b"a"}


async def test_runs_are_counted_by_how_they_ended_and_how_long_they_took(redis: Redis) -> None:
    await run(redis, "a", "b", "c", "d", "e")
    await finish_jobs(
        redis,
        ending("a", run_ms=3),
        ending("b", run_ms=2),
        ending("c", run_ms=-1, success=False),
        ending("d", letter=b"{}", run_ms=100),
        ending("e", success=False, cancelled=True, name="", run_ms=0),
    )
    counted = {
        key: value for key, value in (await counts_of(redis)).items() if not key.startswith((b"enq", b"started"))
    }
    assert counted == {
        b"succeeded:0:2\0f": b"2",
        b"failed::\0f": b"1",
        b"dead:0:7\0f": b"1",
        b"cancelled:0:0\0": b"1",
        b"rs\0f": b"105",
    }


async def test_some_of_what_ended_is_shown_to_people(redis: Redis) -> None:
    ids = [f"{number:02}" for number in range(12)]
    await run(redis, *ids)
    await finish_jobs(redis, *map(ending, ids))
    [told] = await redis.lrange(KEYS.key("recent"), 0, -1)  # type: ignore[misc]
    at_ms, _, packed = told.partition(b" ")
    assert abs(int(at_ms) - await now_ms(redis)) < 10_000
    assert msgspec.msgpack.decode(packed) == [["succeeded", 3, "f", each, ""] for each in ids[:10]]
    assert await redis.pttl(KEYS.key("recent")) > 0


async def test_who_listens_is_told(redis: Redis) -> None:
    queue = NativeProducerQueue(QueueRef("q", "native"))
    made, large = queue.new_job_ids(2)
    await queue.enqueue(redis, Placement(), EnqueueMode.NEW, "c", [(made, b"p"), (large, b"p")])  # type: ignore[arg-type]
    await run_more(redis, "chosen", number=1)
    async with heard(redis, KEYS.ended) as following:
        ends = [ending(made), ending(large), ending("chosen")]
        ends[1].result = b"x" * (SMALL + 1)
        assert (await finish_jobs(redis, *ends, with_results=True)).heard == 1
        _, message = await following()
        assert dict(queue.split_ended(message)) == {
            made.encode(): b"result of " + made.encode(),
            large.encode(): None,
            b"chosen": None,
        }


async def run_more(redis: Redis, *ids: str, number: int) -> None:
    """Claims all that waits, and these."""
    await put(redis, *ids)
    await claim_jobs(redis, number=number)


@pytest.mark.parametrize("keep_ms", [KEPT_MS, -1])
async def test_only_ids_are_told_while_nobody_listens(redis: Redis, keep_ms: int) -> None:
    await run(redis, "a", "b")
    async with heard(redis, KEYS.ended) as following:
        await finish_jobs(redis, ending("a", keep_ms=keep_ms), ending("b", keep_ms=keep_ms))
        _, message = await following()
    queue = NativeProducerQueue(QueueRef("q", "native"))
    assert list(queue.split_ended(message)) == [(b"a", None), (b"b", None)]


@pytest.mark.parametrize("message", [b"r", b"r\xc1", b"r\x91\xc4\x01a", b"r\x81\x01\x02", b""])
def test_a_message_of_somebody_else_ends_no_wait(message: bytes) -> None:
    queue = NativeProducerQueue(QueueRef("q", "native"))
    assert [raw_id for raw_id, _ in queue.split_ended(message) if raw_id] == []


async def test_a_trail_stays_when_its_job_has_ended(redis: Redis) -> None:
    await run(redis, "a")
    await hset(redis, KEYS.key("trails"), {"a": "1 crashed killed"})
    await finish_jobs(redis, ending("a"))
    assert await trail_of(redis, "a") == ["crashed killed"]


@HOW_KEPT
@pytest.mark.parametrize("letter", [b"", b"{}"])
async def test_a_full_batch(redis: Redis, keep_ms: int, letter: bytes) -> None:
    ids = [f"{number:04}" for number in range(BATCH)]
    await put(redis, *ids)
    await claim_jobs(redis, BATCH)
    ends = [ending(each, keep_ms=keep_ms, letter=letter) for each in ids]
    assert (await finish_jobs(redis, *ends, max_dead=BATCH)).lost == []
    assert await held_by(redis) == await hash_of(redis, "payloads") == {}
    with pytest.raises(ValueError, match="at most"):
        await finish_jobs(redis, *ends, ending("one more"))
