"""The jobs of `chaos.jobs` and such as take all memory: ``monarq worker chaos.memory_jobs``. Linux only."""

from __future__ import annotations

import asyncio
import random
import resource
import time
from collections.abc import Iterable

import psutil

from chaos.attempt import attempt
from chaos.jobs import work
from monarq import Context, job

MIB = 1 << 20
ROOM_BYTES = 8 * MIB
"""How much more than it has `starve` leaves to its worker, before it takes it."""

SIZES = (*(1 << power for power in range(20, 9, -1)), *range(512, 0, -16))
"""Of what it takes: large pieces first, then each size that Python keeps small pieces of."""

GIVEN_BACK = 50
"""At the most so many of the last, smallest pieces are freed again: whoever asks for more than these gets nothing."""

LIMIT_BYTES = 160 * MIB
"""What a process may have before it is killed: by its lane's guard, or by the driver in the kernel's place."""

__all__ = ["work"]


@job
async def starve(ctx: Context, ms: int) -> str:
    """Takes all that its process may have and holds it: what others in the process ask for is not there."""
    with attempt(ctx.job_id, ctx.job_try) as run:
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        narrow = psutil.Process().memory_info().vms + ROOM_BYTES, hard
        wide = hard, hard
        given_back = random.Random(ctx.job_id).randrange(GIVEN_BACK)
        held: list[bytes] = []
        resource.setrlimit(resource.RLIMIT_AS, narrow)
        try:
            _take_all(held, SIZES)
            del held[len(held) - given_back :]
            await asyncio.sleep(ms / 1000)
        finally:
            held.clear()
            resource.setrlimit(resource.RLIMIT_AS, wide)
    return run


@job
async def grow(ctx: Context, ms: int) -> str:
    """Takes more and more in the worker itself, until somebody kills the process."""
    with attempt(ctx.job_id, ctx.job_try) as run:
        held = []
        for _ in range(2 * LIMIT_BYTES // MIB):
            held.append(b"x" * MIB)
            await asyncio.sleep(ms / 1000 / 100)
        await asyncio.sleep(60)
    return run


@job(memory=LIMIT_BYTES)
def grow_apart(ctx: Context, ms: int) -> str:
    """The same in the cpu lane, whose guard kills the child process and nothing else."""
    with attempt(ctx.job_id, ctx.job_try) as run:
        held = []
        for _ in range(2 * LIMIT_BYTES // MIB):
            held.append(b"x" * MIB)
            time.sleep(ms / 1000 / 100)
        time.sleep(60)
    return run


def _take_all(held: list[bytes], sizes: Iterable[int]) -> None:
    for size in sizes:
        try:
            while True:
                held.append(bytes(size))
        except MemoryError:
            continue
