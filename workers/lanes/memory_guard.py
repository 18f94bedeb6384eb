"""The memory guard: watches the resident memory of a CPU child while a job with a limit runs.

CpuLane starts and stops one around such a job. Memory grows only as fast as the kernel can clear pages, so the guard
polls before the rest of the limit can have been filled: rarely if much is left, often near the limit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from monarq.workers.system.memory import read_resident_bytes

MAX_PAUSE_S = 0.05
MIN_PAUSE_S = 0.002
FILL_BYTES_PER_S = 8 << 30
"""More than one thread can fill per second on current machines."""


class MemoryGuard:
    """Calls `on_excess` once if it finds the process's resident memory above the limit.

    Attributes:
        peak_bytes: the most memory that was found.
        exceeded: whether the limit was exceeded.
    """

    def __init__(self, *, pid: int, limit_bytes: int, on_excess: Callable[[], None]) -> None:
        self.limit_bytes = limit_bytes
        self.peak_bytes = 0
        self._pid = pid
        self._on_excess = on_excess
        self._timer: asyncio.TimerHandle | None = None

    @property
    def exceeded(self) -> bool:
        """Whether the limit was exceeded."""
        return self.peak_bytes > self.limit_bytes

    def start(self) -> None:
        """Polls now and then repeatedly."""
        seen_bytes = read_resident_bytes(self._pid)
        self.peak_bytes = max(self.peak_bytes, seen_bytes)
        if self.exceeded:
            self._on_excess()
            return
        pause_s = (self.limit_bytes - seen_bytes) / FILL_BYTES_PER_S
        pause_s = min(max(pause_s, MIN_PAUSE_S), MAX_PAUSE_S)
        self._timer = asyncio.get_running_loop().call_later(pause_s, self.start)

    def stop(self) -> None:
        """Stops polling."""
        if self._timer is not None:
            self._timer.cancel()
