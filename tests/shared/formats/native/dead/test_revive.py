"""revive.lua: dead jobs come back as if they had never run."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from monarq.shared.formats.native.dead import revive as reviving
from monarq.shared.formats.native.dead.revive import revive
from monarq.shared.formats.native.jobs.notes import read_note
from monarq.shared.lane import LaneQueue
from monarq.shared.protocol.answers import Revived
from tests.shared.formats.native.pieces import KEYS, hash_of, hset, now_ms, run_piece, zset_of
from tests.shared.formats.native.state import counts_of, is_alive, note, put, sets_with, take, trail_of

LEAVE = """
local results = {}
for i = 1, #ARGV - 4 do results[i] = ARGV[3] end
local ids, letters, payloads = {unpack(ARGV, 5)}, {}, {}
for i = 1, #ids do
    letters[i], payloads[i] = 'f\\0{"home":"' .. ARGV[2] .. '"}', ARGV[4] ~= '' and ARGV[4]
end
leave_letters(tonumber(ARGV[1]), 5000, ids, letters, payloads, 3600000, results)
"""
KEEP = "keep_results(tonumber(ARGV[1]), {ARGV[2], ARGV[3]})"


async def bury(
    redis: Redis, *ids: str, lane_queue: LaneQueue = "io", result: str = "failed", payload: str | bytes = "payload"
) -> None:
    """Leaves letters and results, as if the jobs had died."""
    now = await now_ms(redis)
    await run_piece(redis, "letters", LEAVE, now, lane_queue, result, payload, *ids)
    if result:
        for job_id in ids:
            await run_piece(redis, "keeping", KEEP, now, job_id, result)


@pytest.mark.parametrize(("lane_queue", "place"), [("io", "queued"), ("cpu", "queued_cpu")])
async def test_a_dead_job_waits_again_in_its_lane(redis: Redis, lane_queue: LaneQueue, place: str) -> None:
    await bury(redis, "a", "b", lane_queue=lane_queue)
    await note(redis, "a", "3 1 0 0 -|killed")
    assert await revive(redis, KEYS, [b"a"]) == [Revived.BACK]
    assert await sets_with(redis, "a") == [place]
    assert await is_alive(redis, "a")
    tries, crashes, _, due_ms, flags = (await hash_of(redis, "notes"))[b"a"].split(b" ")
    assert (tries, crashes, flags) == (b"0", b"0", b"-|"), "as if it had never run"
    assert abs(int(due_ms) - await now_ms(redis)) < 5000, "it waits since now"
    assert set(await zset_of(redis, "dead")) == set(await hash_of(redis, "dead_payloads")) == {b"b"}
    assert set(await hash_of(redis, "letters")) == {b"b", b"\0b"}
    assert set(await zset_of(redis, "ends")) == {b"db", b"ta"}
    assert await trail_of(redis, "a") == ["revived "]
    assert (await counts_of(redis))[b"revived\0"] == b"1"
    with_results = [set(await redis.hkeys(key)) for key in KEYS.ring("results")]  # type: ignore[misc]
    assert [ids for ids in with_results if ids] == [{b"\0", b"b"}]
    assert await revive(redis, KEYS, [b"a"]) == [Revived.ALIVE], "repeated"


async def test_they_come_behind_what_waits_in_the_given_order(redis: Redis) -> None:
    await put(redis, "waits")
    await bury(redis, "a", "b", "c")
    assert await revive(redis, KEYS, [b"c", b"a", b"b"]) == [Revived.BACK] * 3
    assert await take(redis) == [b"waits", b"c", b"a", b"b"]


async def test_refusals(redis: Redis) -> None:
    await bury(redis, "alive", "gone payload")
    await redis.hdel(KEYS.key("dead_payloads"), "gone payload")  # type: ignore[misc]
    await redis.hdel(KEYS.key("letters"), "listed")  # type: ignore[misc]
    await redis.zadd(KEYS.key("dead"), {"listed": 5})
    await hset(redis, KEYS.key("payloads"), {"alive": "newer"})
    asked = [b"x", b"alive", b"gone payload", b"listed"]
    expected = [Revived.NO_LETTER, Revived.ALIVE, Revived.NO_PAYLOAD, Revived.NO_LETTER]
    assert await revive(redis, KEYS, asked) == expected
    assert set(await zset_of(redis, "dead")) == {b"alive", b"gone payload"}, "one without a letter comes off the list"
    assert (await hash_of(redis, "payloads"))[b"alive"] == b"newer"


@pytest.mark.parametrize("own", ["failed", ""])
async def test_a_later_job_s_result_stays(redis: Redis, own: str) -> None:
    await bury(redis, "a", result=own)
    for key in KEYS.ring("results"):
        await redis.hdel(key, "a")  # type: ignore[misc]
    await hset(redis, KEYS.key("kept"), {"a": "a later job's"})
    assert await revive(redis, KEYS, [b"a"]) == [Revived.ALIVE]
    assert (await hash_of(redis, "kept"))[b"a"] == b"a later job's"
    assert b"a" in await zset_of(redis, "dead")


async def test_its_own_result_is_known_wherever_it_is_kept(redis: Redis) -> None:
    await bury(redis, "a")
    for key in KEYS.ring("results"):
        await redis.hdel(key, "a")  # type: ignore[misc]
    await hset(redis, KEYS.key("kept"), {"a": "failed"})
    await redis.zadd(KEYS.key("ends"), {"ra": 5})
    assert await revive(redis, KEYS, [b"a"]) == [Revived.BACK]
    assert await hash_of(redis, "kept") == {}
    assert b"ra" not in await zset_of(redis, "ends")


async def test_a_large_payload_is_noted(redis: Redis) -> None:
    await bury(redis, "a", payload=b"x" * 20_000)
    await revive(redis, KEYS, [b"a"])
    found = (await hash_of(redis, "notes"))[b"a"]
    assert found.endswith(b" b|")
    assert read_note(found).tries == 0


async def test_ids_and_payloads_of_any_bytes(redis: Redis) -> None:
    await run_piece(redis, "letters", LEAVE, await now_ms(redis), "io", "", b"\0\xff\r\n", b"\xff id")
    assert await revive(redis, KEYS, [b"\xff id"]) == [Revived.BACK]
    assert await hash_of(redis, "payloads") == {b"\xff id": b"\0\xff\r\n"}


async def test_large_payloads_come_back_in_several_calls(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reviving, "MOVED_BYTES", 10)
    await bury(redis, "a", "b", "c", payload="x" * 6)
    assert await revive(redis, KEYS, [b"a", b"b", b"c"]) == [Revived.BACK] * 2
    assert await revive(redis, KEYS, [b"c"]) == [Revived.BACK]


async def test_a_full_batch_and_one_named_twice(redis: Redis) -> None:
    ids = [f"{number:04}" for number in range(reviving.BATCH)]
    await bury(redis, *ids, result="")
    raw_ids = [each.encode() for each in ids]
    assert await revive(redis, KEYS, [*raw_ids[1:], raw_ids[1]]) == [Revived.BACK] * 999 + [Revived.ALIVE]
    assert len(await zset_of(redis, "queued")) == 999
    with pytest.raises(ValueError, match="at most 1000"):
        await revive(redis, KEYS, [*raw_ids, b"more"])
