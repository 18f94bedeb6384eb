"""The producer's side of the protocol: `python -m benchmarks.protocol.feeding PEER` in the peer's environment.

The driver writes one JSON object per line to its stdin, and it answers each with one. `burst` enqueues jobs as fast as
possible, in bulk or one after the other; `pace` enqueues them at given times. Peers with synchronous clients implement
the same methods without awaiting anything.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
import time
from contextlib import suppress
from typing import Any, Protocol

from benchmarks.protocol.timestamps import ENQUEUED, Timestamps

Number = int


class Feeder(Protocol):
    """Enqueues jobs of one peer. `job` is "noop", "wait" or "burn"; see `benchmarks.protocol.tasks`."""

    async def start(self) -> None:
        """Connects."""
        ...

    async def enqueue(self, job: str, number: Number, data: str) -> None:
        """Enqueues one job; returns when Redis has it."""
        ...

    async def enqueue_many(self, job: str, numbers: range, data: str) -> None:
        """Enqueues a job for each number with the peer's bulk call; one by one if it has none."""
        ...

    async def stop(self) -> None:
        """Disconnects."""
        ...


async def burst(feeder: Feeder, timestamps: Timestamps, order: dict[str, Any]) -> dict[str, float]:
    """Enqueues `count` jobs from number `first` on; returns the seconds that it took."""
    job, data, first, count = order["job"], "x" * order["size"], order["first"], order["count"]
    begun_s = time.perf_counter()
    if order["bulk"]:
        await feeder.enqueue_many(job, range(first, first + count), data)
    else:
        for number in range(first, first + count):
            timestamps.mark(number, ENQUEUED)
            await feeder.enqueue(job, number, data)
    return {"seconds": time.perf_counter() - begun_s}


async def pace(feeder: Feeder, timestamps: Timestamps, order: dict[str, Any]) -> dict[str, float]:
    """Enqueues each job at its time; a late job does not delay the next ones."""
    job, data, first = order["job"], "x" * order["size"], order["first"]
    at_s: list[float] = order["at_s"]
    begun_s = time.perf_counter()
    done, late_s = 0, 0.0
    while done < len(at_s):
        now_s = time.perf_counter() - begun_s
        if at_s[done] > now_s:
            await asyncio.sleep(at_s[done] - now_s)
            continue
        due = done + 1
        while due < len(at_s) and at_s[due] <= now_s:
            due += 1
        late_s = max(late_s, now_s - at_s[done])
        numbers = range(first + done, first + due)
        for number in numbers:
            timestamps.mark(number, ENQUEUED)
        if len(numbers) == 1:
            await feeder.enqueue(job, numbers[0], data)
        else:
            await feeder.enqueue_many(job, numbers, data)
        done = due
    return {"seconds": time.perf_counter() - begun_s, "late_s": late_s}


async def serve(feeder: Feeder) -> None:
    """Executes the driver's orders until they end."""
    timestamps = Timestamps.of_environment()
    await feeder.start()
    _answer({"ready": True})
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        order = json.loads(line)
        _answer(await (pace if "at_s" in order else burst)(feeder, timestamps, order))
    await feeder.stop()


def _answer(reply: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(reply) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Runs the producer of the peer on the command line."""
    with suppress(ImportError):
        import uvloop  # installed for every peer with an asyncio client

        uvloop.install()
    asyncio.run(serve(importlib.import_module(f"benchmarks.peers.{sys.argv[1]}").Feeder()))


if __name__ == "__main__":
    main()
