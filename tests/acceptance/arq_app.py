"""An application of arq's, as in arq's documentation: nothing in it knows of monarq."""

from __future__ import annotations

from typing import Any, ClassVar

from arq import Retry


async def startup(ctx: dict[str, Any]) -> None:
    ctx["factor"] = 3


async def multiply(ctx: dict[str, Any], number: int) -> int:
    if number % 10 == 0 and ctx["job_try"] == 1:
        raise Retry(defer=0.05)
    return int(ctx["factor"]) * number


class WorkerSettings:
    functions: ClassVar = [multiply]
    on_startup = startup
    max_jobs = 50
