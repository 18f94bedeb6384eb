"""The checker finds what went wrong in ledgers that were made up: a proof is worth what its checks can catch."""

from __future__ import annotations

import pytest

from chaos.checks.checker import Figures, judge
from chaos.checks.ledger import ACKED, FAULT, FINISH, HEAL, KILL, START, UNKNOWN, Event

SECOND = 10**9


def event(at_s: float, what: str, job_id: str = "", run: str = "", pid: int = 1, note: str = "monarq") -> Event:
    return Event(what, round(at_s * SECOND), 0, job_id, 1, run, pid, note)


def good(job_id: str, at_s: float, run: str, pid: int = 1) -> list[Event]:
    return [event(at_s, START, job_id, run, pid), event(at_s + 1, FINISH, job_id, run, pid)]


def figures(*events: Event | list[Event], results: dict[str, str | None] | None = None) -> Figures:
    flat = [each for one in events for each in ([one] if isinstance(one, Event) else one)]
    return judge(sorted(flat, key=lambda each: each.mono_ns), results)


def test_all_is_well() -> None:
    found = figures(event(0, ACKED, "a"), good("a", 1, "1.1"), results={"a": "1.1"})
    assert (found.acked, found.runs) == (1, 1)
    assert (found.lost, found.dead, found.dup, found.overlap, found.phantom, found.stale) == (0, 0, 0, 0, 0, 0)


@pytest.mark.parametrize("results", [None, {"a": None}])
def test_acknowledged_and_never_run_is_lost(results: dict[str, str | None] | None) -> None:
    found = figures(event(0, ACKED, "a"), results=results)
    assert (found.lost, found.lost_ids) == (1, ["a"])


def test_run_without_a_result_is_lost() -> None:
    assert figures(event(0, ACKED, "a"), good("a", 1, "1.1"), results={"a": None}).lost == 1


def test_a_failed_job_is_dead_and_not_lost() -> None:
    found = figures(event(0, ACKED, "a"), results={"a": "failed: JobDeadError()"})
    assert (found.lost, found.dead) == (0, 1)


def test_unknown_enqueues_may_run_or_not() -> None:
    found = figures(event(0, UNKNOWN, "a"), event(0, UNKNOWN, "b"), good("a", 1, "1.1"))
    assert (found.unknown, found.lost, found.phantom) == (2, 0, 0)


def test_nobody_asked_for_it() -> None:
    assert figures(good("a", 1, "1.1")).phantom == 1


def test_the_same_job_twice_one_after_the_other() -> None:
    found = figures(event(0, ACKED, "a"), good("a", 1, "1.1"), good("a", 3, "2.1", pid=2))
    assert (found.dup, found.dup_bound, found.overlap) == (1, 0, 0)
    assert found.sides == {"monarq, then monarq": 1}


def test_the_same_job_twice_at_once() -> None:
    assert figures(event(0, ACKED, "a"), good("a", 1, "1.1"), good("a", 1.5, "2.1", pid=2)).overlap == 1


def test_a_killed_worker_explains_a_second_run_and_not_an_overlap() -> None:
    found = figures(
        event(0, ACKED, "a"), event(1, START, "a", "1.1"), event(1.5, KILL, pid=1), good("a", 2, "2.1", pid=2)
    )
    assert (found.dup, found.dup_bound, found.overlap, found.in_flight) == (0, 1, 0, 1)
    assert found.recovery == [0.5]


def test_another_workers_death_explains_nothing() -> None:
    assert figures(event(0, ACKED, "a"), good("a", 1, "1.1"), event(1.5, KILL, pid=2)).dup_bound == 0


def test_a_run_that_had_lost_its_lease_wrote_the_result() -> None:
    runs = good("a", 1, "1.1"), good("a", 3, "2.1", pid=2)
    assert figures(event(0, ACKED, "a"), *runs, results={"a": "1.1"}).stale == 1
    assert figures(event(0, ACKED, "a"), *runs, results={"a": "2.1"}).stale == 0


def test_time_until_jobs_run_again_after_redis_was_away() -> None:
    found = figures(event(0, FAULT), event(2, HEAL), event(0, ACKED, "a"), good("a", 2.5, "1.1"))
    assert found.resume == [0.5]
