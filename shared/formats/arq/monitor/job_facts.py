"""The facts of one job, read at one moment in one round trip."""

from __future__ import annotations

from typing import Any

from redis.asyncio import Redis

from monarq.shared.clock import server_time
from monarq.shared.formats.arq import keys as names
from monarq.shared.formats.arq.claim_token import parse_token
from monarq.shared.formats.arq.jobs.claim import read_crash
from monarq.shared.formats.arq.keys import PARKED_SCORE, QueueKeys
from monarq.shared.formats.arq.monitor.arq_queue import job_key
from monarq.shared.protocol.job_facts import LARGEST_READ, MOST_HISTORY, JobFacts
from monarq.shared.protocol.pages import HEAD_BYTES, TAIL_BYTES, LiveState
from monarq.shared.redis.replies import read_number


async def read_facts(redis: Redis, keys: QueueKeys, raw_id: bytes, *, with_payload: bool) -> JobFacts:
    """Reads all of it in one round trip; a key of a wrong type counts as missing.

    Args:
        redis: the client.
        keys: the keys of the job's queue.
        raw_id: its id.
        with_payload: read the payload up to `LARGEST_READ`, not only its beginning.

    Raises:
        RedisError: Redis did not answer.
    """
    calls: Any = redis.pipeline(transaction=True)
    _add_calls(calls, keys, raw_id, LARGEST_READ if with_payload else HEAD_BYTES)
    replies = await calls.execute(raise_on_error=False)
    for reply in replies:
        if isinstance(reply, Exception) and "WRONGTYPE" not in str(reply):
            raise reply
    return _facts_of(raw_id, [None if isinstance(reply, Exception) else reply for reply in replies])


def _add_calls(calls: Any, keys: QueueKeys, raw_id: bytes, payload_bytes: int) -> None:
    """The calls whose replies `_facts_of` takes, in this order."""
    payload, result = job_key(names.JOB_PREFIX, raw_id), job_key(names.RESULT_PREFIX, raw_id)
    calls.time()
    calls.zscore(keys.queue, raw_id)
    calls.zscore(keys.cpu, raw_id)
    calls.getrange(payload, 0, payload_bytes - 1)
    calls.getrange(payload, -TAIL_BYTES, -1)
    calls.strlen(payload)
    calls.exists(payload)
    calls.pttl(payload)
    calls.mget(
        job_key(names.IN_PROGRESS_PREFIX, raw_id), job_key(names.RETRY_PREFIX, raw_id), job_key(keys.crash(""), raw_id)
    )
    calls.zscore(names.ABORT, raw_id)
    calls.getrange(result, 0, LARGEST_READ - 1)
    calls.strlen(result)
    calls.exists(result)
    calls.pttl(result)
    calls.lrange(job_key(keys.history(""), raw_id), -MOST_HISTORY, -1)
    calls.exists(job_key(keys.no_result(""), raw_id))


def _facts_of(raw_id: bytes, known: list[Any]) -> JobFacts:
    seconds, micros = server_time(int(known[0][0]), int(known[0][1]))
    now_ms = seconds * 1000 + micros // 1000
    score, cpu_score = known[1], known[2]
    token, tries, crash = known[8]
    crashes, crash_note = read_crash(crash or b"")
    due_ms = due_ms_of(score, cpu_score)
    payload_bytes = known[5] if known[6] else None
    result_bytes = known[11] if known[12] else None
    return JobFacts(
        raw_id=raw_id,
        now_ms=now_ms,
        state=_state_of(token, score, due_ms or 0, now_ms),
        lane_queue="io" if cpu_score is None else "cpu",
        due_ms=due_ms if token is None else None,
        holder=None if token is None else parse_token(token),
        payload=known[3] or b"",
        payload_tail=(known[4] or b"") if (known[5] or 0) > HEAD_BYTES else b"",
        payload_bytes=payload_bytes,
        expires_ms=None if payload_bytes is None else _end_ms(now_ms, known[7]),
        tries=read_number(tries or b"0"),
        crashes=crashes,
        crash_note=crash_note,
        cancel_asked_ms=None if known[9] is None else read_number(known[9]),
        result=known[10] or b"",
        result_bytes=result_bytes,
        kept_until_ms=None if result_bytes is None else _end_ms(now_ms, known[13]),
        history=known[14] or [],
        ended_without_result=bool(known[15]),
    )


def _state_of(token: bytes | None, score: float | None, due_ms: int, now_ms: int) -> LiveState | None:
    if token is not None:
        return "running"
    if score is None:
        return None
    return "deferred" if due_ms > now_ms else "queued"


def due_ms_of(score: float | None, cpu_score: float | None) -> int | None:
    """When a job is due or its lease ends, from its scores; None if it is in no queue."""
    if score is not None and score >= PARKED_SCORE:
        score = cpu_score
    return None if score is None else read_number(score)


def _end_ms(now_ms: int, ttl_ms: int) -> int | None:
    """When a key with this TTL expires; None for never."""
    return now_ms + ttl_ms if ttl_ms >= 0 else None
