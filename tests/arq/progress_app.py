"""An application of arq's whose jobs report progress to a worker of monarq's, and run on arq's own worker as well."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

from tests.arq.jobs import Ctx


async def tell_rows(ctx: Ctx, rows: int) -> int:
    for row in range(1, rows + 1):
        if tell := ctx.get("progress"):
            tell(row, rows, f"row {row}")
        await asyncio.sleep(0.02)
    return rows


async def tell_and_hold(ctx: Ctx) -> None:
    """Tells from a thread, as arq's jobs run what blocks, and then runs until somebody sets a key."""
    await asyncio.to_thread(ctx["progress"], 1, 4, "a quarter")
    while not await ctx["redis"].exists("test:let-go"):
        await asyncio.sleep(0.02)


async def tell_never(ctx: Ctx) -> None: ...


async def show_own(ctx: Ctx) -> Any:
    """What the application itself has put at this key."""
    return ctx["progress"]


async def tell_early(ctx: Ctx) -> None:
    """A hook that tells, and too late."""
    if tell := ctx.get("progress"):
        tell(0, None, "in a hook")


class WorkerSettings:
    functions: ClassVar[list[Any]] = [tell_rows, tell_and_hold, tell_never]
