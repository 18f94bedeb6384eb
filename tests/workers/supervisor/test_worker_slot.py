"""A worker slot: how long it stays empty after a worker has ended."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from monarq.workers.config.spec import SupervisorLimits
from monarq.workers.supervisor.supervisor_log import SupervisorLog
from monarq.workers.supervisor.worker_slot import WorkerSlot


def make_slot() -> WorkerSlot:
    nothing = cast("Any", None)
    return WorkerSlot(0, start=nothing, on_ended=nothing, limits=SupervisorLimits(), log=SupervisorLog())


def pause_s(slot: WorkerSlot, *, ready: bool = False, start_error: str | None = None) -> float:
    ended = SimpleNamespace(ready=object() if ready else None, start_error=start_error, age_s=0.5)
    return slot._backoff_after(cast("Any", ended)).next_s()


def test_a_worker_that_could_work_is_followed_within_a_second_however_often_it_is_killed() -> None:
    slot = make_slot()
    assert max(pause_s(slot, ready=True) for _ in range(50)) <= 1.0


def test_a_worker_that_says_why_it_cannot_start_is_followed_within_two_seconds() -> None:
    slot = make_slot()
    assert 1.0 <= max(pause_s(slot, start_error="Redis is away") for _ in range(50)) <= 2.0


def test_a_worker_that_dies_at_its_start_is_given_time() -> None:
    slot = make_slot()
    assert 15.0 <= max(pause_s(slot) for _ in range(50)) <= 30.0


def test_one_that_is_ready_ends_the_long_pauses() -> None:
    slot = make_slot()
    for _ in range(20):
        pause_s(slot)
    pause_s(slot, ready=True)
    assert pause_s(slot) <= 0.1
