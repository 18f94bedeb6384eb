"""Checks the machine: cores, and the limits of memory and open files."""

from __future__ import annotations

import os
import platform
import resource
from collections.abc import Iterator
from typing import Final

import psutil

from monarq.cli.doctor.finding import Finding, judge
from monarq.monitor.text.formatting import memory
from monarq.workers.system.cores import affinity_cores, usable_cores
from monarq.workers.system.memory import memory_limit

SECTION: Final = "machine"
WORKER_BYTES: Final = 150 * 2**20
"""The memory of a worker and the process of its CPU lane before any job runs, rounded up."""
FILES_A_WORKER: Final = 64
"""The files that a worker has open besides the connections of its jobs."""


def check_machine(concurrency: int) -> Iterator[Finding]:
    """What this machine offers to a pool of workers.

    Args:
        concurrency: how many I/O jobs a worker may run at once.
    """
    yield Finding(SECTION, "system", f"{platform.system()} {platform.release()} on {platform.machine()}")
    cores = usable_cores()
    yield Finding(SECTION, "cores", _cores(cores))
    yield _memory(cores)
    yield _open_files(concurrency)


def _cores(cores: int) -> str:
    there = os.cpu_count() or 1
    workers = f"`monarq worker` starts {cores} worker{'' if cores == 1 else 's'}"
    if cores == there:
        return f"{cores}: {workers}"
    limit = "its affinity" if affinity_cores() == cores else "its CPU quota"
    return f"{cores} of {there}, by {limit}: {workers}"


def _memory(cores: int) -> Finding:
    limit, there = memory_limit(), psutil.virtual_memory()
    free = there.available if limit is None else min(limit, there.available)
    shown = f"{memory(free)} available" if limit is None else f"{memory(limit)}, the limit of its control group"
    needed = memory(cores * WORKER_BYTES)
    return judge(
        *(SECTION, "memory", shown),
        warns=free < cores * WORKER_BYTES,
        advice=f"{cores} workers need about {needed} before they run any job: start fewer (-w), or add memory",
    )


def _open_files(concurrency: int) -> Finding:
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most == resource.RLIM_INFINITY:
        return Finding(SECTION, "open files", "no limit")
    return judge(
        *(SECTION, "open files", f"at most {most:,} per process"),
        warns=most < concurrency + FILES_A_WORKER,
        advice=f"{concurrency} jobs at once, each with a connection, need more: raise it with ulimit -n, LimitNOFILE="
        " (systemd) or ulimits: (compose), or lower --concurrency",
    )
