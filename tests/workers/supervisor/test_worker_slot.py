"""How long a seat stays empty after a worker has ended."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from monarq.workers.config.spec import Limits
from monarq.workers.supervisor.log import SupervisorLog
from monarq.workers.supervisor.worker_slot import Seat


def make_seat() -> Seat:
    nothing = cast("Any", None)
    return Seat(0, start=nothing, on_ended=nothing, limits=Limits(), log=SupervisorLog())


def pause_s(seat: Seat, *, ready: bool = False, refusal: str | None = None) -> float:
    ended = SimpleNamespace(ready=object() if ready else None, refusal=refusal, age_s=0.5)
    return seat._backoff_after(cast("Any", ended)).next_s()


def test_a_worker_that_could_work_is_followed_within_a_second_however_often_it_is_killed() -> None:
    seat = make_seat()
    assert max(pause_s(seat, ready=True) for _ in range(50)) <= 1.0


def test_a_worker_that_says_why_it_cannot_start_is_followed_within_two_seconds() -> None:
    seat = make_seat()
    assert 1.0 <= max(pause_s(seat, refusal="Redis is away") for _ in range(50)) <= 2.0


def test_a_worker_that_dies_at_its_start_is_given_time() -> None:
    seat = make_seat()
    assert 15.0 <= max(pause_s(seat) for _ in range(50)) <= 30.0


def test_one_that_is_ready_ends_the_long_pauses() -> None:
    seat = make_seat()
    for _ in range(20):
        pause_s(seat)
    pause_s(seat, ready=True)
    assert pause_s(seat) <= 0.1
