"""The comparison of two ways to do a workload, one part after another and by jobs: their times and results.

The examples' scripts and `monarq demo` use it. Both ways are timed from their first step to their last result, the
producer's connection included; their results must be the same, and right.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from rich.console import Console

from monarq import Producer
from monarq.examples.harness.meter import metered
from monarq.examples.harness.rows import PLAIN_WAY, POOL_WAY, show_factor, show_plain, show_title
from monarq.examples.harness.workload import Comparison, OnPart, Outcome, Waited, Workload


def compare(work: Workload, redis_url: str, console: Console) -> Comparison:
    """Does the workload both ways, and shows the figures of each as soon as it is done.

    Args:
        work: what to do.
        redis_url: the Redis whose queue the workers serve.
        console: where it is shown.

    Raises:
        Exception: whatever a part or a job raised.
    """
    show_title(console, work)
    plain = _do(work.one_by_one, PLAIN_WAY, work.jobs, console)
    show_plain(console, plain)
    pool = _do(lambda on_part: asyncio.run(_with_pool(work, redis_url, on_part)), POOL_WAY, work.jobs, console)
    measured = Comparison(work, plain, pool, same=plain.result == pool.result)
    # Checking a result may take a moment, so show the times first.
    show_factor(console, measured)
    return replace(measured, same=measured.same and work.is_right(plain.result))


def _do(way: Callable[[OnPart], object], label: str, parts: int, console: Console) -> Outcome:
    with metered(console, label, parts) as meter:
        result = way(meter.on_part)
    if isinstance(result, Waited):
        return Outcome(result.result, meter.effort, result.longest_s)
    return Outcome(result, meter.effort)


async def _with_pool(work: Workload, redis_url: str, on_part: OnPart) -> object:
    async with Producer(redis_url) as producer:
        return await work.with_pool(producer, on_part)
