"""Sums over the shards of a queue."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from monarq.shared.protocol.counters import Counters, QueueCounters, Rates, Series
from monarq.shared.protocol.counts import Counts


def sum_counts(shards: Sequence[Counts]) -> Counts:
    """The numbers of the queue."""
    first = shards[0]
    if len(shards) == 1:
        return first
    waits = [each.oldest_s for each in shards if each.oldest_s is not None]
    return replace(
        first,
        queued=sum(each.queued for each in shards),
        deferred=sum(each.deferred for each in shards),
        running=sum(each.running for each in shards),
        dead=sum(each.dead for each in shards),
        jobs_per_s=sum(each.jobs_per_s for each in shards),
        oldest_s=max(waits, default=None),
        totals=_added(each.totals for each in shards),
        queued_cpu=sum(each.queued_cpu for each in shards),
    )


def sum_counters(shards: Sequence[QueueCounters]) -> QueueCounters:
    """The counters of the queue."""
    first = shards[0]
    if len(shards) == 1:
        return first
    jobs, unknown = _by_name(each.jobs for each in shards), _by_name(each.unknown for each in shards)
    return QueueCounters(first.now_ms, _added(each.queue for each in shards), jobs, unknown)


def sum_series(shards: Sequence[Series]) -> Series:
    """The series of the queue, as long as that of the first shard; other shards' clocks may differ by a step."""
    first = shards[0]
    if len(shards) == 1:
        return first
    steps = _aligned(first.steps, first.oldest, ((each.steps, each.oldest) for each in shards))
    return Series(first.now_ms, first.oldest, steps)


def sum_rates(shards: Sequence[Rates], step_s: int) -> Rates:
    """The rates of the queue, in the steps of the first shard."""
    first = shards[0]
    if len(shards) == 1:
        return first
    steps = _aligned(first.steps, first.oldest_s // step_s, ((each.steps, each.oldest_s // step_s) for each in shards))
    return Rates(first.now_ms, first.oldest_s, sum(each.enqueued_per_s for each in shards), steps)


def _aligned(like: Sequence[Counters], oldest: int, shards: Iterable[tuple[Sequence[Counters], int]]) -> list[Counters]:
    sums: list[Counter[str]] = [Counter() for _ in like]
    for steps, its_oldest in shards:
        for number, counters in enumerate(steps, start=its_oldest - oldest):
            if 0 <= number < len(sums):
                sums[number].update(counters)
    return [dict(each) for each in sums]


def _by_name(shards: Iterable[Mapping[str, Counters]]) -> dict[str, Counters]:
    found = list(shards)
    names = {name for each in found for name in each}
    return {name: _added(each.get(name, {}) for each in found) for name in names}


def _added(shards: Iterable[Counters]) -> Counters:
    total: Counter[str] = Counter()
    for counters in shards:
        total.update(counters)
    return dict(total)
