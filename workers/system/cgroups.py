"""The control groups of this process, version 1 and 2: the folders whose files say how much it may use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

CGROUP_MOUNT: Final = Path("sys/fs/cgroup")
# With both versions ("hybrid"), version 2 is mounted in its own folder.
V2_MOUNTS: Final = (CGROUP_MOUNT, CGROUP_MOUNT / "unified")
V1_MOUNTS: Final = {
    "cpu": (CGROUP_MOUNT / "cpu", CGROUP_MOUNT / "cpu,cpuacct"),
    "memory": (CGROUP_MOUNT / "memory",),
}


def v2_folders(root: Path) -> Iterator[Path]:
    """The folders of this process' groups of version 2.

    Args:
        root: the folder that holds `proc` and `sys`; / except in tests.
    """
    for mount in V2_MOUNTS:
        for group in _own_groups(root, controller=None):
            yield from _up_to_mount(root / mount, group)


def v1_folders(root: Path, controller: str) -> Iterator[Path]:
    """The folders of this process' groups of version 1 for a controller, "cpu" or "memory"."""
    for mount in V1_MOUNTS[controller]:
        for group in _own_groups(root, controller):
            yield from _up_to_mount(root / mount, group)


def read_file(path: Path) -> str:
    """The stripped text of a file; '' if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _own_groups(root: Path, controller: str | None) -> Iterator[str]:
    """The paths in `/proc/self/cgroup` of a version 1 controller, or of version 2, which names none."""
    for line in read_file(root / "proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if (controllers == "") if controller is None else (controller in controllers.split(",")):
            yield path


def _up_to_mount(mount: Path, group: str) -> Iterator[Path]:
    """The group's folder and all its parents, since their limits apply too.

    Inside a container, the path may be the host's, of which only the mount itself is visible, or lead upwards
    (`/../..`): a missing folder sets no limit, and the mount always comes last.
    """
    parts = [part for part in group.split("/") if part not in ("", ".", "..")]
    for depth in range(len(parts), -1, -1):
        yield mount.joinpath(*parts[:depth])
