"""Jobs that wait for a program which they have started, and tell at their second run whether it is there still."""

from __future__ import annotations

import asyncio
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Final

import psutil

from monarq.shared.calls.context import Context, SyncContext
from monarq.shared.jobs.decorators import job
from tests.workers.support.supervised_jobs import LONG_S, say

SLEEP: Final = f"sleep {LONG_S}"
PROGRAMS: Final = {
    "plain": f"echo $$ > $0; exec {SLEEP}",
    "in the background of a shell": f"{SLEEP} & echo $! > $0; wait",
    "deaf to SIGTERM": f"trap '' TERM; echo $$ > $0; exec {SLEEP}",
}
"""Shell scripts that write the process id of what sleeps to a file."""


def command(script: str, file: str) -> list[str]:
    """What starts one of the programs."""
    return ["sh", "-c", PROGRAMS[script], file]


def lives(file: str) -> bool:
    """Whether the program of this file is there still."""
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(int(Path(file).read_text())).status() != psutil.STATUS_ZOMBIE
    return False


@job
async def wait_for_program(ctx: Context, file: str, script: str, own_session: bool) -> bool:
    """In the io lane."""
    if Path(file).exists():
        return lives(file)
    program = await asyncio.create_subprocess_exec(*command(script, file), start_new_session=own_session)
    say(ctx, "begins")
    await program.wait()
    return True


def _run_program(ctx: SyncContext, file: str, script: str, own_session: bool) -> bool:
    if Path(file).exists():
        return lives(file)
    say(ctx, "begins")
    subprocess.run(command(script, file), start_new_session=own_session, check=False)
    return True


@job(lane="thread")
def run_program_in_thread(ctx: SyncContext, file: str, script: str, own_session: bool) -> bool:
    """In the thread lane."""
    return _run_program(ctx, file, script, own_session)


@job
def run_program_in_process(ctx: SyncContext, file: str, script: str, own_session: bool) -> bool:
    """In the cpu lane."""
    return _run_program(ctx, file, script, own_session)


@job
async def leave_program_behind(file: str) -> None:
    """Starts a program and does not wait for it."""
    await asyncio.create_subprocess_exec(*command("plain", file))
