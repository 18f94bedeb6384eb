"""The process statistics of a worker: its CPU usage, its memory, and the lag of its event loop.

A worker has one `ProcessSampler`; the lease thread asks it for each record, the heartbeat every second. A sample costs
a fraction of a millisecond, and the loop is woken ten times a second.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import psutil

TICK_S: Final = 0.1
"""How often the lag is measured: longer delays are never missed, and one of this length is measured as half as long."""

MIN_INTERVAL_S: Final = 1.0
"""Samples that are closer together get the same answer, since CPU usage over less time means nothing."""

Reader = Literal["record", "heartbeat"]


class LoopLag:
    """The lag of the event loop: how late it runs its timers because a job or the machine has blocked it."""

    def __init__(self) -> None:
        self._largest_s: dict[Reader, float] = {"record": 0.0, "heartbeat": 0.0}
        self._due_s = float("inf")
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Starts watching the running loop."""
        self._arm(time.monotonic())

    def stop(self) -> None:
        """Stops watching; safe to call twice."""
        self._due_s = float("inf")
        if self._timer is not None:
            self._timer.cancel()

    def take(self, reader: Reader) -> float:
        """The largest delay in seconds since this reader last asked, including an ongoing one. From any thread."""
        largest_s = self._largest_s[reader]
        self._largest_s[reader] = 0.0
        return max(largest_s, time.monotonic() - self._due_s)

    def _arm(self, now_s: float) -> None:
        self._due_s = now_s + TICK_S
        self._timer = asyncio.get_running_loop().call_later(TICK_S, self._tick)

    def _tick(self) -> None:
        now_s = time.monotonic()
        late_s = now_s - self._due_s
        for reader, largest_s in self._largest_s.items():
            if late_s > largest_s:
                self._largest_s[reader] = late_s
        self._arm(now_s)


@dataclass(frozen=True, slots=True)
class ProcessStats:
    """A process at one moment.

    Attributes:
        cpu_percent: its CPU usage since the last sample, in percent of one core; may exceed 100.
        memory_bytes: its resident memory.
        loop_lag_s: the largest delay of its event loop since the last sample.
    """

    cpu_percent: float = 0.0
    memory_bytes: int = 0
    loop_lag_s: float = 0.0


class ProcessSampler:
    """Samples the statistics of this process together with the child of its cpu lane."""

    def __init__(self) -> None:
        self.lag = LoopLag()
        self._process = psutil.Process()
        self._child_pid: Callable[[], int | None] = _no_child
        self._last = ProcessStats()
        self._last_s = time.monotonic()
        self._last_cpu_s = self._usage()[0]

    def start(self, child_pid: Callable[[], int | None]) -> None:
        """Starts to watch the running loop.

        Args:
            child_pid: returns the process id of the cpu lane's child; None if there is none.
        """
        self._child_pid = child_pid
        self.lag.start()

    def stop(self) -> None:
        """Stops watching the loop."""
        self.lag.stop()

    def sample(self) -> ProcessStats:
        """The statistics since the last sample. Called by one thread."""
        now_s = time.monotonic()
        cpu_s, memory_bytes = self._usage()
        passed_s = now_s - self._last_s
        if passed_s >= MIN_INTERVAL_S:
            # It may be less than before if a child has ended and is not reaped yet.
            percent = 100 * max(0.0, cpu_s - self._last_cpu_s) / passed_s
            self._last = ProcessStats(round(percent, 1), memory_bytes, round(self.lag.take("record"), 4))
            self._last_s, self._last_cpu_s = now_s, cpu_s
        elif not self._last.memory_bytes:
            return ProcessStats(memory_bytes=memory_bytes)
        return self._last

    def _usage(self) -> tuple[float, int]:
        """Seconds of processor time since the start, including ended children, and memory in bytes."""
        cpu_s, memory_bytes = _read(self._process)
        pid = self._child_pid()
        if pid is not None:
            try:
                child = _read(psutil.Process(pid))
            except psutil.Error:
                child = (0.0, 0)  # it has just ended
            cpu_s, memory_bytes = cpu_s + child[0], memory_bytes + child[1]
        return cpu_s, memory_bytes


def _read(process: psutil.Process) -> tuple[float, int]:
    with process.oneshot():
        times = process.cpu_times()
        used_s = times.user + times.system + times.children_user + times.children_system
        return used_s, process.memory_info().rss


def _no_child() -> int | None:
    return None
