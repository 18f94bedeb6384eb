"""Reads a queue's counters: in total, by job name, and as a time series over the last minutes or the last day.

The cost of a read grows with the number of steps and of job names, never with the queue's length.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from redis.asyncio import Redis

from monarq.monitor.queues.counters import Counters
from monarq.shared.formats.choice.monitors import monitor_queue
from monarq.shared.protocol.counters import Step
from monarq.shared.protocol.queue_ref import QueueRef

UNKNOWN: Final = "(unknown)"
"""Stands for the names of jobs that no worker knows, if they are not distinguished."""

_UNKNOWN_MINUTES: Final = 2
"""The current minute, of which little may have passed, and the previous one."""

_STEPS: Final = {1: Step.SECOND, 60: Step.MINUTE}


@dataclass(frozen=True, slots=True)
class SeriesPoint:
    """One step of a time series.

    Attributes:
        start_s: when it began, unix seconds.
        counters: the counters of this step.
    """

    start_s: int
    counters: Counters


async def read_series(
    redis: Redis, queue: QueueRef, *, job: str | None = None, step_s: Literal[1, 60] = 60, length: int = 60
) -> list[SeriesPoint]:
    """The newest steps, oldest first and without gaps; the last one is still counting.

    Args:
        redis: the client.
        queue: the queue.
        job: only jobs of this name; None for all of the queue.
        step_s: 1 for up to 600 steps, 60 for up to 1,440.
        length: how many steps.

    Raises:
        RedisError: Redis did not answer.
    """
    found = await monitor_queue(queue).read_series(redis, job or "", _STEPS[step_s], length)
    of = Counters.of if job is None else Counters.of_job
    return [SeriesPoint((found.oldest + at) * step_s, of(fields)) for at, fields in enumerate(found.steps)]


async def read_totals(redis: Redis, queue: QueueRef, *, minutes: int | None = None) -> Counters:
    """The queue's counters over the last minutes, at most a day; None for all since its first job.

    Counters restart at 0 if nothing is counted for 30 days.

    Raises:
        RedisError: Redis did not answer.
    """
    return (await read_counters(redis, queue, minutes=minutes))[0]


async def read_by_job(redis: Redis, queue: QueueRef, *, minutes: int | None = None) -> dict[str, Counters]:
    """The same by job name. Jobs that no worker knows are "(unknown)", those beyond 200 names "(other)".

    Raises:
        RedisError: Redis did not answer.
    """
    return (await read_counters(redis, queue, minutes=minutes))[1]


async def read_counters(
    redis: Redis, queue: QueueRef, *, minutes: int | None = None
) -> tuple[Counters, dict[str, Counters]]:
    """The counters of the whole queue and those by job name, at one moment.

    Raises:
        RedisError: Redis did not answer.
    """
    found = await monitor_queue(queue).read_counters(redis, minutes or 0)
    return Counters.of(found.queue), {name: Counters.of_job(fields) for name, fields in found.jobs.items()}


async def read_unknown_jobs(redis: Redis, queue: QueueRef) -> tuple[str, ...]:
    """The names of jobs that workers handed back lately because they did not know them; see `Overview.unknown_jobs`.

    A worker that does not know a job claims it again at least every 40 s, unless thousands of them wait.

    Raises:
        RedisError: Redis did not answer.
    """
    found = await monitor_queue(queue).read_counters(redis, _UNKNOWN_MINUTES)
    handed_back = [name for name, counters in found.unknown.items() if counters.get("handed_back")]
    apart = sum(found.unknown[name]["handed_back"] for name in handed_back)
    rest = found.jobs.get(UNKNOWN, {}).get("handed_back", 0) > apart
    return (*sorted(handed_back), *([UNKNOWN] if rest else []))
