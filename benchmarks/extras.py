"""What counting, events and logging cost: no-op jobs per second with the defaults and without, in turn.

`python -m benchmarks.extras [--rounds N] [--jobs N]` prints both medians and their ratio. Counting cannot be switched
off in monarq, so it is removed from the scripts here.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final
from unittest.mock import patch

import uvloop

from monarq import Producer, job
from monarq.embedded import EmbeddedRedis
from monarq.shared.formats.native.script import NativeScript
from monarq.shared.redis.connection import UrlSource, open_redis
from monarq.shared.redis.scripts import Script
from monarq.workers.config.settings import WorkerSettings
from monarq.workers.events.dispatcher import Dispatcher
from monarq.workers.process.worker import Worker
from monarq.workers.reporting.worker_log import WorkerLog

COUNTING: Final = {
    "settle_counters(now, known[3]) -- DUE": "",
    "settle_counters(now, redis.call('HGET', META, 'second')) -- DUE": "",
    "redis.pcall('HINCRBY', LIVE, 'started\\0', #ids)": "",
    "redis.pcall('HINCRBY', LIVE, ARGV[at], ARGV[at + 1])": "",
    "redis.pcall('LPUSH', RECENT, now_text .. ' ' .. recent)": "false",
}
"""The lines of scripts that count, and their replacements without counting."""


@job(name="benchmarks.extras.nothing")
async def nothing() -> None:
    """Does nothing."""


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--jobs", type=int, default=40_000)
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("monarq").propagate = False
    logging.getLogger("monarq").addHandler(logging.NullHandler())
    rates: dict[bool, list[float]] = {True: [], False: []}
    with EmbeddedRedis(port=0) as server:
        for _ in range(given.rounds):
            for with_all, seen in rates.items():
                seen.append(uvloop.run(rate(server.url, given.jobs, with_all)))
    on, off = statistics.median(rates[True]), statistics.median(rates[False])
    for name, seen in (("by default", rates[True]), ("without", rates[False])):
        print(f"{name}: {statistics.median(seen):,.0f} jobs/s, from {min(seen):,.0f} to {max(seen):,.0f}")
    print(f"by default {(1 - on / off) * 100:.1f} % slower; {given.rounds} rounds in turns")


async def rate(url: str, jobs: int, with_all: bool) -> float:
    """No-op jobs per second of one worker in this process."""
    redis = open_redis(url)
    await redis.flushall()
    await redis.aclose()
    async with Producer(url) as producer:
        await producer.enqueue_many(nothing, [()] * jobs)
    settings = WorkerSettings(burst=True, preflight_warnings=False)
    if with_all:
        return await drained(Worker([nothing], settings, UrlSource(url), events=Dispatcher(WorkerLog())), jobs)
    with uncounted():
        return await drained(Worker([nothing], settings, UrlSource(url)), jobs)


async def drained(worker: Worker, jobs: int) -> float:
    """Runs all waiting jobs."""
    begun_s = time.perf_counter()
    await worker.run()
    if worker.counters.succeeded != jobs:
        raise RuntimeError(f"{worker.counters.succeeded} of {jobs} jobs were run")
    return jobs / (time.perf_counter() - begun_s)


@contextmanager
def uncounted() -> Iterator[None]:
    """Removes the counting from the scripts that run jobs, during the block."""
    with ExitStack() as patches:
        for name in ("claim", "finish"):
            module = importlib.import_module(f"monarq.shared.formats.native.jobs.{name}")
            patches.enter_context(patch.object(module, "_SCRIPT", without_counting(NativeScript.load(f"jobs/{name}"))))
        yield


def without_counting(script: NativeScript) -> NativeScript:
    """The script without its counting."""
    source, short = silenced(script.source), silenced(script.short.source if script.short else "")
    if not any(counts in script.source for counts in COUNTING):
        raise RuntimeError(f"{script.name} has changed: update the lines in which it counts")
    return NativeScript(script.name, source, script.key_names, script.due_names, Script(script.name, short))


def silenced(source: str) -> str:
    """The source without its counting."""
    for counts, silent in COUNTING.items():
        source = source.replace(counts, silent)
    return source


if __name__ == "__main__":
    main()
