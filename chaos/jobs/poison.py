"""The jobs of `chaos.jobs.plain`, and jobs that kill their workers: ``monarq worker chaos.jobs.poison``."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Callable

from chaos.checks.attempt import attempt
from chaos.jobs.plain import work
from monarq import Context, job

__all__ = ["work"]


class Bomb:
    """Ends the process that unpickles it."""

    def __reduce__(self) -> tuple[Callable[[int], object], tuple[int]]:
        return (os._exit, (9,))


@job
async def exit_process(ctx: Context) -> None:
    """Ends the process, as a C library may do."""
    with attempt(ctx.job_id, ctx.job_try):
        os._exit(7)


@job
async def segfault(ctx: Context) -> None:
    """Reads unmapped memory."""
    with attempt(ctx.job_id, ctx.job_try):
        ctypes.string_at(0)


@job
async def killed_for_memory(ctx: Context) -> None:
    """Ends as if killed by the kernel's out-of-memory killer."""
    with attempt(ctx.job_id, ctx.job_try):
        os.kill(os.getpid(), signal.SIGKILL)


@job
async def unpickle_bomb(bomb: object) -> None:
    """Never runs: its argument kills whoever decodes it."""


@job
async def system_exit(ctx: Context) -> None:
    """Tries to exit the program."""
    with attempt(ctx.job_id, ctx.job_try):
        sys.exit(3)


@job
async def endless_recursion(ctx: Context) -> None:
    """Calls itself endlessly."""

    def again(depth: int) -> int:
        return again(depth + 1)

    with attempt(ctx.job_id, ctx.job_try):
        again(0)


@job
async def out_of_memory(ctx: Context) -> None:
    """Allocates more memory than there is."""
    with attempt(ctx.job_id, ctx.job_try):
        bytearray(1 << 60)
