"""The overview page: health, throughput, waits, failures and workers."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from redis.asyncio import Redis

from monarq.monitor.health.overview import read_brief_overview
from monarq.monitor.health.queue_health import FAILING_S, FAILING_SHARE, HealthState, find_problems
from monarq.monitor.jobs.dead_letters import DeadLetter, DeadLetterFilter, find_dead_letters
from monarq.monitor.queues.counters import Counters
from monarq.monitor.queues.lane_usage import total_lane_usage
from monarq.monitor.queues.series import SeriesPoint, read_by_job
from monarq.monitor.queues.stats import QueueStats, read_stats
from monarq.monitor.web.base.chart_history import TIME_RANGES, ChartHistory, TimeRange
from monarq.monitor.web.base.charts import draw_charts
from monarq.monitor.web.base.page_request import PageRequest
from monarq.monitor.web.base.rendering import View
from monarq.monitor.web.pages.queue_choice import chosen_queue
from monarq.monitor.web.pages.workers import unique_workers
from monarq.shared.formats.choice.monitors import known_queues
from monarq.shared.protocol.queue_ref import QueueRef

LEVELS: Final[dict[HealthState, str]] = {
    "no worker": "bad",
    "unknown jobs": "bad",
    "failing": "warn",
    "falling behind": "warn",
    "loop blocked": "warn",
    "worker lost": "warn",
    "paused": "note",
    "catching up": "note",
    "healthy": "ok",
}
"""The colour of each health state."""

PROBLEMS: Final = 6
FAILURES: Final = 8
LETTERS: Final = 200
"""How many of a queue's newest dead letters are grouped by error."""

NAMES: Final = 12
NAMES_EVERY_S: Final = 5.0
"""The counters by job name are the most expensive to read, and may be a few seconds old."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Dead letters of one job with the same error.

    Attributes:
        letter: the newest.
        count: how many there are among the newest dead letters.
    """

    letter: DeadLetter
    count: int


class OverviewPage:
    """The page, and what it caches between readings."""

    def __init__(self) -> None:
        self._history = ChartHistory()
        self._names: dict[tuple[QueueRef, ...], tuple[float, list[tuple[str, Counters]]]] = {}

    async def show(self, redis: Redis, request: PageRequest) -> View:
        """All queues together, or the requested one."""
        known = await known_queues(redis)
        chosen = await chosen_queue(redis, request)
        queues = known if chosen is None else [chosen]
        time_range = next((each for each in TIME_RANGES if each.name == request.text("span")), TIME_RANGES[0])
        stats = await read_stats(redis, queues)
        groups = await self._history.read(redis, queues, time_range)
        overviews = [await read_brief_overview(redis, each) for each in stats]
        workers = unique_workers(stats)
        return View(
            "overview",
            "Overview",
            {
                "known": known,
                "chosen": chosen,
                "time_ranges": TIME_RANGES,
                "time_range": time_range,
                "workers": workers,
                "problems": find_problems(overviews)[:PROBLEMS],
                "levels": LEVELS,
                "failing_share": FAILING_SHARE,
                "charts": draw_charts(groups, time_range),
                "names": await self._read_names(redis, queues),
                "failures": await _newest_failures(redis, queues),
                "now": _sum_up(stats),
                "failing": sum((overview.last(FAILING_S).counters for overview in overviews), Counters()),
                "enqueued_per_s": sum(overview.enqueued_per_s for overview in overviews),
                "waits": _figures(groups, time_range).wait,
                "waits_min": _figures_window_s(time_range) // 60,
                "lanes": total_lane_usage(workers),
            },
        )

    async def _read_names(self, redis: Redis, queues: Sequence[QueueRef]) -> list[tuple[str, Counters]]:
        read_at_s, rows = self._names.get(tuple(queues), (float("-inf"), []))
        if time.monotonic() - read_at_s < NAMES_EVERY_S:
            return rows
        sums: dict[str, Counters] = {}
        for queue in queues:
            for name, counters in (await read_by_job(redis, queue, minutes=10)).items():
                sums[name] = sums.get(name, Counters()) + counters
        busy = [(name, counters) for name, counters in sums.items() if counters.started or counters.enqueued]
        rows = sorted(busy, key=lambda row: (-row[1].started, row[0]))[:NAMES]
        self._names = {tuple(queues): (time.monotonic(), rows)}
        return rows


def _figures_window_s(time_range: TimeRange) -> int:
    """The time that the figures next to the charts cover: the window of failures, or one group if that is longer."""
    return max(FAILING_S, time_range.group_s)


def _figures(groups: Sequence[SeriesPoint], time_range: TimeRange) -> Counters:
    """The counters of the newest complete groups."""
    count = _figures_window_s(time_range) // time_range.group_s
    return sum((group.counters for group in groups[-1 - count : -1]), Counters())


def _sum_up(stats: Sequence[QueueStats]) -> dict[str, float | None]:
    names = ("queued", "deferred", "running", "dead", "jobs_per_s")
    sums: dict[str, float | None] = {name: sum(getattr(each, name) for each in stats) for name in names}
    return sums | {"oldest_s": max((each.oldest_s for each in stats if each.oldest_s is not None), default=None)}


async def _newest_failures(redis: Redis, queues: Sequence[QueueRef]) -> list[Failure]:
    """The newest failures; dead letters with the same error are grouped."""
    groups: dict[tuple[QueueRef, str, str], list[DeadLetter]] = {}
    for queue in queues:
        left = LETTERS
        async for letter in find_dead_letters(redis, queue, DeadLetterFilter()):
            groups.setdefault((queue, letter.name, letter.error[:200]), []).append(letter)
            left -= 1
            if not left:
                break
    failures = [Failure(letters[0], len(letters)) for letters in groups.values()]
    return sorted(failures, key=lambda failure: -failure.letter.died_ms)[:FAILURES]
