"""Enqueues a mix of the example jobs and waits until all have ended: one round of a producer service.

    REDIS_URL=redis://localhost:6379 MONARQ_JOBS=2000 MONARQ_WAIT_MS=20 python -m examples.produce

`docker compose run --rm producer` runs it against the compose file's workers. It exits with 1 if a job did not end as
it should.
"""

from __future__ import annotations

import asyncio
import os
import sys

from monarq import Handle, Producer
from monarq.examples.jobs import add, count_primes, read_size, sleep_ms


async def produce(jobs: int, wait_ms: int, timeout_s: float = 300.0) -> int:
    """Enqueues jobs, a tenth of which wait for `wait_ms`; returns how many had a wrong result."""
    async with Producer() as producer:
        expected: dict[str, int] = {}
        handles: list[Handle[int]] = []
        sums = [(number, 1) for number in range(jobs - 3 * (jobs // 10))]
        handles += await producer.enqueue_many(add, sums)
        expected |= {handle.job_id: a + b for handle, (a, b) in zip(handles, sums, strict=True)}
        for call, value in (
            (sleep_ms.bind(wait_ms), wait_ms),
            (count_primes.bind(0, 100), 25),
            (read_size.bind(__file__), -1),
        ):
            more = await producer.enqueue_many([call] * (jobs // 10))
            expected |= {handle.job_id: value for handle in more}
            handles += more
        print(f"{len(handles):,} jobs are enqueued", flush=True)
        wrong = 0
        async with asyncio.timeout(timeout_s):
            async for handle, value in producer.as_completed(handles):
                wrong += expected[handle.job_id] not in (value, -1)
        print(f"{len(handles):,} jobs have ended, {wrong} of them with a wrong result", flush=True)
        return wrong


if __name__ == "__main__":
    wanted, wait = int(os.environ.get("MONARQ_JOBS", "2000")), int(os.environ.get("MONARQ_WAIT_MS", "20"))
    sys.exit(1 if asyncio.run(produce(wanted, wait)) else 0)
