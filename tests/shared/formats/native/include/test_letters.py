"""letters.lua: dead letters, left and dropped."""

from __future__ import annotations

import hashlib

from redis.asyncio import Redis

from tests.shared.formats.native.pieces import KEYS, hash_of, run_piece, zset_of

NOW = 1_800_000_000_000
LEAVE = f"""
local ids, letters, payloads, results = {{}}, {{}}, {{}}, {{}}
for at = 2, #ARGV, 1 do
    ids[#ids + 1], letters[#ids + 1], results[#ids + 1] = ARGV[at], 'f\\0' .. ARGV[at], 'result of ' .. ARGV[at]
    payloads[#ids] = 'payload of ' .. ARGV[at]
end
leave_letters({NOW}, tonumber(ARGV[1]), ids, letters, payloads, 5000, results)
"""


async def test_a_letter_has_payload_time_end_and_the_digest_of_its_result(redis: Redis) -> None:
    await run_piece(redis, "letters", LEAVE, 100, "a", "\xff")
    digest = hashlib.sha1(b"result of a").hexdigest().encode()
    letters = await hash_of(redis, "letters")
    assert (letters[b"a"], letters[b"\0a"]) == (b"f\0a", digest)
    assert (await hash_of(redis, "dead_payloads"))[b"a"] == b"payload of a"
    assert (await zset_of(redis, "dead"))[b"a"] == NOW
    assert (await zset_of(redis, "ends"))[b"da"] == NOW + 5000


async def test_without_payload_and_result(redis: Redis) -> None:
    await run_piece(redis, "letters", LEAVE, 100, "a")
    await run_piece(redis, "letters", f"leave_letters({NOW}, 100, {{'a'}}, {{'f'}}, {{false}}, 5000, {{''}})")
    assert await hash_of(redis, "letters") == {b"a": b"f"}, "nothing of an earlier one is left"
    assert await hash_of(redis, "dead_payloads") == {}


async def test_the_oldest_make_room(redis: Redis) -> None:
    await redis.zadd(KEYS.key("dead"), {"old": 1, "older": 0})
    await run_piece(redis, "letters", LEAVE, 2, "a")
    assert set(await zset_of(redis, "dead")) == {b"old", b"a"}
    await run_piece(redis, "letters", LEAVE, 0, "b")
    assert await zset_of(redis, "dead") == {}
    assert await hash_of(redis, "letters") == await hash_of(redis, "dead_payloads") == {}
    assert await zset_of(redis, "ends") == {}


async def test_a_full_batch(redis: Redis) -> None:
    ids = [f"{number:04}" for number in range(1000)]
    await run_piece(redis, "letters", LEAVE, 1500, *ids)
    await run_piece(redis, "letters", LEAVE, 1500, *(f"new {job_id}" for job_id in ids))
    assert len(await zset_of(redis, "dead")) == len(await hash_of(redis, "dead_payloads")) == 1500
    assert len(await hash_of(redis, "letters")) == 3000


async def test_a_trail_stays_as_long_as_its_letter(redis: Redis) -> None:
    await redis.zadd(KEYS.key("ends"), {"ta": NOW + 1, "tb": NOW + 9000})
    await run_piece(redis, "letters", LEAVE, 100, "a", "b", "c")
    ends = await zset_of(redis, "ends")
    assert {key: value - NOW for key, value in ends.items() if key.startswith(b"t")} == {b"ta": 5000, b"tb": 9000}


async def test_letters_are_dropped_with_all_that_belongs_to_them(redis: Redis) -> None:
    await run_piece(redis, "letters", LEAVE, 100, "a", "b")
    await run_piece(redis, "letters", "drop_letters({}) drop_letters({'a', 'x'})")
    assert set(await zset_of(redis, "dead")) == set(await hash_of(redis, "dead_payloads")) == {b"b"}
    assert set(await hash_of(redis, "letters")) == {b"b", b"\0b"}
    assert set(await zset_of(redis, "ends")) == {b"db"}
