"""Jobs that the producer's tests enqueue; none of them is ever run."""

from __future__ import annotations

from typing import Any

from monarq.shared.calls.context import Context
from monarq.shared.jobs.decorators import job


@job(name="fetch_page")
async def fetch(url: str, depth: int = 1) -> Any:
    """The test decides what it returns."""


@job(name="noop")
async def noop() -> None: ...


@job(name="count_primes_between")
def count_primes(start: int, stop: int) -> int:
    return stop - start


@job(name="resize", queue="images")
async def resize(ctx: Context, key: str) -> str:
    return ctx.job_id + key
