"""Queues for supervisors: the recovery of a dead worker's jobs, and how long jobs have waited."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Final

from redis.asyncio import Redis

from monarq.shared.formats.arq.keys import QueueKeys
from monarq.shared.formats.arq.queues.waiting import read_waiting as read_arq_waiting
from monarq.shared.formats.arq.workers.recover import recover as recover_arq
from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.formats.native.session.recovery import recover_dead
from monarq.shared.formats.native.sharded.waiting import read_waiting as read_native_waiting
from monarq.shared.formats.native.workers.fleet import forget_worker
from monarq.shared.protocol.counts import Waiting
from monarq.shared.protocol.queue_ref import Format, QueueRef


async def recover(redis: Redis, queue: QueueRef, worker_id: str, what: str) -> int:
    """Returns the jobs of a worker that is known to be dead to the queue at once, and counts a crash for each.

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


async def forget(redis: Redis, queues: Iterable[QueueRef], worker_id: str) -> None:
    """Removes a dead worker from the lists of workers, after all of its queues are recovered.

    Raises:
        RedisError: the call failed; it may be repeated.
    """
    if any(queue.format == "native" for queue in queues):  # arq's format has one list per queue, cleared by `recover`
        await forget_worker(redis, worker_id)


async def read_waiting(redis: Redis, queue: QueueRef) -> Waiting:
    """How long the queue's jobs have waited.

    Raises:
        RedisError: the call failed.
    """
    return await _WAITING_READERS[queue.format](redis, queue.name)


def key_of(queue: QueueRef) -> str:
    """A key on the queue's server, or on that of its first shard if it has several."""
    return NativeKeys.of(queue.name).key("leases") if queue.format == "native" else QueueKeys.of(queue.name).queue


async def _recover_arq(redis: Redis, name: str, worker_id: str, what: str) -> int:
    return len(await recover_arq(redis, QueueKeys.of(name), worker_id, what))


async def _read_arq_waiting(redis: Redis, name: str) -> Waiting:
    return await read_arq_waiting(redis, QueueKeys.of(name))


_RECOVERIES: Final[Mapping[Format, Callable[[Redis, str, str, str], Awaitable[int]]]] = {
    "native": recover_dead,
    "arq": _recover_arq,
}
_WAITING_READERS: Final[Mapping[Format, Callable[[Redis, str], Awaitable[Waiting]]]] = {
    "native": read_native_waiting,
    "arq": _read_arq_waiting,
}
