"""Watches the resident memory of a CPU child while a job with a limit runs.

Started and stopped by CpuLane around such a job. Memory grows only as fast as the kernel can clear pages, so the guard
looks again before what is left of the limit can have been filled: seldom when there is much room, often near the end.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from resource import getpagesize

LONGEST_PAUSE_S = 0.05
SHORTEST_PAUSE_S = 0.002
FILL_BYTES_PER_S = 8 << 30
"""Faster than one thread fills fresh memory on the machines of today."""


class MemoryGuard:
    """Calls `on_excess` once, when the process's resident memory is seen above the limit.

    Attributes:
        peak_bytes: the most that was seen.
        exceeded: whether the limit was passed.
    """

    def __init__(self, *, pid: int, limit_bytes: int, on_excess: Callable[[], None]) -> None:
        self.limit_bytes = limit_bytes
        self.peak_bytes = 0
        self._pid = pid
        self._on_excess = on_excess
        self._timer: asyncio.TimerHandle | None = None

    @property
    def exceeded(self) -> bool:
        """Whether the limit was passed."""
        return self.peak_bytes > self.limit_bytes

    def start(self) -> None:
        """Looks now, and then again and again."""
        seen_bytes = read_resident_bytes(self._pid)
        self.peak_bytes = max(self.peak_bytes, seen_bytes)
        if self.exceeded:
            self._on_excess()
            return
        pause_s = (self.limit_bytes - seen_bytes) / FILL_BYTES_PER_S
        pause_s = min(max(pause_s, SHORTEST_PAUSE_S), LONGEST_PAUSE_S)
        self._timer = asyncio.get_running_loop().call_later(pause_s, self.start)

    def stop(self) -> None:
        """Stops looking."""
        if self._timer is not None:
            self._timer.cancel()


def read_resident_bytes(pid: int) -> int:
    """A process's resident memory in bytes; 0 when it is gone."""
    if sys.platform == "linux":
        try:
            fd = os.open(f"/proc/{pid}/statm", os.O_RDONLY)
        except FileNotFoundError:
            return 0
        try:
            return int(os.read(fd, 128).split()[1]) * getpagesize()
        except ProcessLookupError:
            return 0
        finally:
            os.close(fd)
    else:
        import psutil

        try:
            return int(psutil.Process(pid).memory_info().rss)
        except psutil.NoSuchProcess:
            return 0
