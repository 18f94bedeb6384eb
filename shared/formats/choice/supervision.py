"""What a supervisor asks of its workers' queues: the recovery of a dead worker's jobs, and how long jobs wait."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from redis.asyncio import Redis

from monarq.shared.formats.arq.keys import QueueKeys
from monarq.shared.formats.arq.queues.waiting import read_waiting as read_arq_waiting
from monarq.shared.formats.arq.workers.recover import recover as recover_arq
from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.formats.native.queues.waiting import read_waiting as read_native_waiting
from monarq.shared.formats.native.session.recovery import recover_dead
from monarq.shared.protocol.counts import Waiting
from monarq.shared.protocol.queue_ref import Format, QueueRef


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


async def _recover_arq(redis: Redis, name: str, worker_id: str, what: str) -> int:
    return len(await recover_arq(redis, QueueKeys.of(name), worker_id, what))


async def _read_arq_waiting(redis: Redis, name: str) -> Waiting:
    return await read_arq_waiting(redis, QueueKeys.of(name))


async def _read_native_waiting(redis: Redis, name: str) -> Waiting:
    return await read_native_waiting(redis, NativeKeys.of(name))


_RECOVERIES: Final[Mapping[Format, Callable[[Redis, str, str, str], Awaitable[int]]]] = {
    "native": recover_dead,
    "arq": _recover_arq,
}
_WAITING_READERS: Final[Mapping[Format, Callable[[Redis, str], Awaitable[Waiting]]]] = {
    "native": _read_native_waiting,
    "arq": _read_arq_waiting,
}
