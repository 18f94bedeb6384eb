"""The overview: is it healthy, is it keeping up, what fails, who works."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from redis.asyncio import Redis

from monarq.monitor.health.overview import read_glance
from monarq.monitor.health.queue_health import FAILING_S, FAILING_SHARE, State, find_troubles
from monarq.monitor.jobs.dead_letters import DeadLetter, Wanted, find_letters
from monarq.monitor.queues.counters import Tallies
from monarq.monitor.queues.lane_usage import all_places
from monarq.monitor.queues.series import Bucket, read_jobs
from monarq.monitor.queues.stats import QueueStats, known_queues, read_stats
from monarq.monitor.web.base.chart_history import SPANS, History, Span
from monarq.monitor.web.base.charts import draw_charts
from monarq.monitor.web.base.page_request import Asked
from monarq.monitor.web.base.rendering import View
from monarq.monitor.web.pages.workers import every_worker

LEVELS: Final[dict[State, str]] = {
    "no worker": "bad",
    "failing": "warn",
    "falling behind": "warn",
    "loop blocked": "warn",
    "worker lost": "warn",
    "paused": "note",
    "catching up": "note",
    "healthy": "ok",
}
"""How each word looks."""

TROUBLES: Final = 6
FAILURES: Final = 8
LETTERS: Final = 200
"""How many of a queue's newest letters are looked at for what fails."""

NAMES: Final = 12
NAMES_EVERY_S: Final = 5.0
"""The numbers of each job's name are the largest reading, and need not be of this second."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Letters of one job that failed alike.

    Attributes:
        letter: the newest.
        count: how many there are among the newest letters.
    """

    letter: DeadLetter
    count: int


class Overview:
    """The page, with what it remembers from one reading to the next."""

    def __init__(self) -> None:
        self._history = History()
        self._names: dict[tuple[str, ...], tuple[float, list[tuple[str, Tallies]]]] = {}

    async def show(self, redis: Redis, asked: Asked) -> View:
        """All queues together, or the one that is asked for."""
        known = await known_queues(redis)
        queues = [asked.text("queue")] if asked.text("queue") else known
        span = next((span for span in SPANS if span.name == asked.text("span")), SPANS[0])
        stats = await read_stats(redis, queues)
        groups = await self._history.read(redis, queues, span)
        glances = [await read_glance(redis, each) for each in stats]
        workers = every_worker(stats)
        return View(
            "overview",
            "Overview",
            {
                "known": known,
                "spans": SPANS,
                "span": span,
                "workers": workers,
                "troubles": find_troubles(glances)[:TROUBLES],
                "levels": LEVELS,
                "failing_share": FAILING_SHARE,
                "charts": draw_charts(groups, span),
                "names": await self._read_names(redis, queues),
                "failures": await _newest_failures(redis, queues),
                "now": _sum_up(stats),
                "failing": sum((glance.lately(FAILING_S).tallies for glance in glances), Tallies()),
                "enqueued_per_s": sum(glance.enqueued_per_s for glance in glances),
                "waits": _newest(groups, span).wait,
                "waits_min": _newest_s(span) // 60,
                "places": all_places(workers),
            },
        )

    async def _read_names(self, redis: Redis, queues: Sequence[str]) -> list[tuple[str, Tallies]]:
        read_at_s, rows = self._names.get(tuple(queues), (float("-inf"), []))
        if time.monotonic() - read_at_s < NAMES_EVERY_S:
            return rows
        sums: dict[str, Tallies] = {}
        for queue in queues:
            for name, tallies in (await read_jobs(redis, queue, minutes=10)).items():
                sums[name] = sums.get(name, Tallies()) + tallies
        busy = [(name, tallies) for name, tallies in sums.items() if tallies.started or tallies.enqueued]
        rows = sorted(busy, key=lambda row: (-row[1].started, row[0]))[:NAMES]
        self._names = {tuple(queues): (time.monotonic(), rows)}
        return rows


def _newest_s(span: Span) -> int:
    """How long the newest groups are of which figures are told: as long as failures are looked at, if they can."""
    return max(FAILING_S, span.group_s)


def _newest(groups: Sequence[Bucket], span: Span) -> Tallies:
    """What was counted in the newest groups that are over."""
    count = _newest_s(span) // span.group_s
    return sum((group.tallies for group in groups[-1 - count : -1]), Tallies())


def _sum_up(stats: Sequence[QueueStats]) -> dict[str, float | None]:
    names = ("queued", "deferred", "running", "dead", "jobs_per_s")
    sums: dict[str, float | None] = {name: sum(getattr(each, name) for each in stats) for name in names}
    return sums | {"oldest_s": max((each.oldest_s for each in stats if each.oldest_s is not None), default=None)}


async def _newest_failures(redis: Redis, queues: Sequence[str]) -> list[Failure]:
    """What failed last, letters that say the same together."""
    alike: dict[tuple[str, str, str], list[DeadLetter]] = {}
    for queue in queues:
        left = LETTERS
        async for letter in find_letters(redis, queue, Wanted()):
            alike.setdefault((queue, letter.name, letter.error[:200]), []).append(letter)
            left -= 1
            if not left:
                break
    failures = [Failure(letters[0], len(letters)) for letters in alike.values()]
    return sorted(failures, key=lambda failure: -failure.letter.died_ms)[:FAILURES]
