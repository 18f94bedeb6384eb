"""Usable CPU cores: how many worker processes can run at once, which is how many the supervisor starts by default.

In a container, `os.cpu_count` counts all cores of the host. Two things limit a process to fewer: its affinity, and the
CPU quotas of its control groups (version 1 and 2). The smallest number applies.
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING

from monarq.workers.system.cgroups import read_file, v1_folders, v2_folders

if TYPE_CHECKING:
    from collections.abc import Iterator


def usable_cores(root: Path = Path("/")) -> int:
    """The number of processes that can run at the same time here, at least 1.

    A fraction of a core counts as a whole one: with a quota of 1.5 CPUs, two workers use all of it and are throttled
    for at most a few hundredths of a second, while a single worker would leave a third of it idle.

    Args:
        root: the folder that holds `proc` and `sys`; another one in tests.
    """
    quota = cpu_quota(root)
    return affinity_cores() if quota is None else max(1, min(affinity_cores(), math.ceil(quota)))


def affinity_cores() -> int:
    """The cores on which this process may run; all of them if the system has no affinity (macOS)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu_quota(root: Path) -> float | None:
    """The smallest quota, in CPUs, of this process's control groups; None if there is none.

    A file that is missing or cannot be parsed sets no quota.
    """
    quotas = [*_v2_quotas(root), *_v1_quotas(root)]
    return min(quotas, default=None)


def _v2_quotas(root: Path) -> Iterator[float]:
    for folder in v2_folders(root):
        quota, _, period = read_file(folder / "cpu.max").partition(" ")
        yield from _quota(quota, period)


def _v1_quotas(root: Path) -> Iterator[float]:
    for folder in v1_folders(root, "cpu"):
        yield from _quota(read_file(folder / "cpu.cfs_quota_us"), read_file(folder / "cpu.cfs_period_us"))


def _quota(quota: str, period: str) -> Iterator[float]:
    try:
        quota_us, period_us = int(quota), int(period)
    except ValueError:
        return  # "max", or no such file
    if quota_us > 0 and period_us > 0:
        yield quota_us / period_us
