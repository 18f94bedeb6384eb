"""Administration: pauses, resumes and purges queues; cancels and retries jobs, and promotes deferred ones.

The page, `monarq queues` and `monarq jobs` use it. Every step is one script that may be repeated.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from enum import StrEnum
from typing import Final

from redis.asyncio import Redis

from monarq.shared.formats.choice.monitors import monitor_queue
from monarq.shared.protocol.answers import CancelAnswer, Promoted, Revived
from monarq.shared.protocol.monitor_queue import WaitingState
from monarq.shared.protocol.queue_ref import QueueRef


class Cancelled(StrEnum):
    """The answer to a request to cancel a job."""

    WAITS = "waits"
    """It waits; a worker will end it at once without running it."""
    RUNS = "runs"
    """It runs; its worker will cancel it within half a second."""
    PAUSED = "paused"
    """It waits in a paused queue; it will be ended without being run when the queue is resumed."""
    ENDED = "ended"
    """It waited, and has ended without being run."""
    UNKNOWN = "unknown"
    """It is not in the queue: it has ended, or was never there."""


class Retried(StrEnum):
    """The answer to a request to run a job again, or now."""

    REVIVED = "revived"
    """It was dead; now it waits in its queue again as if it had never run."""
    PROMOTED = "promoted"
    """It was deferred; now it is due."""
    QUEUED = "queued"
    """It was due already, and waits for a worker."""
    RUNS = "runs"
    """It runs already."""
    NO_PAYLOAD = "no_payload"
    """It is dead, and its payload was gone before it died."""
    UNKNOWN = "unknown"
    """It neither waits in this queue nor is dead; or it is dead, and a job of the same id waits in another queue."""


async def pause(redis: Redis, queue: QueueRef) -> bool:
    """Pauses the queue: monarq's workers claim no more of its jobs. Running jobs go on, and jobs may be enqueued.

    Stock arq workers ignore it.

    Returns:
        Whether the queue was not paused before.

    Raises:
        RedisError: Redis did not answer; the call may be repeated.
    """
    return not await monitor_queue(queue).pause(redis)


async def resume(redis: Redis, queue: QueueRef) -> bool:
    """Resumes a paused queue, with immediate effect; returns whether it was paused.

    Raises:
        MoveRefusedError: a move of its jobs has not ended.
        RedisError: Redis did not answer; the call may be repeated.
    """
    return await monitor_queue(queue).resume(redis)


async def paused_since_ms(redis: Redis, queue: QueueRef) -> int | None:
    """When the queue was paused, unix ms by Redis' clock; None where it is not paused.

    Raises:
        RedisError: Redis did not answer.
    """
    return await monitor_queue(queue).paused_since_ms(redis)


async def purge(redis: Redis, queue: QueueRef, states: Collection[WaitingState] = ("queued", "deferred")) -> int:
    """Deletes the waiting jobs for good, see `purge_slowly`; returns how many there were."""
    return sum([removed async for removed in purge_slowly(redis, queue, states)])


def purge_slowly(
    redis: Redis, queue: QueueRef, states: Collection[WaitingState] = ("queued", "deferred")
) -> AsyncIterator[int]:
    """Deletes the waiting jobs for good, a thousand a call; yields the number of each call.

    Running jobs are not touched, nor jobs that become due meanwhile. Callers that wait for a result get
    ResultNotFoundError.

    Args:
        redis: the client.
        queue: the queue.
        states: which jobs: "queued" are those that are due at the start of the purge, "deferred" the others.

    Raises:
        RedisError: Redis did not answer; repeat it for the rest.
    """
    return monitor_queue(queue).purge(redis, states)


async def cancel(redis: Redis, queue: QueueRef, job_id: str | bytes) -> Cancelled:
    """Requests that a job be stopped, or not be started; a worker carries it out, but where it waits in a native queue.

    Stock arq workers, and monarq workers with arq's settings, do so only with ``allow_abort_jobs``.

    Raises:
        RedisError: Redis did not answer; the call may be repeated.
    """
    steered = monitor_queue(queue)
    answer = await steered.cancel(redis, job_id)
    if answer is CancelAnswer.WAITS and await steered.paused_since_ms(redis) is not None:
        return Cancelled.PAUSED
    return {
        CancelAnswer.UNKNOWN: Cancelled.UNKNOWN,
        CancelAnswer.WAITS: Cancelled.WAITS,
        CancelAnswer.RUNS: Cancelled.RUNS,
        CancelAnswer.ENDED: Cancelled.ENDED,
    }[answer]


_PROMOTED: Final = {
    Promoted.DUE: Retried.PROMOTED,
    Promoted.WAS_DUE: Retried.QUEUED,
    Promoted.RUNS: Retried.RUNS,
}
_REVIVED: Final = {
    Revived.BACK: Retried.REVIVED,
    Revived.NO_PAYLOAD: Retried.NO_PAYLOAD,
    Revived.ALIVE: Retried.UNKNOWN,
    Revived.NO_LETTER: Retried.UNKNOWN,
}


async def retry(redis: Redis, queue: QueueRef, job_id: str | bytes) -> Retried:
    """Makes a job run now: a deferred one is made due, a dead one is put back into its queue.

    Raises:
        RedisError: Redis did not answer; the call may be repeated.
    """
    raw_id = job_id if isinstance(job_id, bytes) else job_id.encode("utf-8", "surrogateescape")
    steered = monitor_queue(queue)
    promoted = await steered.promote(redis, raw_id)
    if promoted is not Promoted.UNKNOWN:
        return _PROMOTED[promoted]
    [revived] = await steered.revive(redis, [raw_id])
    return _REVIVED[revived]
