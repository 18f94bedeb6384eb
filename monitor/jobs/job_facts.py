"""Everything that Redis holds of one job, read at one moment in one round trip; nothing of it is decoded here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from redis.asyncio import Redis

from monarq.monitor.jobs.payload_view import LARGEST_READ
from monarq.shared.formats.arq import keys as names
from monarq.shared.formats.arq.keys import PARKED_SCORE, QueueKeys
from monarq.shared.protocol.pages import HEAD_BYTES, TAIL_BYTES
from monarq.shared.redis.replies import read_number

MOST_HISTORY: Final = 20
"""The most entries of a job's history."""


@dataclass(frozen=True, slots=True)
class JobFacts:
    """What Redis holds of a job at one moment; a key of a wrong type counts as missing.

    Attributes:
        raw_id: its id.
        now_ms: Redis' time.
        score: in the queue, or None.
        cpu_score: in the set of cpu jobs, or None.
        payload: as much of it as was read.
        payload_tail: its end, where it is longer than what a list reads of it.
        payload_bytes: its size; None where there is none.
        payload_ttl_ms: its time to live; negative for ever.
        token: the token of the claim that runs the job.
        tries: used tries.
        crash: the crash note.
        abort_ms: when its abort was requested.
        result: as much of it as is read to be shown.
        result_bytes: its size; None where there is none.
        result_ttl_ms: its time to live; negative for ever.
        history: the entries that the scripts have written.
        was_not_kept: whether it has ended and its result was not kept.
    """

    raw_id: bytes
    now_ms: int
    score: float | None
    cpu_score: float | None
    payload: bytes
    payload_tail: bytes
    payload_bytes: int | None
    payload_ttl_ms: int
    token: bytes | None
    tries: bytes
    crash: bytes
    abort_ms: float | None
    result: bytes
    result_bytes: int | None
    result_ttl_ms: int
    history: list[bytes]
    was_not_kept: bool

    @property
    def due_ms(self) -> int | None:
        """When the job is due, or its lease ends; None where it is in no queue."""
        score = self.score
        if score is not None and score >= PARKED_SCORE:
            score = self.cpu_score
        return None if score is None else read_number(score)

    def end_ms(self, ttl_ms: int) -> int | None:
        """When a key of this time to live expires; None for never."""
        return self.now_ms + ttl_ms if ttl_ms >= 0 else None


async def read_facts(redis: Redis, keys: QueueKeys, raw_id: bytes, *, with_payload: bool) -> JobFacts:
    """Reads all of it in one round trip.

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
    token, tries, crash = known[8]
    return JobFacts(
        raw_id=raw_id,
        now_ms=int(known[0][0]) * 1000 + int(known[0][1]) // 1000,
        score=known[1],
        cpu_score=known[2],
        payload=known[3] or b"",
        payload_tail=(known[4] or b"") if (known[5] or 0) > HEAD_BYTES else b"",
        payload_bytes=known[5] if known[6] else None,
        payload_ttl_ms=known[7],
        token=token,
        tries=tries or b"0",
        crash=crash or b"",
        abort_ms=known[9],
        result=known[10] or b"",
        result_bytes=known[11] if known[12] else None,
        result_ttl_ms=known[13],
        history=known[14] or [],
        was_not_kept=bool(known[15]),
    )


def job_key(prefix: str, raw_id: bytes) -> bytes:
    """A key of the job, from the prefix of such keys."""
    return prefix.encode() + raw_id
