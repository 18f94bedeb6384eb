"""The number of usable cores, on made trees of control groups and on this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from monarq.workers.system.cores import affinity_cores, cpu_quota, usable_cores

if TYPE_CHECKING:
    from pathlib import Path


def make_tree(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


V2 = "sys/fs/cgroup/"
CPU = "sys/fs/cgroup/cpu/"


@pytest.mark.parametrize(
    ("files", "quota"),
    [
        pytest.param({}, None, id="no control groups at all"),
        pytest.param({"proc/self/cgroup": "0::/\n", V2 + "cpu.max": "150000 100000\n"}, 1.5, id="v2 root, container"),
        pytest.param({"proc/self/cgroup": "0::/\n", V2 + "cpu.max": "max 100000\n"}, None, id="v2 no quota"),
        pytest.param({"proc/self/cgroup": "0::/\n"}, None, id="v2 without the cpu controller"),
        pytest.param(
            {
                "proc/self/cgroup": "0::/a/b/c\n",
                V2 + "a/cpu.max": "300000 100000\n",
                V2 + "a/b/cpu.max": "100000 50000\n",
                V2 + "a/b/c/cpu.max": "max 100000\n",
            },
            2.0,
            id="v2 nested, the smallest on the way counts",
        ),
        pytest.param(
            {"proc/self/cgroup": "0::/a\n", V2 + "a/cpu.max": "max 100000", V2 + "b/cpu.max": "50000 100000"},
            None,
            id="v2 a sibling's quota is not ours",
        ),
        pytest.param(
            {"proc/self/cgroup": "0::/docker/0123\n", V2 + "cpu.max": "200000 100000\n"},
            2.0,
            id="v2 the host's path inside a container",
        ),
        pytest.param(
            {
                "proc/self/cgroup": "0::/../../x\n",
                V2 + "cpu.max": "250000 100000\n",
                "sys/x/cpu.max": "50000 100000\n",
            },
            2.5,
            id="v2 a path that leads upwards",
        ),
        pytest.param(
            {
                "proc/self/cgroup": "9:name=systemd:/\n4:cpu,cpuacct:/d/1\n3:cpuset:/z\n",
                CPU + "d/1/cpu.cfs_quota_us": "50000\n",
                CPU + "d/1/cpu.cfs_period_us": "100000\n",
                CPU + "cpu.cfs_quota_us": "-1\n",
                CPU + "cpu.cfs_period_us": "100000\n",
            },
            0.5,
            id="v1 nested",
        ),
        pytest.param(
            {
                "proc/self/cgroup": "2:cpuacct,cpu:/\n",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "400000\n",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
            },
            4.0,
            id="v1 mounted with cpuacct",
        ),
        pytest.param(
            {
                "proc/self/cgroup": "1:cpu:/\n",
                CPU + "cpu.cfs_quota_us": "-1\n",
                CPU + "cpu.cfs_period_us": "100000\n",
            },
            None,
            id="v1 no quota",
        ),
        pytest.param(
            {
                "proc/self/cgroup": "3:cpuset:/z\n",
                CPU + "z/cpu.cfs_quota_us": "50000\n",
                CPU + "z/cpu.cfs_period_us": "100000\n",
            },
            None,
            id="v1 another controller's path is not ours",
        ),
        pytest.param(
            {
                "proc/self/cgroup": "4:cpu:/a\n0::/b\n",
                CPU + "a/cpu.cfs_quota_us": "300000\n",
                CPU + "a/cpu.cfs_period_us": "100000\n",
                "sys/fs/cgroup/unified/b/cpu.max": "200000 100000\n",
            },
            2.0,
            id="hybrid, the smaller of both",
        ),
        pytest.param(
            {"proc/self/cgroup": "nonsense\n::\n\x00", V2 + "cpu.max": "lots of it\n"}, None, id="garbage everywhere"
        ),
        pytest.param({"proc/self/cgroup": "0::/\n", V2 + "cpu.max": "100000"}, None, id="garbage, no period"),
        pytest.param({"proc/self/cgroup": "0::/\n", V2 + "cpu.max": "100000 0"}, None, id="garbage, a period of 0"),
        pytest.param({"proc/self/cgroup": "0::/\n", V2 + "cpu.max/x": ""}, None, id="garbage, a folder"),
    ],
)
def test_the_least_quota_on_the_way_up(tmp_path: Path, files: dict[str, str], quota: float | None) -> None:
    assert cpu_quota(make_tree(tmp_path, files)) == quota


@pytest.mark.parametrize(
    ("quota_us", "affinity", "cores"),
    [
        pytest.param(150_000, 8, 2, id="part of a core counts as one"),
        pytest.param(200_000, 8, 2, id="whole cores"),
        pytest.param(10_000, 8, 1, id="never less than one"),
        pytest.param(800_000, 3, 3, id="a quota gives no cores that are not there"),
    ],
)
def test_the_smaller_of_quota_and_affinity(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quota_us: int, affinity: int, cores: int
) -> None:
    root = make_tree(tmp_path, {"proc/self/cgroup": "0::/\n", V2 + "cpu.max": f"{quota_us} 100000\n"})
    monkeypatch.setattr("monarq.workers.system.cores.affinity_cores", lambda: affinity)
    assert usable_cores(root) == cores


def test_without_a_quota_the_affinity_counts(tmp_path: Path) -> None:
    assert usable_cores(tmp_path) == affinity_cores()


def test_affinity_is_that_of_the_process() -> None:
    code = (
        "import os; from monarq.workers.system.cores import affinity_cores\n"
        "if hasattr(os, 'sched_setaffinity'): os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
        "print(affinity_cores())"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    assert int(shown) == (1 if hasattr(os, "sched_setaffinity") else os.cpu_count())


def test_this_machine_has_a_core() -> None:
    assert 1 <= usable_cores() <= (os.cpu_count() or 1)
