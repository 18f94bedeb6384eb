"""The thread lane: places, errors that a future would not carry, and threads that nobody waits for any more."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextvars import ContextVar

import pytest

from monarq.shared.errors import StandInError
from monarq.workers.lanes.thread_lane import ThreadLane
from monarq.workers.reporting.worker_record import RunCounters
from tests.support.slowness import in_time

TENANT: ContextVar[str] = ContextVar("tenant", default="")


@pytest.fixture
def counters() -> RunCounters:
    return RunCounters()


@pytest.fixture
async def lane(counters: RunCounters) -> AsyncIterator[ThreadLane]:
    made = ThreadLane(2, counters)
    yield made
    made.stop()


async def test_calls_run_in_threads_with_the_context_of_their_caller(lane: ThreadLane) -> None:
    TENANT.set("one")
    assert await lane.run(lambda: (TENANT.get(), threading.current_thread().name[:10]), "job") == ("one", "monarq-job")


@pytest.mark.parametrize(
    ("error", "raised"),
    [(ValueError(7), ValueError), (KeyboardInterrupt(), KeyboardInterrupt), (StopIteration(5), StandInError)],
)
async def test_what_a_call_raises_is_raised(
    lane: ThreadLane, error: BaseException, raised: type[BaseException]
) -> None:
    def fail() -> None:
        raise error

    with pytest.raises(raised) as caught:
        await lane.run(fail, "job")
    assert str(error) in str(caught.value)


async def test_no_more_run_at_a_time_than_there_are_places(lane: ThreadLane) -> None:
    running, let_go, most = [], threading.Event(), 0

    def hold() -> None:
        nonlocal most
        running.append(1)
        most = max(most, len(running))
        let_go.wait(10)
        running.pop()

    calls = [asyncio.create_task(lane.run(hold, "job")) for _ in range(5)]
    async with in_time(10):
        while len(running) < 2:
            await asyncio.sleep(0.005)
    await asyncio.sleep(0.05)
    let_go.set()
    await asyncio.gather(*calls)
    assert most == 2


async def test_an_abandoned_thread_gives_its_place_to_another_job(lane: ThreadLane, counters: RunCounters) -> None:
    let_go = threading.Event()
    calls = [asyncio.create_task(lane.run(lambda: let_go.wait(10), "job")) for _ in range(2)]
    await asyncio.sleep(0.05)
    for call in calls:
        call.cancel()
    await asyncio.wait(calls)
    assert counters.abandoned_threads == 2
    assert await lane.run(lambda: 42, "job") == 42
    let_go.set()
    async with in_time(10):
        while counters.abandoned_threads:
            await asyncio.sleep(0.005)
