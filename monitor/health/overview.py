"""All that one look at a queue needs: how it stands, what its jobs came to lately, its pace, and what failed last.

Read by `monarq stats` and the page. Reads only; nothing here grows with the queue's length, and no payload is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from redis.asyncio import Redis

from monarq.monitor.jobs.dead_letters import DeadLetter, read_dead_page
from monarq.monitor.queues.counters import Tallies
from monarq.monitor.queues.health_check import ArqHealth, read_health
from monarq.monitor.queues.series import read_all
from monarq.monitor.queues.stats import QueueStats, read_stats
from monarq.shared.commands.counters.rates import Beats, read_beats
from monarq.shared.redis.keys import QueueKeys

BEAT_S: Final = 15
"""How finely the pace of the last minutes is told, in seconds."""

BEATS: Final = 20
"""How many of these: five minutes."""

FAILURES: Final = 10
"""The most dead letters that are read of a queue."""


@dataclass(frozen=True, slots=True)
class Beat:
    """Some seconds of a queue.

    Attributes:
        start_s: when they began, unix seconds.
        length_s: how many there are; of the newest beat, those that are over.
        tallies: what was counted in them; no waits and run times.
    """

    start_s: int
    length_s: int
    tallies: Tallies

    @property
    def enqueued_per_s(self) -> float:
        """Jobs that monarq's producers put in, a second."""
        return self.tallies.enqueued / max(1, self.length_s)

    @property
    def ended_per_s(self) -> float:
        """Jobs that ended, a second."""
        return self.tallies.ended / max(1, self.length_s)

    @property
    def failed_per_s(self) -> float:
        """Jobs that failed for good, a second."""
        return self.tallies.failed / max(1, self.length_s)


@dataclass(frozen=True, slots=True)
class Overview:
    """A queue, looked at as a whole.

    Attributes:
        stats: how it stands.
        window: what was counted of it in the window that was asked for.
        jobs: the same by job name.
        beats: its last minutes, oldest first and without gaps.
        enqueued_per_s: jobs that monarq's producers put in, a second, over the last five whole seconds.
        failures: the newest dead letters, the newest first.
        arq: what an arq worker last told of itself.
        now_ms: Redis' time.
    """

    stats: QueueStats
    window: Tallies = field(default_factory=Tallies)
    jobs: Mapping[str, Tallies] = field(default_factory=dict)
    beats: tuple[Beat, ...] = ()
    enqueued_per_s: float = 0.0
    failures: tuple[DeadLetter, ...] = ()
    arq: ArqHealth | None = None
    now_ms: int = 0

    def lately(self, seconds: int) -> Beat:
        """The last seconds, in whole beats and the one that is not over, as one."""
        beats = self.beats[seconds // -BEAT_S :]
        over_s = sum(beat.length_s for beat in beats)
        start_s = beats[0].start_s if beats else 0
        return Beat(start_s, over_s, sum((beat.tallies for beat in beats), start=Tallies()))


async def read_overviews(redis: Redis, queues: Iterable[str], *, minutes: int | None) -> list[Overview]:
    """These queues, in their order.

    Args:
        redis: the client.
        queues: their names.
        minutes: the window of what is counted by job name, at most a day; None for all since the first job.

    Raises:
        RedisError: Redis did not answer.
    """
    return [await _read_overview(redis, stats, minutes) for stats in await read_stats(redis, queues)]


async def read_glance(redis: Redis, stats: QueueStats) -> Overview:
    """A queue whose numbers have been read, with its last minutes and neither its jobs' names nor its failures.

    Raises:
        RedisError: Redis did not answer.
    """
    beats = await read_beats(redis, QueueKeys.of(stats.queue), BEAT_S, BEATS)
    return Overview(
        stats=stats,
        beats=_beats(beats),
        enqueued_per_s=beats.enqueued_per_s,
        arq=read_health(stats.health_check),
        now_ms=beats.now_ms,
    )


async def _read_overview(redis: Redis, stats: QueueStats, minutes: int | None) -> Overview:
    window, jobs = await read_all(redis, stats.queue, minutes=minutes)
    page = await read_dead_page(redis, stats.queue, None, FAILURES)
    glance = await read_glance(redis, stats)
    return replace(glance, window=window, jobs=jobs, failures=page.letters)


def _beats(found: Beats) -> tuple[Beat, ...]:
    over_s = found.now_ms // 1000
    starts = range(found.oldest_s, found.oldest_s + BEAT_S * len(found.steps), BEAT_S)
    return tuple(
        Beat(start, min(BEAT_S, over_s - start), Tallies.of(step))
        for start, step in zip(starts, found.steps, strict=True)
    )
