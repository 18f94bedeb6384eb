"""The queue that a request names: by its name, and also by its format if both formats have a queue with that name."""

from __future__ import annotations

from collections.abc import Iterable

from redis.asyncio import Redis

from monarq.monitor.web.base.page_request import PageRequest
from monarq.shared.formats.choice.monitors import find_queue
from monarq.shared.protocol.queue_ref import FORMATS, QueueRef


async def named_queue(redis: Redis, request: PageRequest) -> QueueRef:
    """The queue that the request names.

    Raises:
        RedisError: Redis did not answer.
    """
    name = request.text("queue")
    asked = request.text("format")
    return next((QueueRef(name, each) for each in FORMATS if each == asked), None) or await find_queue(redis, name)


async def chosen_queue(redis: Redis, request: PageRequest) -> QueueRef | None:
    """The same; None if the request names none.

    Raises:
        RedisError: Redis did not answer.
    """
    return await named_queue(redis, request) if request.text("queue") else None


def need_format(queues: Iterable[QueueRef]) -> bool:
    """Whether queues in both formats have the same name, so that a name alone is ambiguous."""
    listed = set(queues)
    return len({queue.name for queue in listed}) < len(listed)
