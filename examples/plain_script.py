"""A plain script without asyncio: workers compute, and it shows their progress.

python -m examples.plain_script --pool      with a private Redis and a pool of its own

monarq worker examples.jobs                 or: workers in one terminal
python -m examples.plain_script             and this in another
"""

from __future__ import annotations

import sys
from contextlib import ExitStack

from rich.console import Console

from monarq import SyncProducer
from monarq.examples.harness.script import make_parser, open_pool, refuse
from monarq.examples.jobs import count_in_steps, count_primes
from monarq.shared.errors import MonarqError


def main() -> int:
    """Counts the primes below eight million in eight jobs, and again in one that reports its progress."""
    arguments = make_parser(__doc__).parse_args()
    with ExitStack() as stack:
        try:
            url = open_pool(stack, arguments, Console())
        except MonarqError as error:
            return refuse(error)
        producer = stack.enter_context(SyncProducer(url))
        parts = producer.map(count_primes, [(low, low + 1_000_000) for low in range(0, 8_000_000, 1_000_000)])
        print(f"{sum(parts)} primes, counted by {len(parts)} jobs")
        handle = producer.enqueue(count_in_steps, 8_000_000)
        for progress in handle.watch():
            print(f"{progress.share or 0:.0%}")
        print(f"{handle.result()} primes, counted by one")
    return 0


if __name__ == "__main__":
    sys.exit(main())
