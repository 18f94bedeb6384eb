"""Queues as monitors read and steer them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from redis.asyncio import Redis

from monarq.shared.formats.arq.monitor.monitor_queue import ArqMonitorQueue
from monarq.shared.formats.arq.monitor.queue_reads import known_queues as known_arq_queues
from monarq.shared.protocol.monitor_queue import MonitorQueue
from monarq.shared.protocol.queue_ref import DEFAULT_FORMAT, DEFAULT_QUEUE, Format, QueueRef

_MONITOR_QUEUES: Final[Mapping[Format, Callable[[str], MonitorQueue]]] = {"arq": ArqMonitorQueue}
_KNOWN_QUEUES: Final[Mapping[Format, Callable[[Redis], Awaitable[list[str]]]]] = {"arq": known_arq_queues}


def monitor_queue(queue: QueueRef) -> MonitorQueue:
    """The queue as monitors read and steer it."""
    return _MONITOR_QUEUES[queue.format](queue.name)


async def known_queues(redis: Redis) -> list[QueueRef]:
    """The default queue first, then every queue that was used lately, by name; at most 1,000 of a format.

    Raises:
        RedisError: Redis did not answer.
    """
    known = [QueueRef(name, its_format) for its_format, read in _KNOWN_QUEUES.items() for name in await read(redis)]
    return sorted(known, key=lambda queue: (queue != QueueRef(DEFAULT_QUEUE, DEFAULT_FORMAT), *queue))


async def find_queue(redis: Redis, name: str) -> QueueRef:
    """The queue that people mean by a name: the native one where it is known, else the one in arq's format.

    Raises:
        RedisError: Redis did not answer.
    """
    native = QueueRef(name, "native")
    is_native = "native" in _MONITOR_QUEUES and await monitor_queue(native).is_known(redis)
    return native if is_native else QueueRef(name, "arq")
