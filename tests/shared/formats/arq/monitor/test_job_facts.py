"""The facts of a job: all that Redis holds of it, whatever is missing, too large or of another type."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from monarq.shared.formats.arq import keys as names
from monarq.shared.formats.arq.keys import PARKED_SCORE
from monarq.shared.formats.arq.monitor.arq_queue import job_key
from monarq.shared.formats.arq.monitor.job_facts import due_ms_of, read_facts
from monarq.shared.protocol.job_facts import LARGEST_READ, MOST_HISTORY, JobFacts
from monarq.shared.protocol.pages import HEAD_BYTES, TAIL_BYTES, Holder
from monarq.shared.redis.connection import open_redis
from tests.support.queue_state import server_ms
from tests.support.workers import QUEUE

TTL_S: Final = 100
MISSING: Final = JobFacts(b"a", now_ms=0)


async def read(redis: Redis, raw_id: bytes = b"a", *, with_payload: bool = True) -> JobFacts:
    return await read_facts(redis, QUEUE, raw_id, with_payload=with_payload)


async def test_of_a_job_that_is_not_there(redis: Redis) -> None:
    assert replace(await read(redis), now_ms=0) == MISSING


@pytest.mark.parametrize("raw_id", [b"a", b"\xff\x00 {x}", "zwölf".encode()])
async def test_of_a_job_of_which_redis_holds_all(redis: Redis, raw_id: bytes) -> None:
    calls: Any = redis.pipeline()
    calls.zadd(QUEUE.queue, {raw_id: PARKED_SCORE})
    calls.zadd(QUEUE.cpu, {raw_id: 7000.5})
    calls.zadd(names.ABORT, {raw_id: 8000.5})
    for prefix, value in [
        (names.JOB_PREFIX, b"payload"),
        (names.RESULT_PREFIX, b"result"),
        (names.IN_PROGRESS_PREFIX, b"w:cpu:1:9000"),
        (names.RETRY_PREFIX, b"3"),
        (QUEUE.crash(""), b"1 killed"),
        (QUEUE.no_result(""), b"1"),
    ]:
        calls.set(job_key(prefix, raw_id), value, ex=TTL_S)
    calls.rpush(job_key(QUEUE.history(""), raw_id), b"5 promoted", b"6 retried")
    for key in (QUEUE.queue, QUEUE.cpu, names.ABORT, job_key(QUEUE.history(""), raw_id)):
        calls.expire(key, TTL_S)
    await calls.execute()
    facts = await read(redis, raw_id)
    assert abs(facts.now_ms - await server_ms(redis)) < 5000
    assert facts.expires_ms is not None
    assert facts.kept_until_ms is not None
    assert 0 < facts.expires_ms - facts.now_ms <= TTL_S * 1000
    assert 0 < facts.kept_until_ms - facts.now_ms <= TTL_S * 1000
    assert facts == JobFacts(
        raw_id=raw_id,
        now_ms=facts.now_ms,
        state="running",
        lane_queue="cpu",
        due_ms=None,
        holder=Holder("w", 9000),
        payload=b"payload",
        payload_tail=b"",
        payload_bytes=7,
        expires_ms=facts.expires_ms,
        tries=3,
        crashes=1,
        crash_note="killed",
        cancel_asked_ms=8000,
        result=b"result",
        result_bytes=6,
        kept_until_ms=facts.kept_until_ms,
        history=[b"5 promoted", b"6 retried"],
        ended_without_result=True,
    )


@pytest.mark.parametrize(("due_in_ms", "state"), [(-1000, "queued"), (60_000, "deferred")])
async def test_a_job_that_waits(redis: Redis, due_in_ms: int, state: str) -> None:
    due_ms = await server_ms(redis) + due_in_ms
    await redis.zadd(QUEUE.queue, {"a": due_ms})
    await redis.expire(QUEUE.queue, TTL_S)
    facts = await read(redis)
    assert (facts.state, facts.due_ms, facts.holder) == (state, due_ms, None)


async def test_an_empty_payload_and_result_are_there(redis: Redis) -> None:
    await redis.set(names.job("a"), b"", ex=TTL_S)
    await redis.set(names.result("a"), b"", ex=TTL_S)
    facts = await read(redis)
    assert (facts.payload_bytes, facts.result_bytes) == (0, 0)


@pytest.mark.parametrize(
    ("size", "with_payload", "head_bytes", "tail_bytes"),
    [
        (HEAD_BYTES, False, HEAD_BYTES, 0),
        (HEAD_BYTES + 1, False, HEAD_BYTES, TAIL_BYTES),
        (HEAD_BYTES + 1, True, HEAD_BYTES + 1, TAIL_BYTES),
        (LARGEST_READ + 1, True, LARGEST_READ, TAIL_BYTES),
    ],
)
async def test_no_more_is_read_of_a_payload_than_is_shown(
    redis: Redis, size: int, with_payload: bool, head_bytes: int, tail_bytes: int
) -> None:
    payload = bytes(at % 251 for at in range(size))
    await redis.set(names.job("a"), payload, ex=TTL_S)
    facts = await read(redis, with_payload=with_payload)
    assert facts.payload_bytes == size
    assert facts.payload == payload[:head_bytes]
    assert facts.payload_tail == payload[size - tail_bytes :]


async def test_no_more_is_read_of_a_result_or_a_history_than_is_shown(redis: Redis) -> None:
    await redis.set(names.result("a"), bytes(LARGEST_READ + 1), ex=TTL_S)
    entries = [f"{at} retried".encode() for at in range(MOST_HISTORY + 3)]
    await redis.rpush(QUEUE.history("a"), *entries)  # type: ignore[misc]
    await redis.expire(QUEUE.history("a"), TTL_S)
    facts = await read(redis)
    assert (len(facts.result), facts.result_bytes) == (LARGEST_READ, LARGEST_READ + 1)
    assert facts.history == entries[3:], "the newest"


async def test_keys_of_another_type_count_as_missing(redis: Redis) -> None:
    lists = [names.job("a"), names.result("a"), names.in_progress("a"), names.retry("a"), QUEUE.crash("a")]
    for key in [*lists, QUEUE.queue, QUEUE.cpu, names.ABORT]:
        await redis.rpush(key, "wrong")  # type: ignore[misc]
        await redis.expire(key, TTL_S)
    await redis.set(QUEUE.history("a"), "wrong", ex=TTL_S)
    facts = await read(redis)
    assert replace(facts, now_ms=0) == MISSING


async def test_a_redis_that_does_not_answer_raises() -> None:
    async with open_redis("redis://127.0.0.1:1") as nowhere:
        with pytest.raises(RedisError):
            await read(nowhere)


@pytest.mark.parametrize(
    ("score", "cpu_score", "due_ms"),
    [
        (None, None, None),
        (None, 7000.0, None),
        (5000.5, None, 5000),
        (5000.0, 7000.0, 5000),
        (PARKED_SCORE, 7000.5, 7000),
        (PARKED_SCORE, None, None),
        (float("-inf"), None, 0),
    ],
)
def test_when_it_is_due(score: float | None, cpu_score: float | None, due_ms: int | None) -> None:
    assert due_ms_of(score, cpu_score) == due_ms


async def test_what_is_kept_for_ever_has_no_end(redis: Redis) -> None:
    await redis.set(names.job("a"), b"payload")
    await redis.set(names.result("a"), b"result")
    facts = await read(redis)
    assert (facts.expires_ms, facts.kept_until_ms) == (None, None)
    await redis.delete(names.job("a"), names.result("a"))
