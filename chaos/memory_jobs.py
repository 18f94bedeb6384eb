"""The jobs of `chaos.jobs` and one that takes its worker's memory: ``monarq worker chaos.memory_jobs``. Linux only."""

from __future__ import annotations

import asyncio
import random
import resource

import psutil

from chaos.attempt import attempt
from chaos.jobs import work
from monarq import Context, job

ROOM_BYTES = 8 << 20
"""How much more than it has a worker may take."""

LARGEST_BYTES, SMALLEST_BYTES = 1 << 20, 64
GIVEN_BACK = 2_000
"""At the most so many of the last, smallest pieces are freed again: whoever asks for more than these gets nothing."""

__all__ = ["work"]


@job
async def hog(ctx: Context, ms: int) -> str:
    """Takes all the memory that its process may have and holds it: what others in the process ask for is not there."""
    with attempt(ctx.job_id, ctx.job_try) as run:
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        narrow = psutil.Process().memory_info().vms + ROOM_BYTES, hard
        wide = hard, hard
        given_back = random.Random(ctx.job_id).randrange(GIVEN_BACK)
        held: list[bytes] = []
        resource.setrlimit(resource.RLIMIT_AS, narrow)
        try:
            _take_all(held)
            del held[len(held) - given_back :]
            await asyncio.sleep(ms / 1000)
        finally:
            held.clear()
            resource.setrlimit(resource.RLIMIT_AS, wide)
    return run


def _take_all(held: list[bytes]) -> None:
    size = LARGEST_BYTES
    while size >= SMALLEST_BYTES:
        try:
            held.append(bytes(size))
        except MemoryError:
            size //= 2
