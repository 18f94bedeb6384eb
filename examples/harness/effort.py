"""What a piece of work takes: seconds, CPU time of this program, and the CPU time that the machine had left."""

from __future__ import annotations

import resource
import time
from dataclasses import dataclass

import psutil


@dataclass(frozen=True, slots=True)
class Effort:
    """What a piece of work took, in seconds unless stated otherwise.

    Attributes:
        seconds: from its start to its end.
        waits: how often a thread of this process gave up its core to wait for something.
        computing_s: CPU time of this process and of all processes that it started, such as a pool and its Redis.
        idle_s: CPU time of the whole machine that nobody used, summed over its cores.
        others_s: CPU time that other programs used, summed over the machine's cores.
    """

    seconds: float
    waits: int
    computing_s: float
    idle_s: float
    others_s: float


class EffortMeter:
    """Measures the effort between its creation and `stop`."""

    def __init__(self) -> None:
        self._computing_s = _own_cpu_s()
        self._idle_s, self._busy_s = _machine_cpu_s()
        self._waits = _waits()
        self._started_s = time.perf_counter()

    def stop(self) -> Effort:
        """What has been used since the start."""
        seconds = time.perf_counter() - self._started_s
        waits = _waits() - self._waits
        computing_s = _own_cpu_s() - self._computing_s
        idle_s, busy_s = _machine_cpu_s()
        others_s = max(0.0, busy_s - self._busy_s - computing_s)
        return Effort(seconds, waits, computing_s, idle_s - self._idle_s, others_s)


def _waits() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw


def _own_cpu_s() -> float:
    me = psutil.Process()
    return sum(map(_cpu_s, [me, *me.children(recursive=True)]))


def _cpu_s(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.Error:
        return 0.0  # it has exited since it was listed; its parent has its time
    # Includes only children that have exited and were waited for; the others are counted separately.
    return times.user + times.system + times.children_user + times.children_system


def _machine_cpu_s() -> tuple[float, float]:
    times = psutil.cpu_times()
    idle_s = times.idle + getattr(times, "iowait", 0.0)
    # On Linux, guests' time is also in `user` and `nice`; time taken by other machines is in `steal`.
    guests_s = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)
    return idle_s, sum(times) - guests_s - idle_s
