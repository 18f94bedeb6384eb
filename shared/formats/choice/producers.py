"""Queues for producers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from redis.asyncio import Redis

from monarq.shared.formats.arq.producer import ArqProducerQueue
from monarq.shared.formats.native.sharded.producer_queue import ShardedProducerQueue
from monarq.shared.protocol.dead_letters import DeadRecord
from monarq.shared.protocol.job_facts import LARGEST_READ, JobFacts
from monarq.shared.protocol.producer_queue import ProducerQueue
from monarq.shared.protocol.queue_ref import Format, QueueRef
from monarq.shared.redis.replies import text

_QUEUES: Final[Mapping[Format, Callable[[QueueRef], ProducerQueue]]] = {
    "native": ShardedProducerQueue,
    "arq": ArqProducerQueue,
}


_LONGEST_NAME: Final = 200
"""The bytes of a name that workers register."""


def producer_queue(queue: QueueRef) -> ProducerQueue:
    """The queue, for producers."""
    return _QUEUES[queue.format](queue)


async def read_facts(redis: Redis, queue: QueueRef, job_id: str) -> JobFacts:
    """Everything that a queue holds about a job, as read by monitors.

    Raises:
        RedisError: Redis did not answer.
    """
    from monarq.shared.formats.choice.monitors import monitor_queue  # deferred: few producers need it

    return await monitor_queue(queue).read_facts(redis, job_id.encode("utf-8", "surrogateescape"), with_payload=False)


async def find_obstacle(redis: Redis, queue: QueueRef, name: str) -> str:
    """Why a waiting job may not be started, as a clause for messages; '' if no reason is known.

    Args:
        redis: the client.
        queue: the job's queue.
        name: the job's name; '' if it is not known.

    Raises:
        RedisError: Redis did not answer.
    """
    from monarq.shared.formats.choice.monitors import monitor_queue, read_workers

    reads = monitor_queue(queue)
    if (await reads.read_counts(redis)).paused:
        return "the queue is paused"
    if not any(worker.alive for worker in (await read_workers(redis, [queue]))[queue]):
        return "no monarq worker serves the queue"
    known = await reads.read_names(redis) if name else []
    # None are known while the workers have just started.
    if known and text(name.encode(errors="surrogateescape")[:_LONGEST_NAME]) not in known:
        return "no worker of the queue has registered a job of this name"
    return ""


@dataclass(frozen=True, slots=True)
class StoredJob:
    """Everything that a queue holds about a job, with its payload.

    Attributes:
        facts: its facts.
        payload: its payload, also if it is dead; empty if it is gone or larger than `LARGEST_READ`.
        letter: its dead letter, if it is dead.
    """

    facts: JobFacts
    payload: bytes
    letter: DeadRecord | None


async def read_stored_job(redis: Redis, queue: QueueRef, job_id: str) -> StoredJob:
    """As `read_facts`, with its payload and its dead letter.

    Raises:
        RedisError: Redis did not answer.
    """
    from monarq.shared.formats.choice.monitors import monitor_queue

    reads, raw_id = monitor_queue(queue), job_id.encode("utf-8", "surrogateescape")
    facts = await reads.read_facts(redis, raw_id, with_payload=True)
    if facts.state is not None:
        whole = facts.payload_bytes is not None and len(facts.payload) == facts.payload_bytes
        return StoredJob(facts, facts.payload if whole else b"", None)
    letters = await reads.read_dead(redis, [raw_id]) if facts.result_bytes is not None else []
    if not letters:
        return StoredJob(facts, b"", None)
    is_small = (letters[0].payload_bytes or 0) <= LARGEST_READ
    payload = await reads.read_dead_payload(redis, raw_id) if is_small else None
    return StoredJob(facts, payload or b"", letters[0])
