"""Drives a CpuLane from plain tests, on an event loop of either kind; the CPU lane's test files share it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from monarq.workers.lanes.child_protocol import CpuCall
from monarq.workers.lanes.cpu_lane import CpuLane
from tests.support.slowness import patience_s

HERE = str(Path(__file__).parent)


def call_of(name: str, *args: Any, context: Any = None, **kwargs: Any) -> CpuCall:
    """A call of a function in cpu_jobs.py."""
    return CpuCall("cpu_jobs", name, args, kwargs, context)


class Driver:
    """A runner of one event loop and the lanes that were made on it."""

    def __init__(self, runner: asyncio.Runner) -> None:
        self.runner = runner
        self._lane: CpuLane | None = None

    @property
    def lane(self) -> CpuLane:
        """The lane; a default one is made at first use."""
        return self._lane or self.make()

    @property
    def pid(self) -> int:
        """The process id of the lane's child, which is there."""
        assert self.lane.pid is not None
        return self.lane.pid

    def make(self, **settings: Any) -> CpuLane:
        """Makes the lane with these settings; before its first use."""
        assert self._lane is None
        self._lane = CpuLane(sys_path=[HERE], **settings)
        return self._lane

    def do(self, what: Coroutine[Any, Any, Any]) -> Any:
        """Runs a coroutine on the loop."""
        return self.runner.run(what)

    def run(self, name: str, *args: Any, timeout_s: float | None = 10, memory_bytes: int | None = None) -> Any:
        """Runs a function of cpu_jobs.py in the lane."""
        return self.do(self.lane.run(call_of(name, *args), timeout_s=timeout_s, memory_bytes=memory_bytes))

    def stop(self) -> None:
        """Stops the lane."""
        if self._lane is not None:
            self.do(self._lane.stop())


def alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def until(condition: Callable[[], Any], limit_s: float = 5.0) -> float:
    """Waits for something of another process that cannot be awaited; the seconds that it took."""
    start_s = time.monotonic()
    while not condition():
        assert time.monotonic() - start_s < patience_s(limit_s), "it did not come about"
        time.sleep(0.002)
    return time.monotonic() - start_s
