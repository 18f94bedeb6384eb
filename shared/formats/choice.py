"""The choice of a queue's format: the one place that knows them all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from redis.asyncio import Redis

from monarq.shared.formats.arq.monitor import queue_reads as arq_reads
from monarq.shared.formats.arq.monitor.monitor_queue import ArqMonitorQueue
from monarq.shared.protocol.monitor_queue import MonitorQueue
from monarq.shared.protocol.queue_ref import Format, QueueRef

_MONITORED: Final[Mapping[Format, Callable[[str], MonitorQueue]]] = {"arq": ArqMonitorQueue}


def monitor_queue(ref: QueueRef) -> MonitorQueue:
    """The queue as monitors read and steer it."""
    return _MONITORED[ref.format](ref.name)


async def known_queues(redis: Redis) -> list[QueueRef]:
    """The default queue first, then every queue that was used lately, by name; at most 1,000 of a format.

    Raises:
        RedisError: Redis did not answer.
    """
    return [QueueRef(name, "arq") for name in await arq_reads.known_queues(redis)]


async def find_queue(redis: Redis, name: str) -> QueueRef:
    """The queue that people mean by a name: the native one where it is known, else the one in arq's format.

    Raises:
        RedisError: Redis did not answer.
    """
    native = QueueRef(name, "native")
    if "native" in _MONITORED and await monitor_queue(native).is_known(redis):
        return native
    return QueueRef(name, "arq")
