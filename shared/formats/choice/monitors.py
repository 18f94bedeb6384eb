"""Queues as monitors read and steer them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Final

from redis.asyncio import Redis

from monarq.shared.formats.arq.monitor.monitor_queue import ArqMonitorQueue
from monarq.shared.formats.arq.monitor.queue_reads import known_queues as known_arq_queues
from monarq.shared.formats.arq.monitor.workers import read_workers as read_arq_workers
from monarq.shared.formats.native.monitor.monitor_queue import NativeMonitorQueue
from monarq.shared.formats.native.monitor.workers import read_workers as read_native_workers
from monarq.shared.formats.native.workers.fleet import read_queues as known_native_queues
from monarq.shared.protocol.monitor_queue import MonitorQueue, ReadWorkers
from monarq.shared.protocol.monitor_records import WorkerRecord
from monarq.shared.protocol.queue_ref import DEFAULT_FORMAT, DEFAULT_QUEUE, Format, QueueRef

_MONITOR_QUEUES: Final[Mapping[Format, Callable[[str], MonitorQueue]]] = {
    "native": NativeMonitorQueue,
    "arq": ArqMonitorQueue,
}
_KNOWN_QUEUES: Final[Mapping[Format, Callable[[Redis], Awaitable[list[str]]]]] = {
    "native": known_native_queues,
    "arq": known_arq_queues,
}
_WORKER_READERS: Final[Mapping[Format, ReadWorkers]] = {"native": read_native_workers, "arq": read_arq_workers}


def monitor_queue(queue: QueueRef) -> MonitorQueue:
    """The queue as monitors read and steer it."""
    return _MONITOR_QUEUES[queue.format](queue.name)


async def known_queues(redis: Redis) -> list[QueueRef]:
    """The default queue first, then every queue that was used lately, by name; at most 1,000 of a format.

    Raises:
        RedisError: Redis did not answer.
    """
    default = QueueRef(DEFAULT_QUEUE, DEFAULT_FORMAT)
    known = {QueueRef(name, its_format) for its_format, read in _KNOWN_QUEUES.items() for name in await read(redis)}
    return [default, *sorted(known - {default})]


async def find_queue(redis: Redis, name: str) -> QueueRef:
    """The queue that people mean by a name: the native one where it is known, else the one in arq's format.

    Raises:
        RedisError: Redis did not answer.
    """
    native = QueueRef(name, "native")
    return native if await monitor_queue(native).is_known(redis) else QueueRef(name, "arq")


async def read_workers(redis: Redis, queues: Iterable[QueueRef]) -> dict[QueueRef, list[WorkerRecord]]:
    """The records of the workers of each of these queues, of those at most 1,000 a queue.

    Raises:
        RedisError: Redis did not answer.
    """
    found: dict[QueueRef, list[WorkerRecord]] = {queue: [] for queue in queues}
    for its_format, read in _WORKER_READERS.items():
        names = [queue.name for queue in found if queue.format == its_format]
        if names:
            by_name = await read(redis, names)
            found |= {QueueRef(name, its_format): records for name, records in by_name.items()}
    return found
