"""One computation split over all cores and joined again, compared with the same on one core.

    monarq worker examples.jobs      in one terminal
    python -m examples.cpu           in another
    python -m examples.cpu --pool    or all in one: with a private Redis and a pool of its own

Counts the primes below 500 million. Each job counts a range of numbers; their results are added up. With two cores it
can be at most twice as fast; with eight, eight times.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Final

from monarq import Producer
from monarq.examples.harness.script import run_script
from monarq.examples.harness.workload import OnPart, Workload
from monarq.examples.jobs import count_primes

PRIMES_BELOW: Final = {10**6: 78_498, 10**7: 664_579, 10**8: 5_761_455, 5 * 10**8: 26_355_867}
"""The known numbers of primes below some limits."""

RANGE: Final = 5_000_000
"""Numbers per job: a few hundredths of a second of work, far more than the cost of being a job."""

Range = tuple[int, int]


def split(limit: int) -> list[Range]:
    """The numbers below `limit`, as one range per job."""
    return [(low, min(low + RANGE, limit)) for low in range(0, limit, RANGE)]


def count_one_by_one(ranges: Sequence[Range], on_part: OnPart) -> int:
    """The number of primes in all ranges."""
    total = 0
    for low, high in ranges:
        total += count_primes(low, high)
        on_part()
    return total


async def count_with_pool(ranges: Sequence[Range], producer: Producer, on_part: OnPart) -> int:
    """The same by jobs: their order does not matter, as the counts are only added up."""
    total = 0
    async for _, count in producer.as_completed(await producer.enqueue_many(count_primes, ranges)):
        total += count
        on_part()
    return total


@contextmanager
def cpu_workload(limit: int = 5 * 10**8) -> Iterator[Workload]:
    """The workload: the primes below `limit`, one of `PRIMES_BELOW`."""
    ranges = split(limit)
    yield Workload(
        title=f"cpu: primes below {limit:,}",
        jobs=len(ranges),
        one_by_one=partial(count_one_by_one, ranges),
        with_pool=partial(count_with_pool, ranges),
        is_right=lambda total: total == PRIMES_BELOW[limit],
    )


if __name__ == "__main__":
    sys.exit(run_script(cpu_workload, __doc__))
