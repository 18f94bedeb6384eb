"""The facts of one job."""

from __future__ import annotations

from typing import Final

from redis.asyncio import Redis

from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.formats.native.monitor.workers import read_start_times
from monarq.shared.formats.native.queues.facts import Facts
from monarq.shared.formats.native.queues.facts import read_facts as read_all
from monarq.shared.formats.native.workers.leases import worker_of
from monarq.shared.payloads.payload_head import read_head
from monarq.shared.protocol.job_facts import LARGEST_READ, MOST_HISTORY, JobFacts
from monarq.shared.protocol.pages import HEAD_BYTES, Holder, LiveState
from monarq.shared.protocol.producer_queue import JobStatus
from monarq.shared.redis.replies import text

_LIVE: Final[dict[JobStatus, LiveState]] = {JobStatus.QUEUED: "queued", JobStatus.DEFERRED: "deferred"}


async def read_facts(redis: Redis, keys: NativeKeys, raw_id: bytes, *, with_payload: bool) -> JobFacts:
    """Reads all of it; where a worker runs the job, in a few round trips.

    Args:
        redis: the client.
        keys: the keys of the job's queue.
        raw_id: its id.
        with_payload: read the payload up to `LARGEST_READ`, not only its beginning.

    Raises:
        RedisError: Redis did not answer.
    """
    most_payload = LARGEST_READ if with_payload else HEAD_BYTES
    facts = await read_all(redis, keys, raw_id, most_payload=most_payload)
    holder = None
    if facts.incarnation is not None:
        worker = worker_of(facts.incarnation)
        started = await read_start_times(redis, [worker])
        holder = Holder(worker, started.get((worker, text(raw_id))))
    return _facts_of(facts, holder)


def _facts_of(facts: Facts, holder: Holder | None) -> JobFacts:
    # Only what waits and what is held is alive: a payload alone is one that was left behind.
    state = "running" if holder else _LIVE.get(facts.status)
    return JobFacts(
        raw_id=facts.raw_id,
        now_ms=facts.now_ms,
        state=state,
        lane_queue=facts.lane_queue or "io",
        due_ms=facts.due_ms,
        holder=holder,
        payload=facts.payload,
        payload_tail=facts.payload_tail,
        payload_bytes=facts.payload_bytes,
        expires_ms=read_head(facts.payload[:HEAD_BYTES], facts.payload_tail).expires_ms,
        tries=facts.note.tries,
        crashes=facts.note.crashes,
        crash_note=facts.note.text,
        abort_ms=facts.abort_ms,
        result=facts.result,
        result_bytes=facts.result_bytes,
        kept_until_ms=facts.result_ends_ms,
        history=list(facts.trail[-MOST_HISTORY:]),
        ended_without_result=facts.was_not_kept,
    )
