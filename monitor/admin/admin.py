"""Administration: pauses, resumes and purges queues; cancels and retries jobs, and promotes deferred ones.

The page, `monarq queue` and `monarq jobs` use it. Every step is one script that may be repeated.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from enum import StrEnum
from typing import Final, Literal

from redis.asyncio import Redis

from monarq.shared.formats.arq.dead.revive import revive
from monarq.shared.formats.arq.jobs.abort import abort
from monarq.shared.formats.arq.jobs.promote import promote
from monarq.shared.formats.arq.keys import PARKED_SCORE, QueueKeys
from monarq.shared.formats.arq.queues import pause as pause_commands
from monarq.shared.formats.arq.queues.purge import purge as purge_batch
from monarq.shared.protocol.answers import AbortAnswer, Promoted, Revived

WaitingState = Literal["queued", "deferred"]

MOST_PASSES: Final = 5
"""How often at most a purge goes through a queue in which jobs start and end meanwhile."""


class Cancelled(StrEnum):
    """The answer to a request to cancel a job."""

    WAITS = "waits"
    """It waits; a worker will end it at once without running it."""
    RUNS = "runs"
    """It runs; its worker will cancel it within half a second."""
    PAUSED = "paused"
    """It waits in a paused queue; it will be ended without being run when the queue is resumed."""
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


async def pause(redis: Redis, queue: str) -> bool:
    """Pauses the queue: monarq's workers claim no more of its jobs. Running jobs go on, and jobs may be enqueued.

    Stock arq workers ignore it.

    Returns:
        Whether the queue was not paused before.

    Raises:
        RedisError: Redis did not answer; the call may be repeated.
    """
    return not await pause_commands.pause(redis, QueueKeys.of(queue))


async def resume(redis: Redis, queue: str) -> bool:
    """Resumes a paused queue, with immediate effect; returns whether it was paused.

    Raises:
        RedisError: Redis did not answer; the call may be repeated.
    """
    return bool(await pause_commands.resume(redis, QueueKeys.of(queue)))


async def paused_since_ms(redis: Redis, queue: str) -> int | None:
    """When the queue was paused, unix ms by Redis' clock; None where it is not paused.

    Raises:
        RedisError: Redis did not answer.
    """
    return await pause_commands.paused_since_ms(redis, QueueKeys.of(queue)) or None


async def purge(redis: Redis, queue: str, states: Collection[WaitingState] = ("queued", "deferred")) -> int:
    """Deletes the waiting jobs for good, see `purge_slowly`; returns how many there were."""
    return sum([removed async for removed in purge_slowly(redis, queue, states)])


async def purge_slowly(
    redis: Redis, queue: str, states: Collection[WaitingState] = ("queued", "deferred")
) -> AsyncIterator[int]:
    """Deletes the waiting jobs for good, a thousand a call; yields the number of each call.

    Running jobs are not touched, nor jobs that become due meanwhile. Callers that wait for a result get
    ResultNotFoundError.

    Args:
        redis: the client.
        queue: the queue's name.
        states: which jobs: "queued" are those that are due at the start of the purge, "deferred" the others.

    Raises:
        RedisError: Redis did not answer; repeat it for the rest.
    """
    keys = QueueKeys.of(queue)
    seconds, micros = await redis.time()
    now_ms = int(seconds) * 1000 + int(micros) // 1000
    bounds = {"queued": ("-inf", str(now_ms)), "deferred": (f"({now_ms}", f"({PARKED_SCORE}")}
    for state in states:
        for lane_queue in ("io", "cpu"):
            for _ in range(MOST_PASSES):
                removed_in_pass = 0
                async for removed in _purge_range(redis, keys, lane_queue, *bounds[state]):
                    removed_in_pass += removed
                    yield removed
                if not removed_in_pass:
                    break


async def _purge_range(
    redis: Redis, keys: QueueKeys, lane_queue: Literal["io", "cpu"], lowest: str, highest: str
) -> AsyncIterator[int]:
    skip = 0
    while True:
        removed, runs = await purge_batch(redis, keys, lane_queue, lowest, highest, skip)
        if removed:
            yield removed
        if not removed and not runs:
            return
        skip += runs


async def cancel(redis: Redis, queue: str, job_id: str | bytes) -> Cancelled:
    """Requests that a job be stopped, or not be started; a worker carries it out.

    Stock arq workers, and monarq workers with arq's settings, do so only with ``allow_abort_jobs``.

    Raises:
        RedisError: Redis did not answer; the call may be repeated.
    """
    keys = QueueKeys.of(queue)
    answer = await abort(redis, keys, job_id)
    if answer is AbortAnswer.WAITS and await redis.exists(keys.paused):
        return Cancelled.PAUSED
    return {
        AbortAnswer.UNKNOWN: Cancelled.UNKNOWN,
        AbortAnswer.WAITS: Cancelled.WAITS,
        AbortAnswer.RUNS: Cancelled.RUNS,
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


async def retry(redis: Redis, queue: str, job_id: str | bytes) -> Retried:
    """Makes a job run now: a deferred one is made due, a dead one is put back into its queue.

    Raises:
        RedisError: Redis did not answer; the call may be repeated.
    """
    raw_id = job_id if isinstance(job_id, bytes) else job_id.encode("utf-8", "surrogateescape")
    keys = QueueKeys.of(queue)
    promoted = await promote(redis, keys, raw_id)
    if promoted is not Promoted.UNKNOWN:
        return _PROMOTED[promoted]
    [revived] = await revive(redis, keys, [raw_id])
    return _REVIVED[revived]
