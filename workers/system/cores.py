"""Usable CPU cores: how many worker processes can run at once, which is how many the supervisor starts by default.

In a container `os.cpu_count` counts all cores of the host. Two things limit a process to fewer: its affinity, and the
CPU quotas of its control groups (version 1 and 2). The smallest number counts.
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

CGROUP_MOUNT: Final = Path("sys/fs/cgroup")
# Version 2 beside version 1 ("hybrid") is mounted in a folder of its own.
V2_MOUNTS: Final = (CGROUP_MOUNT, CGROUP_MOUNT / "unified")
V1_MOUNTS: Final = (CGROUP_MOUNT / "cpu", CGROUP_MOUNT / "cpu,cpuacct")


def usable_cores(root: Path = Path("/")) -> int:
    """The number of processes that can run at the same time here, at least 1.

    A part of a core counts as a whole one: with a quota of 1.5 CPUs, two workers use all of it and are paused for a few
    hundredths of a second at most, where one worker would leave a third of it idle.

    Args:
        root: the folder that holds `proc` and `sys`; another one in tests.
    """
    quota = cpu_quota(root)
    return affinity_cores() if quota is None else max(1, min(affinity_cores(), math.ceil(quota)))


def affinity_cores() -> int:
    """The cores this process may be scheduled on; all of them where the system has no affinity (macOS)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu_quota(root: Path) -> float | None:
    """The smallest quota, in CPUs, of the control groups this process is in; None without one.

    A file that is missing or cannot be parsed sets no quota.
    """
    quotas = [*_v2_quotas(root), *_v1_quotas(root)]
    return min(quotas, default=None)


def _v2_quotas(root: Path) -> Iterator[float]:
    for mount in V2_MOUNTS:
        for group in _own_groups(root, controller=None):
            for folder in _up_to_mount(root / mount, group):
                quota, _, period = _read(folder / "cpu.max").partition(" ")
                yield from _quota(quota, period)


def _v1_quotas(root: Path) -> Iterator[float]:
    for mount in V1_MOUNTS:
        for group in _own_groups(root, controller="cpu"):
            for folder in _up_to_mount(root / mount, group):
                yield from _quota(_read(folder / "cpu.cfs_quota_us"), _read(folder / "cpu.cfs_period_us"))


def _own_groups(root: Path, controller: str | None) -> Iterator[str]:
    """The paths in `/proc/self/cgroup` of a version 1 controller, or of version 2, which names none."""
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if (controllers == "") if controller is None else (controller in controllers.split(",")):
            yield path


def _up_to_mount(mount: Path, group: str) -> Iterator[Path]:
    """The group's folder and all above it: a parent's quota limits it too.

    Inside a container the path may be the host's, of which only the mount itself is visible, or lead upwards
    (`/../..`): a folder that is missing sets no quota, and the mount comes last in any case.
    """
    parts = [part for part in group.split("/") if part not in ("", ".", "..")]
    for depth in range(len(parts), -1, -1):
        yield mount.joinpath(*parts[:depth])


def _quota(quota: str, period: str) -> Iterator[float]:
    try:
        quota_us, period_us = int(quota), int(period)
    except ValueError:
        return  # "max", or no such file
    if quota_us > 0 and period_us > 0:
        yield quota_us / period_us


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
