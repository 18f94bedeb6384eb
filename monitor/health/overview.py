"""The overview of a queue: its stats, counters, rates over the last minutes, and newest failures.

`monarq stats` and the page read it. The cost does not grow with the queue's length, and no payload is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from redis.asyncio import Redis

from monarq.monitor.jobs.dead_letters import DeadLetter, read_dead_letter_page
from monarq.monitor.queues.counters import Counters
from monarq.monitor.queues.health_key import ArqHealth, parse_health_check
from monarq.monitor.queues.series import read_counters, read_unknown_jobs
from monarq.monitor.queues.stats import QueueStats, read_stats
from monarq.shared.formats.choice.monitors import monitor_queue
from monarq.shared.protocol.counters import Rates
from monarq.shared.protocol.queue_ref import QueueRef

RATE_STEP_S: Final = 15
"""The steps in which the rates of the last minutes are read, in seconds."""

RATE_STEPS: Final = 20
"""The number of steps: five minutes."""

FAILURES: Final = 10
"""The most dead letters of a queue that are read."""


@dataclass(frozen=True, slots=True)
class RateStep:
    """One step of a queue's rates.

    Attributes:
        start_s: when it began, unix seconds.
        length_s: its length in seconds; for the newest step, the elapsed seconds.
        counters: its counters, without wait and run times.
    """

    start_s: int
    length_s: int
    counters: Counters

    @property
    def enqueued_per_s(self) -> float:
        """Jobs that monarq's producers enqueued, a second."""
        return self.counters.enqueued / max(1, self.length_s)

    @property
    def ended_per_s(self) -> float:
        """Jobs that ended, a second."""
        return self.counters.ended / max(1, self.length_s)

    @property
    def failed_per_s(self) -> float:
        """Jobs that failed for good, a second."""
        return self.counters.failed / max(1, self.length_s)


@dataclass(frozen=True, slots=True)
class Overview:
    """A queue as a whole.

    Attributes:
        stats: its stats.
        window: its counters over the requested window.
        jobs: the same by job name.
        rates: its rates over the last minutes, oldest first, without gaps.
        enqueued_per_s: jobs that monarq's producers enqueued, a second, over the last five whole seconds.
        failures: the newest dead letters, newest first.
        arq: the last health check of an arq worker.
        now_ms: Redis' time.
        unknown_jobs: the names of jobs that no worker of the queue knows, and that wait or did so two minutes ago;
            "(unknown)" if names are not distinguished, as in arq's format.
    """

    stats: QueueStats
    window: Counters = field(default_factory=Counters)
    jobs: Mapping[str, Counters] = field(default_factory=dict)
    rates: tuple[RateStep, ...] = ()
    enqueued_per_s: float = 0.0
    failures: tuple[DeadLetter, ...] = ()
    arq: ArqHealth | None = None
    now_ms: int = 0
    unknown_jobs: tuple[str, ...] = ()

    def last(self, seconds: int) -> RateStep:
        """The last seconds, in whole steps including the current one, added up into one step."""
        steps = self.rates[seconds // -RATE_STEP_S :]
        length_s = sum(step.length_s for step in steps)
        start_s = steps[0].start_s if steps else 0
        return RateStep(start_s, length_s, sum((step.counters for step in steps), start=Counters()))


async def read_overviews(redis: Redis, queues: Iterable[QueueRef], *, minutes: int | None) -> list[Overview]:
    """The overviews of these queues, in their order.

    Args:
        redis: the client.
        queues: the queues.
        minutes: the window of the counters by job name, at most a day; None for all since the first job.

    Raises:
        RedisError: Redis did not answer.
    """
    return [await _read_overview(redis, stats, minutes) for stats in await read_stats(redis, queues)]


async def read_brief_overview(redis: Redis, stats: QueueStats) -> Overview:
    """The overview of a queue whose stats have been read: only its rates, without job names and failures.

    Raises:
        RedisError: Redis did not answer.
    """
    rates = await monitor_queue(stats.ref).read_rates(redis, RATE_STEP_S, RATE_STEPS)
    return Overview(
        stats=stats,
        rates=_rate_steps(rates),
        enqueued_per_s=rates.enqueued_per_s,
        arq=parse_health_check(stats.health_check),
        now_ms=rates.now_ms,
        unknown_jobs=await read_unknown_jobs(redis, stats.ref),
    )


async def _read_overview(redis: Redis, stats: QueueStats, minutes: int | None) -> Overview:
    window, jobs = await read_counters(redis, stats.ref, minutes=minutes)
    page = await read_dead_letter_page(redis, stats.ref, None, FAILURES)
    overview = await read_brief_overview(redis, stats)
    return replace(overview, window=window, jobs=jobs, failures=page.letters)


def _rate_steps(found: Rates) -> tuple[RateStep, ...]:
    now_s = found.now_ms // 1000
    starts = range(found.oldest_s, found.oldest_s + RATE_STEP_S * len(found.steps), RATE_STEP_S)
    return tuple(
        RateStep(start, min(RATE_STEP_S, now_s - start), Counters.of(step))
        for start, step in zip(starts, found.steps, strict=True)
    )
