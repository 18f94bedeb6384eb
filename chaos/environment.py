"""The environment of one scenario: its directory, Redis, ledger, workers and enqueuers, and how its outcome is found.

A scenario causes its faults between `open` and `settle`; whatever happens, `close` ends every process that was started.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from chaos.checks.checker import judge
from chaos.checks.ledger import ACKED, FAULT, HEAL, KILL, Event, Ledger, read_ledger
from chaos.outcome import Outcome
from chaos.processes.enqueuer import Plan
from chaos.processes.fleet import ROOT, ArqFleet, Fleet, MonarqFleet, choose_busy, process_environment
from chaos.processes.redis_server import RedisServer
from chaos.queues import VIEWS
from monarq import Producer, Queue
from monarq.shared.protocol.queue_ref import Format

LEASE_S: Final = 3.0
GRACE_S: Final = 5.0
SETTLE_S: Final = 60.0
FORBEARING: Final = ("--max-crashes", "10")
"""Options of workers that are killed repeatedly: on a slow machine one job may be hit three times in a row. It would
then be dead, as promised, which would say nothing about the queue."""


class Environment:
    """The environment of a scenario.

    Attributes:
        control: None to test monarq, "arq" for the control.
        format: the format of the queue.
        queue: the queue, as the driver sees it.
        size: "short", "ci" or "long"; scenarios choose their numbers with `sized`.
        rng: the source of every random choice of the scenario.
        redis: the server that gets the faults.
        client: a client of the Redis that holds the queue, used to check the outcome.
        ledger: the driver's own ledger.
        fleets: the workers that were started.
        results: the result of each acknowledged job at the end; see `QueueView.read_results`.
    """

    def __init__(
        self,
        name: str,
        title: str,
        directory: Path,
        *,
        seed: int,
        size: str,
        control: str | None,
        queue_format: Format = "native",
    ) -> None:
        self.name = name
        self.title = title
        self.format = queue_format
        self.queue = VIEWS[queue_format]
        self.seed = seed
        self.size = size
        self.control = control
        self.rng = random.Random(f"{seed} {name}")
        self.directory = directory
        self.ledger_directory = directory / "ledger"
        self.ledger_directory.mkdir(parents=True)
        self.ledger = Ledger(self.ledger_directory, "driver")
        self.redis = RedisServer(directory / "redis", options={"enable-debug-command": "local"})
        self.client = self.redis.client
        self.fleets: list[Fleet] = []
        self.results: dict[str, str | None] = {}
        self._enqueuers: list[asyncio.subprocess.Process] = []
        self._started_s = self._workers_started_s = time.monotonic()

    def sized(self, *, ci: int, short: int, long: int) -> int:
        """The number for the size of this run."""
        return {"ci": ci, "short": short, "long": long}[self.size]

    async def start_workers(
        self,
        *options: str,
        url: str | None = None,
        workers: int = 2,
        concurrency: int = 20,
        lease_s: float = LEASE_S,
        target: str = "chaos.jobs.plain",
        more: Mapping[str, str] | None = None,
        within: Sequence[str] = (),
        arq_timeout_s: float = 5.0,
    ) -> Fleet:
        """Starts a pool of monarq's workers, or as many of arq's in the control."""
        url = url or self.redis.url
        if self.control == "arq":
            fleet: Fleet = ArqFleet(
                url,
                self.directory,
                self.ledger_directory,
                workers=workers,
                concurrency=concurrency,
                timeout_s=arq_timeout_s,
                grace_s=GRACE_S,
            )
        else:
            option = "--queue" if self.format == "native" else "--arq-queue"
            queues = [word for ref in self.queue.refs for word in (option, ref.name)]
            given = (*queues, "-w", workers, "-c", concurrency, "--lease", f"{lease_s}s", "--grace", f"{GRACE_S}s")
            fleet = MonarqFleet(
                url,
                self.directory,
                self.ledger_directory,
                options=[*map(str, given), *options],
                target=target,
                more=more,
                within=within,
            )
        self.fleets.append(fleet)
        self._workers_started_s = time.monotonic()
        await fleet.start()
        return fleet

    async def start_enqueuer(
        self, plan: Plan | None = None, *, more: Mapping[str, str] | None = None, **changes: Any
    ) -> asyncio.subprocess.Process:
        """Starts a process that enqueues; `more` is added to its environment."""
        base = plan or Plan(
            self.redis.url,
            str(self.ledger_directory),
            client=self.control or "monarq",
            seed=self.rng.getrandbits(32),
            queue_format=self.format,
        )
        plan = msgspec.structs.replace(base, **changes)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "chaos.processes.enqueuer", msgspec.json.encode(plan).decode()),
            cwd=ROOT,
            env=process_environment(self.ledger_directory, plan.url, more),
            stdin=asyncio.subprocess.DEVNULL,
        )
        self._enqueuers.append(process)
        return process

    def producer(self, url: str | None = None, **options: Any) -> Producer:
        """A producer for the scenario's queue, in the driver; the options are those of `Producer`."""
        ref = self.queue.ref
        return Producer(url or self.redis.url, queue=Queue(ref.name, format=ref.format), **options)

    async def read_results(self, job_ids: Iterable[str]) -> dict[str, str | None]:
        """The result of each of these jobs; see `QueueView`."""
        return await self.queue.read_results(self.client, job_ids)

    async def enqueue(self, **changes: Any) -> None:
        """Enqueues in a separate process, and waits for it."""
        process = await self.start_enqueuer(**changes)
        if await process.wait():
            raise RuntimeError(f"{self.name}: the enqueuer exited with {process.returncode}")

    def kill_worker(self, fleet: Fleet) -> int | None:
        """Kills one of the workers that have run jobs, and records it; None if there was none."""
        pid = choose_busy(fleet, self.ledger_directory, self.rng)
        if pid is not None:
            # Recorded before the kill: between the two, the driver may lose its core for longer than a recovery takes.
            self.ledger.note(KILL, pid=pid)
            signal_process(pid, signal.SIGKILL)
        return pid

    async def restart_redis(self, down_s: float = 0.0) -> None:
        """Kills Redis and starts it again."""
        self.ledger.note(FAULT, note="redis killed")
        await self.redis.kill()
        await asyncio.sleep(down_s)
        await self.redis.start()
        self.ledger.note(HEAL, note="redis answers")

    async def while_running(
        self,
        processes: asyncio.subprocess.Process | Sequence[asyncio.subprocess.Process],
        every_s: float,
        fault: Callable[[], Awaitable[object]],
    ) -> None:
        """Repeats the fault until the process, or all of them, have ended."""
        watched = processes if isinstance(processes, Sequence) else [processes]
        loop = asyncio.get_running_loop()
        due_s = loop.time() + every_s
        while any(process.returncode is None for process in watched):
            await asyncio.sleep(max(0.0, min(0.1, due_s - loop.time())))
            if loop.time() >= due_s:
                await fault()
                # Do not catch up after a slow fault: Redis would be killed again before work went on.
                due_s = max(due_s, loop.time()) + every_s

    async def until_first_run(self) -> float:
        """Waits until a worker has run a job; returns the seconds since workers were started."""
        await self.until(lambda: any(self.ledger_directory.glob("worker-*.jsonl")), 120)
        return time.monotonic() - self._workers_started_s

    async def until(self, there: Callable[[], bool], longest_s: float) -> float:
        """Waits for a condition; returns the seconds that it took.

        Raises:
            TimeoutError: it did not become true in time.
        """
        started_s = time.monotonic()
        async with asyncio.timeout(longest_s):
            while not there():
                await asyncio.sleep(0.02)
        return time.monotonic() - started_s

    async def until_empty(self, longest_s: float) -> float:
        """Waits until every job has ended; returns the seconds that it took, which may be more than the limit."""
        started_s = time.monotonic()
        while await self.queue.waiting(self.client) and time.monotonic() - started_s < longest_s:
            await asyncio.sleep(0.05)
        return time.monotonic() - started_s

    async def settle(self, longest_s: float = SETTLE_S, *, endless: str | None = None) -> Outcome:
        """Waits until every job has ended, stops the workers, and checks the outcome.

        Args:
            longest_s: how long to wait, in seconds.
            endless: the prefix of the ids of jobs that are enqueued as long as there are workers; the last of them are
                not a leak.
        """
        await self.until_empty(longest_s)
        left = await self.queue.waiting(self.client)
        for fleet in self.fleets:
            await fleet.stop()
        events = read_ledger(self.ledger_directory)
        self.results = await self.read_results(event.job_id for event in events if event.what == ACKED)
        outcome = Outcome(self.name, self.title, judge(events, self.results), queue_format=self.format)
        outcome.deaths = sum(fleet.deaths() for fleet in self.fleets)
        if endless is not None:
            await self.queue.remove_jobs(self.client, endless)
        beside_arq = any(isinstance(fleet, ArqFleet) for fleet in self.fleets)
        leaks = await self.queue.read_leaks(self.client, beside_arq=beside_arq)
        outcome.leaks = leaks[:10]
        outcome.facts |= {"left_in_queue": left, "leaks": outcome.leaks, "key_leaks": len(leaks)}
        outcome.seconds = time.monotonic() - self._started_s
        return outcome

    def events(self, what: str | None = None) -> list[Event]:
        """All events so far."""
        return [event for event in read_ledger(self.ledger_directory) if what is None or event.what == what]

    async def close(self) -> None:
        """Ends every process of the scenario."""
        for enqueuer in self._enqueuers:
            if enqueuer.returncode is None:
                enqueuer.kill()
                await enqueuer.wait()
        for fleet in self.fleets:
            await fleet.stop()
        await self.redis.stop()


def signal_process(pid: int, number: signal.Signals) -> None:
    """Sends a signal to a process that the scenario started."""
    os.kill(pid, number)
