"""Checks a ledger: what was lost, ran twice, ran at the same time, or ran although nobody enqueued it.

It is pure, so that it can be tested itself: it computes figures from events and the results found in Redis.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from chaos.checks.ledger import (
    ACKED,
    CANCELLED,
    FAULT,
    FINISH,
    HEAL,
    KILL,
    RAISED,
    REFUSED,
    SILENT,
    START,
    UNKNOWN,
    Event,
)

ACK_WINDOW_NS: Final = 250_000_000
"""A run that ended this shortly before a fault may not have been acknowledged, so the fault can explain another run."""


@dataclass(slots=True)
class Attempt:
    """One run of a job, as recorded in the ledger.

    Attributes:
        began: its start.
        ended: how it ended, as the run recorded it; None if its worker died first.
        end_ns: when it ended, as the run recorded it, or when its worker died; None if unknown.
    """

    began: Event
    ended: Event | None = None
    end_ns: int | None = None

    @property
    def finished(self) -> bool:
        """Whether it returned."""
        return self.ended is not None and self.ended.what == FINISH


@dataclass(slots=True)
class Figures:
    """The figures of a scenario. Times are in seconds.

    Attributes:
        acked: enqueues that returned.
        unknown: enqueues whose outcome is unknown.
        refused: enqueues that raised an error which says that nothing was enqueued.
        silent: enqueues that neither returned a new job nor raised an error.
        runs: runs that began.
        kills: workers killed.
        in_flight: runs interrupted by a kill or another fault.
        lost: acknowledged jobs that never finished or have no result.
        dead: acknowledged jobs whose result is a failure.
        dup: finished runs after the first one of a job.
        dup_bound: how many of these the faults can explain: they were in flight, or ended so shortly before the fault
            that they may not have been acknowledged.
        overlap: pairs of runs of one job that ran at the same time.
        phantom: jobs that ran although nobody enqueued them.
        stale: results that were not written by the last run.
        recovery: from a kill to the next run of each job that it interrupted.
        resume: from each return of Redis to the first event of a worker.
        lost_ids: some of the lost jobs.
        overlap_ids: some of the jobs that overlapped.
        sides: duplicates by the kinds of worker that ran the job first and again.
    """

    acked: int = 0
    unknown: int = 0
    refused: int = 0
    silent: int = 0
    runs: int = 0
    kills: int = 0
    in_flight: int = 0
    lost: int = 0
    dead: int = 0
    dup: int = 0
    dup_bound: int = 0
    overlap: int = 0
    phantom: int = 0
    stale: int = 0
    recovery: list[float] = field(default_factory=list)
    resume: list[float] = field(default_factory=list)
    lost_ids: list[str] = field(default_factory=list)
    overlap_ids: list[str] = field(default_factory=list)
    sides: dict[str, int] = field(default_factory=dict)


def judge(events: Sequence[Event], results: Mapping[str, str | None] | None = None) -> Figures:
    """The figures of a scenario.

    Args:
        events: the ledger, in order.
        results: the result in Redis of each acknowledged job: the name of the run that wrote it, or None if there is no
            result. By default results are not checked.
    """
    attempts = _attempts(events)
    by_job: dict[str, list[Attempt]] = defaultdict(list)
    for attempt in attempts:
        by_job[attempt.began.job_id].append(attempt)
    figures = _count_enqueues(events)
    figures.runs = len(attempts)
    _count_losses(figures, events, by_job, results)
    _count_duplicates(figures, events, by_job)
    _count_overlaps(figures, by_job)
    _time_recoveries(figures, events, attempts, by_job)
    _time_resumes(figures, events)
    return figures


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that this share of the values does not exceed; 0 if there are none."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else 0.0


def _attempts(events: Iterable[Event]) -> list[Attempt]:
    found: dict[str, Attempt] = {}
    kills = {event.pid: event.mono_ns for event in events if event.what == KILL}
    last_words: dict[int, int] = {}
    for event in events:
        if event.run:
            last_words[event.pid] = event.mono_ns
        if event.what == START:
            found[event.run] = Attempt(event)
        elif event.what in (FINISH, RAISED, CANCELLED):
            found[event.run].ended = event
            found[event.run].end_ns = event.mono_ns
    for attempt in found.values():
        if attempt.end_ns is None:
            # A worker that died by itself lived at least until its last event.
            attempt.end_ns = kills.get(attempt.began.pid) or last_words[attempt.began.pid]
    return list(found.values())


def _count_enqueues(events: Iterable[Event]) -> Figures:
    counts = Counter(event.what for event in events)
    return Figures(
        acked=counts[ACKED],
        unknown=counts[UNKNOWN],
        refused=counts[REFUSED],
        silent=counts[SILENT],
        kills=counts[KILL],
    )


def _count_losses(
    figures: Figures,
    events: Iterable[Event],
    by_job: Mapping[str, list[Attempt]],
    results: Mapping[str, str | None] | None,
) -> None:
    acked = {event.job_id for event in events if event.what == ACKED}
    asked = acked | {event.job_id for event in events if event.what in (UNKNOWN, SILENT)}
    finished = {job_id for job_id, attempts in by_job.items() if any(attempt.finished for attempt in attempts)}
    lost = acked - finished
    if results is not None:
        lost = {job_id for job_id in lost if results.get(job_id) is None}
        lost |= {job_id for job_id in acked if results.get(job_id) is None}
        dead = {job_id for job_id in acked - lost if (results[job_id] or "").startswith("failed: ")}
        figures.dead = len(dead)
        for job_id in acked - lost - dead:
            last = max(by_job[job_id], key=lambda attempt: attempt.began.mono_ns)
            figures.stale += not (results[job_id] or "").startswith(last.began.run)
    figures.lost, figures.lost_ids = len(lost), sorted(lost)[:10]
    figures.phantom = len(set(by_job) - asked)


def _count_duplicates(figures: Figures, events: Sequence[Event], by_job: Mapping[str, list[Attempt]]) -> None:
    sides: Counter[str] = Counter()
    for attempts in by_job.values():
        finished = [attempt for attempt in attempts if attempt.finished]
        figures.dup += max(0, len(finished) - 1)
        for first, second in pairwise(finished):
            sides[f"{first.began.note.split()[0]}, then {second.began.note.split()[0]}"] += 1
    figures.sides = dict(sides)
    faults = [event for event in events if event.what in (KILL, FAULT)]
    runs = [attempt for attempts in by_job.values() for attempt in attempts]
    figures.in_flight = _count_met(faults, runs, 0)
    figures.dup_bound = _count_met(faults, runs, ACK_WINDOW_NS)


def _count_met(faults: Sequence[Event], runs: Sequence[Attempt], window_ns: int) -> int:
    """How many runs a fault interrupted or followed shortly; a kill counts only for its own worker's runs."""
    met: set[str] = set()
    for fault in faults:
        for run in runs:
            if fault.what == KILL and fault.pid != run.began.pid:
                continue
            if run.began.mono_ns <= fault.mono_ns <= (run.end_ns or 0) + window_ns:
                met.add(run.began.run)
    return len(met)


