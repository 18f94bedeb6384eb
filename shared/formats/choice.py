"""The choice of a format: what implements each contract, by the format of the queue; chosen here and nowhere else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Final

from redis.asyncio import Redis

from monarq.shared.formats.arq.cron_queue import ArqCronQueue
from monarq.shared.formats.arq.keys import QueueKeys
from monarq.shared.formats.arq.monitor.monitor_queue import ArqMonitorQueue
from monarq.shared.formats.arq.monitor.queue_reads import known_queues as known_arq_queues
from monarq.shared.formats.arq.producer import ArqProducerQueue
from monarq.shared.formats.arq.queues.waiting import read_waiting as read_arq_waiting
from monarq.shared.formats.arq.worker_session import ArqWorkerSession
from monarq.shared.formats.arq.workers.recover import recover as recover_arq
from monarq.shared.protocol.counts import Waiting
from monarq.shared.protocol.cron_queue import CronQueue
from monarq.shared.protocol.lease import Lease
from monarq.shared.protocol.monitor_queue import MonitorQueue
from monarq.shared.protocol.producer_queue import ProducerQueue
from monarq.shared.protocol.queue_ref import DEFAULT_FORMAT, DEFAULT_QUEUE, Format, QueueRef
from monarq.shared.protocol.worker_queue import OpenSession, WorkerSession, WorkerTerms

SESSION_OPENERS: Final[Mapping[Format, OpenSession]] = {"arq": ArqWorkerSession}
"""What opens a worker's session."""


def open_sessions(
    queues: Iterable[QueueRef], terms: WorkerTerms, on_lost: Callable[[list[Lease]], None]
) -> list[WorkerSession]:
    """Opens a worker's sessions, one for each format that its queues have."""
    names: dict[Format, list[str]] = {}
    for queue in queues:
        names.setdefault(queue.format, []).append(queue.name)
    return [SESSION_OPENERS[each](of_format, terms, on_lost) for each, of_format in names.items()]


def producer_queue(queue: QueueRef) -> ProducerQueue:
    """The queue as producers use it."""
    return _PRODUCER_QUEUES[queue.format](queue)


def cron_queue(queue: QueueRef) -> CronQueue:
    """The queue as cron schedulers use it."""
    return _CRON_QUEUES[queue.format](queue.name)


async def recover(redis: Redis, queue: QueueRef, worker_id: str, what: str) -> int:
    """Puts back at once the jobs of a worker that is known to be dead, and counts a crash for each.

    Args:
        redis: the client.
        queue: the queue.
        worker_id: the dead worker.
        what: what happened to it, in a few words.

    Returns:
        How many jobs are free again.

    Raises:
        RedisError: the call failed; it may be repeated.
    """
    return await _RECOVERIES[queue.format](redis, queue.name, worker_id, what)


async def read_waiting(redis: Redis, queue: QueueRef) -> Waiting:
    """How long the queue's jobs have waited.

    Raises:
        RedisError: the call failed.
    """
    return await _WAITING_READERS[queue.format](redis, queue.name)


def monitor_queue(queue: QueueRef) -> MonitorQueue:
    """The queue as monitors read and steer it."""
    return _MONITOR_QUEUES[queue.format](queue.name)


async def known_queues(redis: Redis) -> list[QueueRef]:
    """The default queue first, then every queue that was used lately, by name; at most 1,000 of a format.

    Raises:
        RedisError: Redis did not answer.
    """
    known = [QueueRef(name, format_) for format_, read in _KNOWN_QUEUES.items() for name in await read(redis)]
    return sorted(known, key=lambda queue: (queue != QueueRef(DEFAULT_QUEUE, DEFAULT_FORMAT), *queue))


async def find_queue(redis: Redis, name: str) -> QueueRef:
    """The queue that people mean by a name: the native one where it is known, else the one in arq's format.

    Raises:
        RedisError: Redis did not answer.
    """
    native = QueueRef(name, "native")
    is_native = "native" in _MONITOR_QUEUES and await monitor_queue(native).is_known(redis)
    return native if is_native else QueueRef(name, "arq")


async def _recover_arq(redis: Redis, name: str, worker_id: str, what: str) -> int:
    return len(await recover_arq(redis, QueueKeys.of(name), worker_id, what))


async def _read_arq_waiting(redis: Redis, name: str) -> Waiting:
    return await read_arq_waiting(redis, QueueKeys.of(name))


_PRODUCER_QUEUES: Final[Mapping[Format, Callable[[QueueRef], ProducerQueue]]] = {"arq": ArqProducerQueue}
_CRON_QUEUES: Final[Mapping[Format, Callable[[str], CronQueue]]] = {"arq": ArqCronQueue}
_RECOVERIES: Final[Mapping[Format, Callable[[Redis, str, str, str], Awaitable[int]]]] = {"arq": _recover_arq}
_WAITING_READERS: Final[Mapping[Format, Callable[[Redis, str], Awaitable[Waiting]]]] = {"arq": _read_arq_waiting}
_KNOWN_QUEUES: Final[Mapping[Format, Callable[[Redis], Awaitable[list[str]]]]] = {"arq": known_arq_queues}
_MONITOR_QUEUES: Final[Mapping[Format, Callable[[str], MonitorQueue]]] = {"arq": ArqMonitorQueue}
