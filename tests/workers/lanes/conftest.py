"""The fixture of the CPU lane's tests: a lane on an event loop of either kind."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
import uvloop

from monarq.workers.lanes import child_process
from tests.workers.lanes.lane_driver import HERE, Driver


@pytest.fixture(params=[uvloop.new_event_loop, asyncio.new_event_loop], ids=["uvloop", "asyncio"])
def driver(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Driver]:
    """A driver on a uvloop loop, then on an asyncio loop."""
    monkeypatch.syspath_prepend(HERE)
    with asyncio.Runner(loop_factory=request.param) as runner:
        driver = Driver(runner)
        yield driver
        driver.stop()


@pytest.fixture(params=["pidfd", "polling"])
def exits(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Either way of learning of a child's end: systems without pidfd poll."""
    if request.param == "polling":
        monkeypatch.setattr(child_process, "open_pidfd", lambda _pid: None)
