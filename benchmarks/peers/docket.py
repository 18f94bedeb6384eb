"""docket: `Docket.add_many`; jobs that compute run in a thread, as its functions must be async."""

# The peer is not installed where types are checked.
# mypy: disable-error-code="import-not-found,untyped-decorator,no-untyped-call"

from __future__ import annotations

import asyncio

import docket

from benchmarks.protocol import tasks as bodies
from benchmarks.protocol.launch import concurrency, in_environment, redis_url, run_each

NAME = "bench"
URL = redis_url() + "?max_connections=2000"  # redis-py's default of 100 is too few for 100 jobs at once


async def noop(number: int, data: str = "") -> None:
    """See `benchmarks.protocol.tasks`."""
    bodies.noop(number)


async def wait(number: int, data: str = "") -> None:
    """See `benchmarks.protocol.tasks`."""
    await bodies.wait(number)


async def burn(number: int, data: str = "") -> None:
    """See `benchmarks.protocol.tasks`."""
    await asyncio.to_thread(bodies.burn, number)


tasks = [noop, wait, burn]
JOBS = {"noop": noop, "wait": wait, "burn": burn}


class Feeder:
    """See `benchmarks.protocol.feeding.Feeder`."""

    async def start(self) -> None:
        self._docket = docket.Docket(name=NAME, url=URL)
        await self._docket.__aenter__()

    async def enqueue(self, job: str, number: int, data: str) -> None:
        await self._docket.add(JOBS[job])(number, data)

    async def enqueue_many(self, job: str, numbers: range, data: str) -> None:
        call = self._docket.call
        await self._docket.add_many([call(JOBS[job])(number, data) for number in numbers])

    async def stop(self) -> None:
        await self._docket.__aexit__(None, None, None)


def work(processes: int) -> None:
    """Runs the pool."""
    options = ["--docket", NAME, "--url", URL, "--concurrency", str(concurrency())]
    quiet = ["--logging-level", "WARNING"]
    command = ["worker", "--tasks", "benchmarks.peers.docket:tasks", *options, *quiet]
    run_each(processes, in_environment("docket"), *command)