def _count_overlaps(figures: Figures, by_job: Mapping[str, list[Attempt]]) -> None:
    for job_id, attempts in by_job.items():
        ordered = sorted(attempts, key=lambda attempt: attempt.began.mono_ns)
        for before, after in pairwise(ordered):
            if before.end_ns is not None and after.began.mono_ns < before.end_ns:
                figures.overlap += 1
                figures.overlap_ids.append(job_id)
    figures.overlap_ids = figures.overlap_ids[:10]


def _time_recoveries(
    figures: Figures, events: Iterable[Event], attempts: Iterable[Attempt], by_job: Mapping[str, list[Attempt]]
) -> None:
    kills = {event.pid: event.mono_ns for event in events if event.what == KILL}
    for attempt in attempts:
        killed_ns = kills.get(attempt.began.pid)
        if killed_ns is None or attempt.ended is not None:
            continue
        later = [other.began.mono_ns for other in by_job[attempt.began.job_id] if other.began.mono_ns > killed_ns]
        if later:
            figures.recovery.append((min(later) - killed_ns) / 1e9)


def _time_resumes(figures: Figures, events: Sequence[Event]) -> None:
    """The times from each return of Redis to the next start of a job."""
    starts = [event.mono_ns for event in events if event.what == START]
    for heal in (event for event in events if event.what == HEAL):
        later = [start for start in starts if start > heal.mono_ns]
        if later:
            figures.resume.append((min(later) - heal.mono_ns) / 1e9)
