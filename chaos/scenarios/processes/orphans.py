"""T28: monarq as PID 1, as in a container without an init, and jobs that leave processes behind.

PID 1 inherits every orphan of its container and has to reap it; signals without a handler do not reach it.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

import psutil

from chaos.checks.ledger import DIRECTORY_VARIABLE
from chaos.environment import GRACE_S, Environment
from chaos.jobs.orphans import SLEEPER
from chaos.outcome import Outcome, check_basics
from chaos.processes.fleet import MonarqFleet

UNSHARE: Final = ("unshare", "--fork", "--kill-child", "--pid", "--mount-proc")
REAP_S: Final = 5.0
FOR_EVER_MS: Final = 3_600_000


async def contain(environment: Environment) -> Outcome:
    """Orphans that exit are reaped, and none outlives the workers."""
    rootless = () if os.geteuid() == 0 else ("--user", "--map-root-user")
    fleet = await environment.start_workers(target="chaos.jobs.orphans", within=(*UNSHARE, *rootless))
    assert isinstance(fleet, MonarqFleet)
    count = environment.sized(ci=50, short=200, long=1_000)
    await environment.enqueue(count=count, job="leave_behind", shortest_ms=10, longest_ms=1_000, per_second=100)
    await environment.enqueue(
        count=10, job="leave_behind", prefix="stays", shortest_ms=FOR_EVER_MS, longest_ms=FOR_EVER_MS
    )
    await environment.until_empty(60)
    before_stop = len(_left_behind(environment))
    await asyncio.sleep(REAP_S)
    zombies = _zombies(fleet)
    pid = _pid_within(fleet)
    outcome = await environment.settle()
    outcome.facts |= {"orphans": count, "orphans_that_stay": before_stop, "pid_of_the_supervisor": pid}
    check_basics(outcome, environment.fleets, planned_deaths=0)
    outcome.check("process id of the supervisor", pid, equals=1)
    outcome.check("zombies", zombies, equals=0)
    outcome.check("orphans left before the stop", before_stop >= 10, equals=True)
    outcome.check("orphans left after the stop", len(_left_behind(environment)), equals=0)
    outcome.check("stop s", round(fleet.stop_seconds, 2), at_most=GRACE_S + 1)
    return outcome


def _pid_within(fleet: MonarqFleet) -> int:
    """The supervisor's process id as it sees it itself."""
    status = Path(f"/proc/{fleet.supervisor}/status").read_text(encoding="utf-8")
    [line] = [line for line in status.splitlines() if line.startswith("NSpid:")]
    return int(line.split()[-1])


def _zombies(fleet: MonarqFleet) -> int:
    count = 0
    for process in psutil.Process(fleet.supervisor).children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            count += process.status() == psutil.STATUS_ZOMBIE
    return count


def _left_behind(environment: Environment) -> list[int]:
    """The processes started by jobs of this scenario that are still alive."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            ours = process.environ().get(DIRECTORY_VARIABLE) == str(environment.ledger_directory)
            if ours and process.name() == SLEEPER and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
    return found
