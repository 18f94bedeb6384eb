"""Workers as real processes: monarq's pools, and arq's workers, which are restarted as by a service manager."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

import psutil

from chaos.checks.attempt import ROLE
from chaos.checks.ledger import DIRECTORY_VARIABLE, has_written

ROOT: Final = Path(__file__).parents[2]
STOP_S: Final = 60.0


class Fleet(Protocol):
    """Workers that serve the scenario's queue.

    Attributes:
        exit_code: the exit code of the whole fleet; None while it runs.
        stop_seconds: how long its last stop took, in seconds.
    """

    exit_code: int | None
    stop_seconds: float

    async def start(self) -> None:
        """Starts it; returns when the processes exist, which need not be ready yet."""
        ...

    def pids(self) -> list[int]:
        """The worker processes that are alive."""
        ...

    def ready(self) -> int:
        """How many workers have begun to serve the queue, according to the log."""
        ...

    def deaths(self) -> int:
        """How many workers have ended without being told to."""
        ...

    def renew(self) -> None:
        """Begins a rolling restart."""
        ...

    async def stop(self) -> None:
        """Lets it drain and exit."""
        ...


def busy_pids(fleet: Fleet, ledger: Path) -> list[int]:
    """The workers that have run a job."""
    return [pid for pid in fleet.pids() if has_written(ledger, ROLE, pid)]


def choose_busy(fleet: Fleet, ledger: Path, rng: random.Random) -> int | None:
    """A random worker that has run a job; None if there is none yet."""
    found = sorted(busy_pids(fleet, ledger))
    return rng.choice(found) if found else None


def process_environment(ledger: Path, url: str, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment variables of a scenario's process."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MONARQ_")}
    return kept | {"REDIS_URL": url, DIRECTORY_VARIABLE: str(ledger)} | dict(more or {})


class MonarqFleet:
    """One `monarq worker`: a supervisor and its workers. See `Fleet`.

    Args:
        url: the URL of Redis.
        directory: where to write the log.
        ledger: the ledger's directory.
        options: the command's options.
        target: the module whose jobs it runs.
        more: further environment variables.
        within: a command that runs it as its only child, such as ``unshare --fork``.
    """

    def __init__(
        self,
        url: str,
        directory: Path,
        ledger: Path,
        *,
        options: Sequence[str] = (),
        target: str = "chaos.jobs.plain",
        more: Mapping[str, str] | None = None,
        within: Sequence[str] = (),
    ) -> None:
        self.exit_code: int | None = None
        self.stop_seconds = 0.0
        self.log = directory / f"monarq-{len(list(directory.glob('monarq-*.log')))}.log"
        self.log.touch()
        self._within = tuple(within)
        self._command = [*within, sys.executable, "-m", "monarq", "worker", target, *options]
        self._environment = process_environment(ledger, url, more)
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """See `Fleet`."""
        self._process = await _start(self._command, self._environment, self.log)

    @property
    def supervisor(self) -> int:
        """The supervisor's process id.

        Raises:
            psutil.NoSuchProcess: it has ended.
        """
        assert self._process is not None
        if not self._within:
            return self._process.pid
        children = psutil.Process(self._process.pid).children()
        if not children:
            raise psutil.NoSuchProcess(self._process.pid)
        return children[0].pid

    def pids(self) -> list[int]:
        """See `Fleet`."""
        with suppress(psutil.NoSuchProcess):
            children = psutil.Process(self.supervisor).children()
            return [child.pid for child in children if _is_alive(child)]
        return []

    def lines(self, containing: str) -> list[str]:
        """The lines of its log that contain the text."""
        return _lines(self.log, containing)

    def ready(self) -> int:
        """See `Fleet`."""
        return len(self.lines(" serves "))

    def deaths(self) -> int:
        """See `Fleet`: the supervisor logs each."""
        return len(self.lines(") is lost: "))

    def renew(self) -> None:
        """See `Fleet`."""
        os.kill(self.supervisor, signal.SIGHUP)

    async def stop(self) -> None:
        """See `Fleet`."""
        assert self._process is not None
        if self._process.returncode is None:
            started_s = time.monotonic()
            with suppress(psutil.NoSuchProcess):
                os.kill(self.supervisor, signal.SIGTERM)
            await _wait_or_kill(self._process)
            self.stop_seconds = time.monotonic() - started_s
        self.exit_code = self._process.returncode


class ArqFleet:
    """Stock arq workers, each restarted when it exits, as by a service manager. See `Fleet`.

    Args:
        url: the URL of Redis.
        directory: where to write the log.
        ledger: the ledger's directory.
        workers: how many workers.
        concurrency: jobs at once in each.
        timeout_s: the timeout of every job, in seconds.
        grace_s: how long a job may continue when its worker is told to stop, in seconds; not at all by arq's default.
    """

    def __init__(
        self,
        url: str,
        directory: Path,
        ledger: Path,
        *,
        workers: int = 2,
        concurrency: int = 20,
        timeout_s: float = 5.0,
        grace_s: float = 0.0,
    ) -> None:
        self.exit_code: int | None = None
        self.stop_seconds = 0.0
        self.log = directory / "arq.log"
        more = {"CHAOS_ARQ_TIMEOUT": timeout_s, "CHAOS_ARQ_GRACE": grace_s, "CHAOS_CONCURRENCY": concurrency}
        self._environment = process_environment(ledger, url, {name: str(value) for name, value in more.items()})
        self._count = workers
        self._processes: dict[int, asyncio.subprocess.Process] = {}
        self._slots: list[asyncio.Task[None]] = []
        self._stopping = False
        self._signalled: set[int] = set()
        self._deaths = 0

    async def start(self) -> None:
        """See `Fleet`."""
        self._slots = [asyncio.create_task(self._keep()) for _ in range(self._count)]
        while len(self._processes) < self._count:
            await asyncio.sleep(0.01)

    def pids(self) -> list[int]:
        """See `Fleet`."""
        return [pid for pid, process in self._processes.items() if process.returncode is None]

    def ready(self) -> int:
        """See `Fleet`."""
        return len(_lines(self.log, "Starting worker for "))

    def deaths(self) -> int:
        """See `Fleet`."""
        return self._deaths

    def renew(self) -> None:
        """See `Fleet`: arq has no rolling restart, so each worker gets SIGTERM."""
        for pid in self.pids():
            self._signalled.add(pid)
            os.kill(pid, signal.SIGTERM)

    async def stop(self) -> None:
        """See `Fleet`."""
        self._stopping = True
        started_s = time.monotonic()
        self.renew()
        for process in list(self._processes.values()):
            await _wait_or_kill(process)
        await asyncio.gather(*self._slots)
        self.stop_seconds = time.monotonic() - started_s
        self.exit_code = 0

    async def _keep(self) -> None:
        while not self._stopping:
            command = (sys.executable, "-m", "arq", "chaos.jobs.arq.WorkerSettings")
            process = await _start(command, self._environment, self.log)
            self._processes[process.pid] = process
            await process.wait()
            del self._processes[process.pid]
            if process.pid not in self._signalled:
                self._deaths += 1
            await asyncio.sleep(0.1)


async def _start(command: Sequence[str], environment: Mapping[str, str], log: Path) -> asyncio.subprocess.Process:
    """Starts a program in a session of its own; its output is appended to a file."""
    with log.open("ab") as words:
        return await asyncio.create_subprocess_exec(
            *command,
            cwd=ROOT,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=words,
            stderr=words,
            start_new_session=True,
        )


def _lines(log: Path, containing: str) -> list[str]:
    return [line for line in log.read_text(errors="replace").splitlines() if containing in line]


def _is_alive(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.status() != psutil.STATUS_ZOMBIE
    return False


async def _wait_or_kill(process: asyncio.subprocess.Process) -> None:
    try:
        async with asyncio.timeout(STOP_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
