"""Queues as producers use them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from redis.asyncio import Redis

from monarq.shared.formats.arq.producer import ArqProducerQueue
from monarq.shared.formats.native.sharded.producer_queue import ShardedProducerQueue
from monarq.shared.protocol.job_facts import JobFacts
from monarq.shared.protocol.producer_queue import ProducerQueue
from monarq.shared.protocol.queue_ref import Format, QueueRef

_QUEUES: Final[Mapping[Format, Callable[[QueueRef], ProducerQueue]]] = {
    "native": ShardedProducerQueue,
    "arq": ArqProducerQueue,
}


def producer_queue(queue: QueueRef) -> ProducerQueue:
    """The queue as producers use it."""
    return _QUEUES[queue.format](queue)


async def read_facts(redis: Redis, queue: QueueRef, job_id: str) -> JobFacts:
    """All that a queue holds of a job, as monitors read it.

    Raises:
        RedisError: Redis did not answer.
    """
    from monarq.shared.formats.choice.monitors import monitor_queue  # few producers ask

    return await monitor_queue(queue).read_facts(redis, job_id.encode("utf-8", "surrogateescape"), with_payload=False)
