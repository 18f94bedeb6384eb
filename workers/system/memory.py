"""Memory of a process: what it holds now, and the most that it ever held."""

from __future__ import annotations

import os
import resource
import sys
from typing import Final

_MAXRSS_UNIT_BYTES: Final = 1 if sys.platform == "darwin" else 1024


def read_resident_bytes(pid: int) -> int:
    """A process's resident memory in bytes; 0 when it is gone."""
    if sys.platform == "linux":
        try:
            fd = os.open(f"/proc/{pid}/statm", os.O_RDONLY)
        except FileNotFoundError:
            return 0
        try:
            return int(os.read(fd, 128).split()[1]) * resource.getpagesize()
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


def peak_bytes(usage: resource.struct_rusage) -> int:
    """The most resident memory that a process ever had, by the kernel's count; it includes what a fork began with."""
    return usage.ru_maxrss * _MAXRSS_UNIT_BYTES


def own_peak_bytes() -> int:
    """The same for this process."""
    return peak_bytes(resource.getrusage(resource.RUSAGE_SELF))
