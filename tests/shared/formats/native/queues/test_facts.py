"""facts.lua: all that is known of one job."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from monarq.shared.formats.native.queues.facts import read_facts
from monarq.shared.lane import Lane, lane_queue_of
from monarq.shared.protocol.job_facts import JobFacts
from monarq.shared.protocol.pages import HEAD_BYTES, TAIL_BYTES, Holder
from tests.shared.formats.native.pieces import KEYS, hset, now_ms, run_piece
from tests.shared.formats.native.state import INCARNATION, WORKER, note, put, take


async def test_nothing_is_known_of_a_job_that_never_was(redis: Redis) -> None:
    facts = await read_facts(redis, KEYS, b"a")
    assert facts == JobFacts(b"a", facts.now_ms)
    assert 0 <= await now_ms(redis) - facts.now_ms < 60_000


@pytest.mark.parametrize("lane", [Lane.IO, Lane.CPU])
async def test_a_waiting_job(redis: Redis, lane: Lane) -> None:
    before = await now_ms(redis)
    payload = bytes(range(256)) * 3
    await put(redis, "a", lane=lane, payload=payload)
    await note(redis, "a", "2 1 0 0 -|killed")
    await hset(redis, KEYS.key("trails"), {"a": "5 retried 1 0 x\n6 crashed killed"})
    await redis.zadd(KEYS.key("cancels"), {"a": 1234})
    facts = await read_facts(redis, KEYS, b"a")
    assert (facts.state, facts.lane_queue) == ("queued", lane.value)
    assert facts.due_ms is not None
    assert before <= facts.due_ms <= facts.now_ms
    assert (facts.payload, facts.payload_tail) == (payload[:HEAD_BYTES], payload[-TAIL_BYTES:])
    assert facts.payload_bytes == len(payload)
    assert (facts.tries, facts.crashes, facts.crash_note) == (2, 1, "killed")
    assert facts.history == [b"5 retried 1 0 x", b"6 crashed killed"]
    assert (facts.cancel_asked_ms, facts.holder) == (1234, None)
    assert (await read_facts(redis, KEYS, b"a", with_payload=True)).payload == payload


@pytest.mark.parametrize(("lane", "name"), [(Lane.IO, "deferred"), (Lane.CPU, "deferred_cpu")])
async def test_a_deferred_job_until_it_is_due(redis: Redis, lane: Lane, name: str) -> None:
    await put(redis, "a", delay_ms=60_000, lane=lane)
    facts = await read_facts(redis, KEYS, b"a")
    assert (facts.state, facts.lane_queue) == ("deferred", lane.value)
    await redis.zadd(KEYS.key(name), {"a": 5})
    facts = await read_facts(redis, KEYS, b"a")
    assert (facts.state, facts.due_ms) == ("queued", 5)


@pytest.mark.parametrize("lane", [Lane.IO, Lane.CPU])
async def test_a_running_job_and_who_holds_it(redis: Redis, lane: Lane) -> None:
    await put(redis, "a", "b", lane=lane)
    await take(redis, 1, incarnation="other:1:1.1", lane_queue=lane_queue_of(lane))
    await take(redis, 1, lane_queue=lane_queue_of(lane))
    facts = await read_facts(redis, KEYS, b"b")
    assert (facts.state, facts.lane_queue, facts.holder) == ("running", lane.value, Holder(WORKER))
    await redis.hdel(KEYS.held(INCARNATION), "b")  # type: ignore[misc]
    facts = await read_facts(redis, KEYS, b"b")
    assert (facts.state, facts.holder) == ("running", None), "its holder has just ended"


async def test_results_and_until_when_they_are_kept(redis: Redis) -> None:
    now = await now_ms(redis)
    await run_piece(redis, "keeping", "keep_results(tonumber(ARGV[1]), {'a', 'result'})", now)
    await hset(redis, KEYS.key("kept"), {"b": "own", "c": "for ever"})
    await redis.zadd(KEYS.key("ends"), {"rb": now + 60_000})
    facts = [await read_facts(redis, KEYS, raw_id) for raw_id in (b"a", b"b", b"c")]
    assert [each.state for each in facts] == [None] * 3
    assert [each.result for each in facts] == [b"result", b"own", b"for ever"]
    assert [each.result_bytes for each in facts] == [6, 3, 8]
    assert [each.kept_until_ms for each in facts[1:]] == [now + 60_000, None]
    assert facts[0].kept_until_ms is not None
    assert abs(facts[0].kept_until_ms - now - 4_200_000) < 60_000


async def test_a_result_that_was_not_kept(redis: Redis) -> None:
    await run_piece(redis, "keeping", "leave_tombstones(tonumber(ARGV[1]), {'a'})", await now_ms(redis))
    facts = await read_facts(redis, KEYS, b"a")
    assert (facts.state, facts.ended_without_result) == (None, True)
