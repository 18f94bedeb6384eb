"""The environment of one scenario: its directory, Redis, ledger, workers and enqueuers, and the way to its outcome.

A scenario does its faults between `open` and `settle`; whatever happens, `close` ends every process that was started.
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
"""Options of workers that are killed again and again: on a slow machine one job may be hit three times in a row, after
which it would be dead, as promised, and say nothing of the queue."""


class Environment:
    """The environment of a scenario.

    Attributes:
        control: None for monarq, "arq" for the control.
        format: the format of the queue.
        queue: the queue, as the driver looks at it.
        size: "short", "ci" or "long": scenarios choose their numbers by `sized`.
        rng: every choice of a scenario comes from here.
        redis: the faulted server.
        client: of the Redis that holds the queue, by which the end is judged.
        ledger: the driver's own ledger.
        fleets: what was started.
        results: what Redis held in the end for each acknowledged job; see `QueueView.read_results`.
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
        """The number for this run's size."""
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
        """Starts a pool of monarq's workers, or in the control as many of arq's."""
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
        """A producer of the driver's own for the scenario's queue; the options are those of `Producer`."""
        ref = self.queue.ref
        return Producer(url or self.redis.url, queue=Queue(ref.name, format=ref.format), **options)

    async def read_results(self, job_ids: Iterable[str]) -> dict[str, str | None]:
        """What Redis holds for each of these jobs; see `QueueView`."""
        return await self.queue.read_results(self.client, job_ids)

    async def enqueue(self, **changes: Any) -> None:
        """Enqueues by a process of its own, and waits for it."""
        process = await self.start_enqueuer(**changes)
        if await process.wait():
            raise RuntimeError(f"{self.name}: the enqueuer ended with {process.returncode}")

    def kill_worker(self, fleet: Fleet) -> int | None:
        """Kills one of the workers that have run jobs, and notes it; None where there was none."""
        pid = choose_busy(fleet, self.ledger_directory, self.rng)
        if pid is not None:
            # Noted before: between the two the driver may lose its core for longer than a recovery takes.
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
        """Does the fault again and again until the process, or all of them, have ended."""
        watched = processes if isinstance(processes, Sequence) else [processes]
        loop = asyncio.get_running_loop()
        due_s = loop.time() + every_s
        while any(process.returncode is None for process in watched):
            await asyncio.sleep(max(0.0, min(0.1, due_s - loop.time())))
            if loop.time() >= due_s:
                await fault()
                # What a slow fault has missed is not made up for: Redis would be killed again before work went on.
                due_s = max(due_s, loop.time()) + every_s

    async def until_first_run(self) -> float:
        """Waits until a worker has run a job, and gives the seconds that it took since workers were started."""
        await self.until(lambda: any(self.ledger_directory.glob("worker-*.jsonl")), 120)
        return time.monotonic() - self._workers_started_s

    async def until(self, there: Callable[[], bool], longest_s: float) -> float:
        """Waits for something, and gives the seconds that it took.

        Raises:
            TimeoutError: it did not come.
        """
        started_s = time.monotonic()
        async with asyncio.timeout(longest_s):
            while not there():
                await asyncio.sleep(0.02)
        return time.monotonic() - started_s

    async def until_empty(self, longest_s: float) -> float:
        """Waits until every job has ended, and gives the seconds that it took; it may take longer than asked for."""
        started_s = time.monotonic()
        while await self.queue.waiting(self.client) and time.monotonic() - started_s < longest_s:
            await asyncio.sleep(0.05)
        return time.monotonic() - started_s

    async def settle(self, longest_s: float = SETTLE_S, *, endless: str | None = None) -> Outcome:
        """Waits until every job has ended, stops the workers, and judges.

        Args:
            longest_s: how long to wait.
            endless: what the ids of jobs begin with that come as long as there are workers: the last are no leak.
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
        """The ledger up to now."""
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
