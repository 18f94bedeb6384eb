"""How a queue's numbers came about: in all, by job name, and step by step over the last minutes or the last day.

Reads only. The cost of a read grows with the number of steps and of job names, never with the queue's length.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from redis.asyncio import Redis

from monarq.monitor.queues.counters import Tallies
from monarq.shared.commands.counters import counters as counted
from monarq.shared.commands.counters.counters import Step
from monarq.shared.redis.keys import QueueKeys

_STEPS: Final = {1: Step.SECOND, 60: Step.MINUTE}


@dataclass(frozen=True, slots=True)
class Bucket:
    """One step of a series.

    Attributes:
        start_s: when it began, unix seconds.
        tallies: what was counted in it.
    """

    start_s: int
    tallies: Tallies


async def read_series(
    redis: Redis, queue: str, *, job: str | None = None, step_s: Literal[1, 60] = 60, length: int = 60
) -> list[Bucket]:
    """The newest steps, oldest first and without gaps; the last one is not over yet.

    Args:
        redis: the client.
        queue: the queue's name.
        job: the jobs of this name alone; None for all of the queue.
        step_s: 1 goes back up to 600 steps, 60 up to 1,440.
        length: how many steps.

    Raises:
        RedisError: Redis did not answer.
    """
    found = await counted.read_series(redis, QueueKeys.of(queue), job or "", _STEPS[step_s], length)
    of = Tallies.of if job is None else Tallies.of_job
    return [Bucket((found.oldest + at) * step_s, of(counters)) for at, counters in enumerate(found.steps)]


async def read_totals(redis: Redis, queue: str, *, minutes: int | None = None) -> Tallies:
    """What was counted of the queue in the last minutes, at most a day of them; None for all since its first job.

    Counters start again when nothing was counted for 30 days.

    Raises:
        RedisError: Redis did not answer.
    """
    return (await read_all(redis, queue, minutes=minutes))[0]


async def read_jobs(redis: Redis, queue: str, *, minutes: int | None = None) -> dict[str, Tallies]:
    """The same by job name. What no worker knows is told as "(unknown)", what is over 200 names as "(other)".

    Raises:
        RedisError: Redis did not answer.
    """
    return (await read_all(redis, queue, minutes=minutes))[1]


async def read_all(redis: Redis, queue: str, *, minutes: int | None = None) -> tuple[Tallies, dict[str, Tallies]]:
    """The whole queue's tallies and those by job name, of one moment.

    Raises:
        RedisError: Redis did not answer.
    """
    found = await counted.read_counters(redis, QueueKeys.of(queue), minutes or 0)
    return Tallies.of(found.queue), {name: Tallies.of_job(counters) for name, counters in found.jobs.items()}
