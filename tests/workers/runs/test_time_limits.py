"""Runs are cancelled at their time limits, by one timer for all runs of a limit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context
from typing import Any

import pytest
import uvloop

from monarq.workers.runs.current_job import CURRENT_JOB
from monarq.workers.runs.run import ActiveRun, CancelReason
from monarq.workers.runs.time_limits import TimeLimits, timeout_after
from tests.workers.support import worker_jobs as jobs
from tests.workers.support.runs import make_run


class Timers:
    """An event loop and a clock: a test moves the time on, and timers are called as they come due."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.early_s = 0.0
        self.set: list[tuple[float, Callable[..., Any], tuple[Any, ...]]] = []

    def call_later(self, wait_s: float, callback: Callable[..., Any], *args: Any, context: Context) -> None:
        assert CURRENT_JOB not in context, "a timer in a run's context keeps the run"
        self.set.append((self.now_s + wait_s - self.early_s, callback, args))

    def pass_s(self, seconds: float) -> None:
        end_s = self.now_s + seconds
        while due := [timer for timer in self.set if timer[0] <= end_s]:
            timer = min(due, key=lambda one: one[0])
            self.set.remove(timer)
            self.now_s, callback, args = timer
            callback(*args)
        self.now_s = end_s


class Limited:
    """Runs with time limits."""

    def __init__(self) -> None:
        self.timers = Timers()
        self.limits = TimeLimits(self.timers, lambda: self.timers.now_s)  # type: ignore[arg-type]

    def start(self, limit_s: float) -> ActiveRun:
        """A run that is under way, as `cancel` only looks whether its task is done."""
        run = make_run(jobs.plus, 1, 2, task=asyncio.get_running_loop().create_future(), start_ms=1)
        token = CURRENT_JOB.set(run)
        self.limits.start(run, limit_s)
        CURRENT_JOB.reset(token)
        return run


def is_cancelled(run: ActiveRun) -> bool:
    assert run.cancel_reason in (None, CancelReason.TIMEOUT)
    return run.cancel_reason is not None


async def test_a_run_is_cancelled_at_its_limit_and_not_before() -> None:
    limited = Limited()
    first = limited.start(10)
    limited.timers.pass_s(4)
    second = limited.start(10)
    short = limited.start(3)
    limited.timers.pass_s(5.5)
    assert [*map(is_cancelled, (first, second, short))] == [False, False, True]
    limited.timers.pass_s(1)
    assert [*map(is_cancelled, (first, second))] == [True, False]
    limited.timers.pass_s(4)
    assert is_cancelled(second)
    assert limited.timers.set == [], "nothing is left to wait for"


async def test_a_run_that_has_ended_is_left_alone() -> None:
    limited = Limited()
    first = limited.start(10)
    limited.timers.pass_s(1)
    second = limited.start(10)
    limited.limits.stop(first, 10)
    limited.timers.pass_s(10.01)
    assert [*map(is_cancelled, (first, second))] == [False, True]
    limited.limits.stop(second, 10)


async def test_many_runs_of_a_limit_have_one_timer() -> None:
    limited = Limited()
    for _ in range(100):
        limited.limits.stop(limited.start(10), 10)
        limited.timers.pass_s(0.05)
        assert len(limited.timers.set) == 1
    late = limited.start(10)
    limited.timers.pass_s(9)
    assert (is_cancelled(late), len(limited.timers.set)) == (False, 1)
    limited.timers.pass_s(1.01)
    assert is_cancelled(late)


@pytest.mark.parametrize("early_s", [0.0005, 0.002, 0.01])
async def test_a_timer_that_fires_early_waits_on(early_s: float) -> None:
    limited = Limited()
    limited.timers.early_s = early_s
    run = limited.start(10)
    limited.timers.early_s = 0.0
    limited.timers.pass_s(9.9999)
    assert not is_cancelled(run)
    limited.timers.pass_s(0.02)
    assert is_cancelled(run)
    assert limited.timers.set == []


IN_MS = [0.001, 0.002, 0.003, 0.0034, 0.0047, 0.0055]


@pytest.mark.parametrize("run_loop", [uvloop.run, asyncio.run], ids=["uvloop", "asyncio"])
def test_on_a_real_loop_no_run_is_cancelled_before_its_limit(run_loop: Callable[[Any], float]) -> None:
    """At any fraction of a ms: uvloop's timers begin with the ms that the clock is in."""

    async def shortest_s() -> float:
        """By how much the earliest cancellation missed its limit."""
        loop = asyncio.get_running_loop()
        limits, ended_s = TimeLimits(loop), []
        for limit_s in IN_MS * 20:
            run = make_run(jobs.plus, 1, 2, task=loop.create_task(asyncio.sleep(5)), start_ms=1)
            began_s = time.monotonic()
            limits.start(run, limit_s)
            with suppress(asyncio.CancelledError):
                await run.task  # type: ignore[misc]
            ended_s.append(time.monotonic() - began_s - limit_s)
            limits.stop(run, limit_s)
        return min(ended_s)

    assert run_loop(shortest_s()) >= 0


@pytest.mark.parametrize("run_loop", [uvloop.run, asyncio.run], ids=["uvloop", "asyncio"])
def test_on_a_real_loop_no_timeout_is_over_before_its_time(run_loop: Callable[[Any], float]) -> None:
    async def shortest_s() -> float:
        ended_s = []
        for limit_s in IN_MS * 20:
            began_s = time.monotonic()
            with suppress(TimeoutError):
                async with timeout_after(limit_s):
                    await asyncio.sleep(5)
            ended_s.append(time.monotonic() - began_s - limit_s)
        return min(ended_s)

    assert run_loop(shortest_s()) >= 0


async def test_no_limit_is_none() -> None:
    async with timeout_after(None) as timeout:
        assert timeout.when() is None
