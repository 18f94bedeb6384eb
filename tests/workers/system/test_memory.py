"""The limit of memory, on made trees of control groups."""

from __future__ import annotations

from pathlib import Path

import pytest

from monarq.workers.system.memory import memory_limit
from tests.workers.system.test_cores import make_tree

V2 = "sys/fs/cgroup/"
V1 = "sys/fs/cgroup/memory/"


@pytest.mark.parametrize(
    ("files", "limit"),
    [
        pytest.param({}, None, id="no control groups at all"),
        pytest.param({"proc/self/cgroup": "0::/\n", V2 + "memory.max": "536870912\n"}, 536_870_912, id="v2, container"),
        pytest.param({"proc/self/cgroup": "0::/\n", V2 + "memory.max": "max\n"}, None, id="v2 without a limit"),
        pytest.param(
            {
                "proc/self/cgroup": "0::/a/b\n",
                V2 + "a/memory.max": "1000000\n",
                V2 + "a/b/memory.max": "2000000\n",
            },
            1_000_000,
            id="v2 nested, the smallest on the way counts",
        ),
        pytest.param(
            {"proc/self/cgroup": "4:memory:/docker/1\n", V1 + "memory.limit_in_bytes": "2097152\n"},
            2_097_152,
            id="v1, container",
        ),
        pytest.param(
            {"proc/self/cgroup": "4:memory:/\n", V1 + "memory.limit_in_bytes": "9223372036854771712\n"},
            None,
            id="v1 without a limit",
        ),
    ],
)
def test_the_smallest_limit_counts(tmp_path: Path, files: dict[str, str], limit: int | None) -> None:
    assert memory_limit(make_tree(tmp_path, files)) == limit
