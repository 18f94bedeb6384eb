"""What was counted of queues over the last minutes or hours, in groups as wide as a chart shows them.

What is over does not change, so it is read once and kept: of a page that is looked at only the newest steps are read
each second. One `History` belongs to an app; it holds at most `MOST_KEPT` queues.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Literal

from redis.asyncio import Redis

from monarq.monitor.queues.counters import Tallies
from monarq.monitor.queues.series import Bucket, read_series

MOST_KEPT: Final = 100


@dataclass(frozen=True, slots=True)
class Span:
    """A time to look back over.

    Attributes:
        name: in links.
        title: for people.
        step_s: the steps that Redis counts by.
        steps: how many of them.
        group: how many make one point of a chart.
    """

    name: str
    title: str
    step_s: Literal[1, 60]
    steps: int
    group: int

    @property
    def group_s(self) -> int:
        """How long one point is."""
        return self.step_s * self.group


SPANS: Final = (
    Span("10m", "10 minutes", 1, 600, 5),
    Span("1h", "1 hour", 60, 60, 1),
    Span("1d", "1 day", 60, 1440, 15),
)


@dataclass(slots=True)
class _Kept:
    read_at_s: float
    groups: dict[int, Tallies] = field(default_factory=dict)


class History:
    """Reads groups, and remembers those that are over."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], _Kept] = {}

    async def read(self, redis: Redis, queues: Iterable[str], span: Span) -> list[Bucket]:
        """The groups of these queues together, oldest first; the last one is not over yet.

        Raises:
            RedisError: Redis did not answer.
        """
        sums: defaultdict[int, Tallies] = defaultdict(Tallies)
        for queue in queues:
            for start_s, tallies in (await self._read_queue(redis, queue, span)).items():
                sums[start_s] += tallies
        return [Bucket(start_s, sums[start_s]) for start_s in sorted(sums)]

    async def _read_queue(self, redis: Redis, queue: str, span: Span) -> dict[int, Tallies]:
        now_s = time.monotonic()
        kept = self._kept.pop((queue, span.name), None) or _Kept(float("-inf"))
        # The group that was not over then began at most one group before.
        missed = (now_s - kept.read_at_s) / span.step_s + span.group + 2
        steps = await read_series(redis, queue, step_s=span.step_s, length=round(min(span.steps, missed)))
        groups = kept.groups | _grouped(steps, span)
        oldest_s = max(groups) - span.step_s * span.steps
        self._kept[queue, span.name] = _Kept(now_s, {at: groups[at] for at in groups if at > oldest_s})
        if len(self._kept) > MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        return self._kept[queue, span.name].groups


def _grouped(steps: Iterable[Bucket], span: Span) -> dict[int, Tallies]:
    """The groups whose first step is among these steps."""
    groups: dict[int, Tallies] = {}
    for step in steps:
        start_s = step.start_s - step.start_s % span.group_s
        if start_s in groups:
            groups[start_s] += step.tallies
        elif start_s == step.start_s:
            groups[start_s] = step.tallies
    return groups
