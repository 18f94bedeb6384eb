"""ArdiQ: `Ardiq.enqueue_many`, five hundred at a time, and `ardiq run`. Defaults except concurrency and uvloop.

Plain functions run in threads. `executor="process"` starts a fresh interpreter for each job, and is meant for jobs that
a timeout must be able to stop; for computation its documentation advises more workers. Results are kept for five
minutes. Its documentation does not mention uvloop, which makes its workers 20 % faster.
"""

# The peer is not installed where types are checked.
# mypy: disable-error-code="import-not-found,untyped-decorator,no-untyped-call"

from __future__ import annotations

from typing import Any

import uvloop
from ardiq import Ardiq

from benchmarks.protocol import tasks
from benchmarks.protocol.launch import concurrency, in_environment, redis_url, replace

TOGETHER = 500
TOGETHER_BYTES = 1_000_000
"""Its client waits only half a second for a reply, which is too short for a call with 50 MB."""

uvloop.install()  # `ardiq run` starts its loop after importing this

app: Any = Ardiq(redis_url(), concurrency=concurrency())


@app.task
async def noop(number: int, data: str = "") -> None:
    """See `benchmarks.protocol.tasks`."""
    tasks.noop(number)


@app.task
async def wait(number: int, data: str = "") -> None:
    """See `benchmarks.protocol.tasks`."""
    await tasks.wait(number)


@app.task
def burn(number: int, data: str = "") -> None:
    """See `benchmarks.protocol.tasks`."""
    tasks.burn(number)


JOBS = {"noop": noop, "wait": wait, "burn": burn}


class Feeder:
    """See `benchmarks.protocol.feeding.Feeder`."""

    async def start(self) -> None:
        await app.queue_size()

    async def enqueue(self, job: str, number: int, data: str) -> None:
        await JOBS[job].enqueue(number, data)

    async def enqueue_many(self, job: str, numbers: range, data: str) -> None:
        prepare = JOBS[job].prepare
        together = max(1, min(TOGETHER, TOGETHER_BYTES // (len(data) + 1)))
        for at in range(0, len(numbers), together):
            await app.enqueue_many([prepare(number, data) for number in numbers[at : at + together]])

    async def stop(self) -> None:
        """It has no method to disconnect."""


def work(processes: int) -> None:
    """Becomes the pool."""
    replace(in_environment("ardiq"), "run", "benchmarks.peers.ardiq:app", "--quiet", "--workers", str(processes))
