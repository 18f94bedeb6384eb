"""The machine of a run: processor, memory, versions and load; figures mean nothing without it."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import psutil

from monarq.workers.system.cores import usable_cores


def describe() -> dict[str, str | int | float]:
    """The machine, in a few words."""
    return {
        "cpu": _cpu_name(),
        "cores": usable_cores(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load_before": round(os.getloadavg()[0], 2),
    }


def _cpu_name() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
