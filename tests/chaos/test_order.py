"""The checker of order: a job that starts after later ones of its shard is told by how much."""

from __future__ import annotations

from collections.abc import Sequence

from chaos.checks.due import Due
from chaos.checks.ledger import ACKED, KILL, START, Event
from chaos.checks.order import overtaken_s


def enqueued(asked_s: float, acked_s: float, job_id: str) -> Event:
    return Event(ACKED, round(acked_s * 1e9), 0, job_id, note=Due(0.0, round(asked_s * 1e9)).note())


def event(at_s: float, what: str, job_id: str = "", pid: int = 1, job_try: int = 1) -> Event:
    return Event(what, round(at_s * 1e9), 0, job_id, job_try, f"{pid}.{job_id}", pid)


def overtaken(*events: Event) -> Sequence[float]:
    return overtaken_s(sorted(events, key=lambda each: each.mono_ns), lambda job_id: job_id[0])


def test_jobs_that_start_in_the_order_of_their_enqueues() -> None:
    assert overtaken(enqueued(0, 1, "a1"), enqueued(2, 3, "a2"), event(4, START, "a1"), event(5, START, "a2")) == []


def test_a_job_that_starts_after_one_that_was_enqueued_later() -> None:
    assert overtaken(enqueued(0, 1, "a1"), enqueued(2, 3, "a2"), event(5, START, "a1"), event(4, START, "a2")) == [1.0]


def test_the_earliest_of_the_later_jobs_counts_and_none_that_has_not_started() -> None:
    jobs = [enqueued(0, 1, "a1"), enqueued(2, 3, "a2"), enqueued(3, 4, "a3"), enqueued(1.5, 1.6, "a0")]
    starts = [event(9, START, "a1"), event(8, START, "a2"), event(6, START, "a3")]
    assert sorted(overtaken(*jobs, *starts)) == [3.0]


def test_enqueues_at_the_same_time_may_be_taken_in_either_order() -> None:
    assert overtaken(enqueued(0, 2, "a1"), enqueued(1, 3, "a2"), event(5, START, "a1"), event(4, START, "a2")) == []


def test_shards_have_an_order_each() -> None:
    assert overtaken(enqueued(0, 1, "a1"), enqueued(2, 3, "b2"), event(5, START, "a1"), event(4, START, "b2")) == []


def test_a_second_run_is_no_late_start() -> None:
    starts = [event(4, START, "a1"), event(5, START, "a2"), event(6, START, "a1")]
    assert overtaken(enqueued(0, 1, "a1"), enqueued(2, 3, "a2"), *starts) == []


def test_a_worker_that_was_killed_in_between_may_have_held_it() -> None:
    starts = [event(4, START, "a2"), event(4.5, KILL), event(5, START, "a1")]
    assert overtaken(enqueued(0, 1, "a1"), enqueued(2, 3, "a2"), *starts) == []


def test_a_worker_that_was_killed_before_either_started_may_have_held_it() -> None:
    jobs = [enqueued(0, 1, "a1"), enqueued(2, 3, "a2")]
    starts = [event(4, START, "a2"), event(9, START, "a1", job_try=2)]
    assert overtaken(*jobs, event(3.5, KILL), *starts) == []
    assert overtaken(*jobs, *starts) == [5.0]
