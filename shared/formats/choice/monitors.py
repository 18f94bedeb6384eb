"""Queues for monitors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Final

from redis.asyncio import Redis

from monarq.shared.formats.arq.monitor.monitor_queue import ArqMonitorQueue
from monarq.shared.formats.arq.monitor.queue_reads import known_queues as known_arq_queues
from monarq.shared.formats.arq.monitor.workers import read_workers as read_arq_workers
from monarq.shared.formats.choice.namesakes import find_namesakes
from monarq.shared.formats.native.monitor.known_queues import known_queues as known_native_queues
from monarq.shared.formats.native.monitor.workers import read_workers as read_native_workers
from monarq.shared.formats.native.queues.shards import read_shards
from monarq.shared.formats.native.sharded.monitor.monitor_queue import ShardedMonitorQueue
from monarq.shared.formats.native.shards import ONE
from monarq.shared.protocol.monitor_queue import MonitorQueue, ReadWorkers
from monarq.shared.protocol.monitor_records import WorkerRecord
from monarq.shared.protocol.queue_ref import DEFAULT_QUEUES, Format, QueueRef, suggested_format
from monarq.shared.redis.servers import is_cluster

_MONITOR_QUEUES: Final[Mapping[Format, Callable[[str], MonitorQueue]]] = {
    "native": ShardedMonitorQueue,
    "arq": ArqMonitorQueue,
}
_KNOWN_QUEUES: Final[Mapping[Format, Callable[[Redis], Awaitable[list[str]]]]] = {
    "native": known_native_queues,
    "arq": known_arq_queues,
}
_WORKER_READERS: Final[Mapping[Format, ReadWorkers]] = {"native": read_native_workers, "arq": read_arq_workers}


def monitor_queue(queue: QueueRef) -> MonitorQueue:
    """The queue, for monitors."""
    return _MONITOR_QUEUES[queue.format](queue.name)


async def monitor_queues(redis: Redis, queues: Sequence[QueueRef]) -> list[MonitorQueue]:
    """Several queues, for monitors. What must be known about each is read first, in one round trip.

    Raises:
        RedisError: Redis did not answer.
    """
    names = [queue.name for queue in queues if queue.format == "native"]
    shards = dict(zip(names, await read_shards(redis, names), strict=True))
    return [
        ShardedMonitorQueue(queue.name, shards[queue.name] or ONE) if queue.format == "native" else monitor_queue(queue)
        for queue in queues
    ]


async def known_queues(redis: Redis) -> list[QueueRef]:
    """Every queue that was used recently or holds jobs: the default ones first, then by name; at most 1,000 per format.

    If there is none, only the default queue.

    On a cluster there are only native queues.

    Raises:
        RedisError: Redis did not answer.
    """
    formats: Sequence[Format] = ("native",) if is_cluster(redis) else list(_KNOWN_QUEUES)
    known = {QueueRef(name, each) for each in formats for name in await _KNOWN_QUEUES[each](redis)}
    defaults = [queue for queue in DEFAULT_QUEUES if queue in known]
    return [*defaults, *sorted(known.difference(defaults))] or [DEFAULT_QUEUES[0]]


async def find_queue(redis: Redis, name: str) -> QueueRef:
    """The queue that a user means by a name: the native one if it is known, else the one in arq's format.

    If the native one is known but empty, and jobs wait in the one in arq's format, the latter is meant. If neither is
    known, the name itself suggests a format.

    Raises:
        RedisError: Redis did not answer.
    """
    native, arq = QueueRef(name, "native"), QueueRef(name, "arq")
    if is_cluster(redis):
        return native
    if await monitor_queue(native).is_known(redis):
        has_namesake = any(found.queue == arq for found in await find_namesakes(redis, [native]))
        return arq if has_namesake and await _is_empty(redis, native) else native
    if await monitor_queue(arq).is_known(redis):
        return arq
    return QueueRef(name, suggested_format(name))


async def _is_empty(redis: Redis, queue: QueueRef) -> bool:
    """Whether a queue has neither jobs nor dead letters and is not paused: a paused one must be listed."""
    counts = await monitor_queue(queue).read_counts(redis)
    return not (counts.queued or counts.deferred or counts.running or counts.dead or counts.paused)


async def read_workers(redis: Redis, queues: Iterable[QueueRef]) -> dict[QueueRef, list[WorkerRecord]]:
    """The records of the workers of each of these queues, at most 1,000 per queue.

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
