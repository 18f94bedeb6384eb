"""Checks the order: which jobs started later than jobs of their shard that were enqueued after them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import NamedTuple

from chaos.checks.due import Due
from chaos.checks.ledger import ACKED, KILL, START, Event


class _Job(NamedTuple):
    asked_ns: int
    acked_ns: int
    started_ns: int
    job_try: int


def overtaken_s(events: Sequence[Event], shard_of: Callable[[str], str]) -> list[float]:
    """By how long each job was overtaken by jobs of its shard whose enqueue began after its own had ended.

    Jobs that a killed worker held before they began are left out: their first start is a later try, or there was a kill
    between the two starts.

    Args:
        events: the ledger, in order.
        shard_of: returns the shard of a job's id; order is promised within a shard.

    Returns:
        Seconds for each job that was overtaken. Workers that run in parallel overtake each other by moments.
    """
    started: dict[str, Event] = {}
    for event in events:
        if event.what == START:
            started.setdefault(event.job_id, event)
    shards: dict[str, list[_Job]] = defaultdict(list)
    for event in events:
        if event.what == ACKED and event.job_id in started:
            asked_ns = Due.read(event.note).asked_ns
            start = started[event.job_id]
            shards[shard_of(event.job_id)].append(_Job(asked_ns, event.mono_ns, start.mono_ns, start.job_try))
    kills = [event.mono_ns for event in events if event.what == KILL]
    return [late_s for jobs in shards.values() for late_s in _overtaken_s(sorted(jobs), kills)]


def _overtaken_s(jobs: Sequence[_Job], kills: Sequence[int]) -> list[float]:
    firsts = [0] * len(jobs)
    first_ns = 2**63
    for at in range(len(jobs) - 1, -1, -1):
        first_ns = firsts[at] = min(first_ns, jobs[at].started_ns)
    asked = [job.asked_ns for job in jobs]
    found = []
    for job in jobs:
        later = bisect_right(asked, job.acked_ns)
        if later == len(jobs) or firsts[later] >= job.started_ns:
            continue
        if job.job_try > 1 and bisect_right(kills, job.started_ns):
            continue
        if bisect_left(kills, firsts[later]) == bisect_right(kills, job.started_ns):
            found.append((job.started_ns - firsts[later]) / 1e9)
    return found
