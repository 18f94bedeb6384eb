"""The comparison of two ways to do a workload, one part after the other and by jobs: their times and results.

The examples' scripts and `monarq demo` use it. Both ways are timed from their first step to their last result, the
producer's connection included; their results must be the same, and right.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text

from monarq import Producer
from monarq.examples.harness.meter import OnPart as OnPart
from monarq.examples.harness.meter import metered


@dataclass(frozen=True, slots=True)
class Workload:
    """A workload that is cut into parts, and two ways to do it.

    Attributes:
        title: what it is, in a few words.
        jobs: how many parts it has.
        one_by_one: does it in this process and returns the result; calls its argument after each part.
        with_pool: the same by jobs.
        is_right: whether a result is right, where that can be checked.
    """

    title: str
    jobs: int
    one_by_one: Callable[[OnPart], object]
    with_pool: Callable[[Producer, OnPart], Awaitable[object]]
    is_right: Callable[[object], bool] = lambda _: True


@dataclass(frozen=True, slots=True)
class Comparison:
    """The times and results of a workload. Times are in seconds.

    Attributes:
        title: what it was.
        jobs: how many parts it had.
        plain_s: how long it took, one part after the other.
        pool_s: how long it took by jobs.
        same: whether both results are the same, and right.
    """

    title: str
    jobs: int
    plain_s: float
    pool_s: float
    same: bool

    @property
    def times_faster(self) -> float:
        """How many times faster the pool was; below 1 it was slower."""
        return self.plain_s / self.pool_s


def compare(work: Workload, redis_url: str, console: Console) -> Comparison:
    """Does the workload both ways, with a bar for each.

    Args:
        work: what to do.
        redis_url: the Redis whose queue the workers serve.
        console: where the bars are shown.

    Raises:
        Exception: whatever a part or a job raised.
    """
    with metered(console, f"{work.title}, one after the other", work.jobs) as meter:
        plain = work.one_by_one(meter.on_part)
    with metered(console, f"{work.title}, with the pool", work.jobs) as pool_meter:
        pooled = asyncio.run(_with_pool(work, redis_url, pool_meter.on_part))
    same = plain == pooled and work.is_right(plain)
    return Comparison(work.title, work.jobs, meter.seconds, pool_meter.seconds, same)


async def _with_pool(work: Workload, redis_url: str, on_part: OnPart) -> object:
    async with Producer(redis_url) as producer:
        return await work.with_pool(producer, on_part)


def tabulate(measured: Iterable[Comparison]) -> Table:
    """The figures as a table."""
    table = Table("work")
    for heading in ("jobs", "one after the other", "with the pool", "times faster"):
        table.add_column(heading, justify="right")
    for row in measured:
        times = (f"{row.plain_s:.2f} s", f"{row.pool_s:.2f} s", f"{row.times_faster:.1f}")
        table.add_row(row.title, f"{row.jobs:,}", *times)
    return table


def summarize(measured: Iterable[Comparison]) -> Text:
    """A line that says whether both results are the same, and right."""
    wrong = [row.title for row in measured if not row.same]
    if wrong:
        return Text(f"The two ways came to DIFFERENT or wrong results: {'; '.join(wrong)}", "bold red")
    return Text("Both ways came to the same results, and they are right.")
