"""The facts of one job, including those that are not in its queue's keys."""

from __future__ import annotations

from dataclasses import replace

from redis.asyncio import Redis

from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.formats.native.monitor.workers import read_start_times
from monarq.shared.formats.native.queues.facts import read_facts as read_stored
from monarq.shared.payloads.payload_head import read_head
from monarq.shared.protocol.job_facts import JobFacts
from monarq.shared.protocol.pages import HEAD_BYTES, Holder
from monarq.shared.redis.replies import text


async def read_facts(redis: Redis, keys: NativeKeys, raw_id: bytes, *, with_payload: bool) -> JobFacts:
    """Reads all of it: its payload or note says when it expires, and its worker's record when it was started.

    Args:
        redis: the client.
        keys: the keys of the job's queue.
        raw_id: its id.
        with_payload: read the payload up to `LARGEST_READ`, not only its beginning.

    Raises:
        RedisError: Redis did not answer.
    """
    facts = await read_stored(redis, keys, raw_id, with_payload=with_payload)
    head = read_head(facts.payload[:HEAD_BYTES], facts.payload_tail)
    facts = replace(facts, expires_ms=head.expires_ms or facts.expires_ms)
    if facts.state != "running":
        return facts
    if facts.holder is None:
        return replace(facts, state=None)  # only a payload was left behind: nobody holds the job
    worker = facts.holder.worker
    started = await read_start_times(redis, [worker])
    return replace(facts, holder=Holder(worker, started.get((worker, text(raw_id)))))
