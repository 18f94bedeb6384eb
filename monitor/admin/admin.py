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
    """It waits; a worker will soon end it without running it."""
    RUNS = "runs"
    """It is running; its worker will cancel it within half a second."""
    PAUSED = "paused"
    """It waits in a paused queue; it will end without running when the queue is resumed."""
    ENDED = "ended"
    """It was waiting, and has ended without running."""
    UNKNOWN = "unknown"
    """It is not in the queue: it has ended, or never existed."""


class Retried(StrEnum):
    """The answer to a request to run a job again, or now."""

    REVIVED = "revived"
    """It was dead; now it is back in its queue as if it had never run."""
    PROMOTED = "promoted"
    """It was deferred; now it is due."""
    QUEUED = "queued"
    """It was already due, and waits for a worker."""
    RUNS = "runs"
    """It is already running."""
    NO_PAYLOAD = "no_payload"
    """It is dead, and its payload is gone."""
    UNKNOWN = "unknown"
    """It neither waits in this queue nor is dead; or it is dead, but a job with the same id waits in another queue."""


async def pause(redis: Redis, queue: QueueRef) -> bool:
    """Pauses the queue: monarq's workers claim no more of its jobs. Running jobs continue; jobs can be enqueued.

    Stock arq workers ignore it.

    Returns:
        Whether the queue was not already paused.

    Raises:
        RedisError: Redis did not answer; the call may be repeated.
    """
    return not await monitor_queue(queue).pause(redis)


async def resume(redis: Redis, queue: QueueRef) -> bool:
    """Resumes a paused queue, with immediate effect; returns whether it was paused.

    Raises:
        MoveRefusedError: a move of its jobs has not finished.
        RedisError: Redis did not answer; the call may be repeated.
    """
    return await monitor_queue(queue).resume(redis)


async def paused_since_ms(redis: Redis, queue: QueueRef) -> int | None:
    """When the queue was paused, unix ms by Redis' clock; None if it is not paused.

    Raises:
        RedisError: Redis did not answer.
    """
    return await monitor_queue(queue).paused_since_ms(redis)


async def purge(redis: Redis, queue: QueueRef, states: Collection[WaitingState] = ("queued", "deferred")) -> int:
    """Deletes the waiting jobs for good; returns how many there were. See `purge_slowly`."""
    return sum([removed async for removed in purge_slowly(redis, queue, states)])


def purge_slowly(
    redis: Redis, queue: QueueRef, states: Collection[WaitingState] = ("queued", "deferred")
) -> AsyncIterator[int]:
    """Deletes the waiting jobs for good, a thousand per call; yields the number of each call.

    Running jobs, and jobs that become due meanwhile, are not touched. Callers that wait for a result get
    ResultNotFoundError.

    Args:
        redis: the client.
        queue: the queue.
        states: which jobs: "queued" jobs are due at the start of the purge, "deferred" ones are not.

    Raises:
        RedisError: Redis did not answer; call it again for the rest.
    """
    return monitor_queue(queue).purge(redis, states)


async def cancel(redis: Redis, queue: QueueRef, job_id: str | bytes) -> Cancelled:
    """Requests that a job be stopped or not be started. A worker does it, except for jobs waiting in a native queue.

    Stock arq workers, and monarq workers with arq's settings, do it only with ``allow_abort_jobs``.

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
    """Makes a job run now: makes a deferred one due, and puts a dead one back into its queue.

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
