"""Memory of a process: its current use, its peak, and its limit."""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path
from typing import Final

from monarq.workers.system.cgroups import read_file, v1_folders, v2_folders

_NO_LIMIT_BYTES: Final = 1 << 60
"""Version 1 of control groups expresses "no limit" as a number near 2^63."""

_MAXRSS_UNIT_BYTES: Final = 1 if sys.platform == "darwin" else 1024


def read_resident_bytes(pid: int) -> int:
    """A process's resident memory in bytes; 0 if it is gone."""
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
    """The peak resident memory of a process as counted by the kernel, including what a fork started with."""
    return usage.ru_maxrss * _MAXRSS_UNIT_BYTES


def own_peak_bytes() -> int:
    """The same for this process."""
    return peak_bytes(resource.getrusage(resource.RUSAGE_SELF))


def memory_limit(root: Path = Path("/")) -> int | None:
    """The smallest limit, in bytes, of this process's control groups; None if there is none.

    Args:
        root: the folder that holds `proc` and `sys`; another one in tests.
    """
    files = [folder / "memory.max" for folder in v2_folders(root)]
    files += [folder / "memory.limit_in_bytes" for folder in v1_folders(root, "memory")]
    limits = [int(text) for text in map(read_file, files) if text.isdecimal()]  # it may be "max"
    return min((limit for limit in limits if limit < _NO_LIMIT_BYTES), default=None)
