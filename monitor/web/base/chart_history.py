"""The history that charts show: the counters of queues over the last minutes or hours, grouped into points.

Past groups do not change, so they are read once and cached: for a page that stays open, only the newest steps are read
every second. Each app has one `ChartHistory`; it caches at most `MOST_CACHED` queues.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Literal

from redis.asyncio import Redis

from monarq.monitor.queues.counters import Counters
from monarq.monitor.queues.series import SeriesPoint, read_series
from monarq.shared.protocol.queue_ref import QueueRef

MOST_CACHED: Final = 100


@dataclass(frozen=True, slots=True)
class TimeRange:
    """A time range of the charts.

    Attributes:
        name: its name in links.
        title: its displayed title.
        step_s: the length of the steps in which Redis counts.
        steps: how many steps it has.
        group: how many steps make up one point of a chart.
    """

    name: str
    title: str
    step_s: Literal[1, 60]
    steps: int
    group: int

    @property
    def group_s(self) -> int:
        """The time that one point covers."""
        return self.step_s * self.group


TIME_RANGES: Final = (
    TimeRange("10m", "10 minutes", 1, 600, 5),
    TimeRange("1h", "1 hour", 60, 60, 1),
    TimeRange("1d", "1 day", 60, 1440, 15),
)


@dataclass(slots=True)
class _CachedGroups:
    read_at_s: float
    groups: dict[int, Counters] = field(default_factory=dict)


class ChartHistory:
    """Reads the groups of queues, and caches complete ones."""

    def __init__(self) -> None:
        self._cache: dict[tuple[QueueRef, str], _CachedGroups] = {}

    async def read(self, redis: Redis, queues: Iterable[QueueRef], time_range: TimeRange) -> list[SeriesPoint]:
        """The groups of these queues added up, oldest first; the last one is still counting.

        Raises:
            RedisError: Redis did not answer.
        """
        sums: defaultdict[int, Counters] = defaultdict(Counters)
        for queue in queues:
            for start_s, counters in (await self._read_queue(redis, queue, time_range)).items():
                sums[start_s] += counters
        return [SeriesPoint(start_s, sums[start_s]) for start_s in sorted(sums)]

    async def _read_queue(self, redis: Redis, queue: QueueRef, time_range: TimeRange) -> dict[int, Counters]:
        now_s = time.monotonic()
        cached = self._cache.pop((queue, time_range.name), None) or _CachedGroups(float("-inf"))
        # The group that was still counting then began at most one group before.
        missed = (now_s - cached.read_at_s) / time_range.step_s + time_range.group + 2
        steps = await read_series(redis, queue, step_s=time_range.step_s, length=round(min(time_range.steps, missed)))
        groups = cached.groups | _grouped(steps, time_range)
        oldest_s = max(groups) - time_range.step_s * time_range.steps
        self._cache[queue, time_range.name] = _CachedGroups(now_s, {at: groups[at] for at in groups if at > oldest_s})
        if len(self._cache) > MOST_CACHED:
            del self._cache[next(iter(self._cache))]
        return self._cache[queue, time_range.name].groups


def _grouped(steps: Iterable[SeriesPoint], time_range: TimeRange) -> dict[int, Counters]:
    """The groups whose first step is among these steps."""
    groups: dict[int, Counters] = {}
    for step in steps:
        start_s = step.start_s - step.start_s % time_range.group_s
        if start_s in groups:
            groups[start_s] += step.counters
        elif start_s == step.start_s:
            groups[start_s] = step.counters
    return groups
