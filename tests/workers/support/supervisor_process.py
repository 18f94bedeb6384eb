"""A supervisor under test, in a process of its own, with its workers; all of them print to one stream of lines."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

import msgspec
import psutil

from monarq.workers.config.spec import WorkerSpec
from tests.support.slowness import in_time
from tests.workers.support.supervisor_main import SupervisorOrder

ROOT: Final = Path(__file__).parents[3]
MODULE: Final = "tests.workers.support.supervisor_main"
PATIENCE_S: Final = 20.0


class SupervisorProcess:
    """A running supervisor.

    Attributes:
        lines: all that was read so far.
    """

    def __init__(self, process: asyncio.subprocess.Process, pid: int) -> None:
        self.process = process
        self.pid = pid
        self.lines: list[str] = []
        self._returned: set[int] = set()

    async def line(self, pattern: str) -> re.Match[str]:
        """The first line that matches and was not returned before; waits for it."""
        with suppress(TimeoutError):
            async with in_time(PATIENCE_S):
                while True:
                    for number, line in enumerate(self.lines):
                        if number not in self._returned and (found := re.search(pattern, line)):
                            self._returned.add(number)
                            return found
                    if not await self._read():
                        break
        raise AssertionError(f"no line matches {pattern!r} in:\n" + "\n".join(self.lines))

    async def runs(self, count: int = 1) -> list[int]:
        """Process ids of the next workers that run."""
        return [int((await self.line(r"^fake-\d+ (\d+): runs"))[1]) for _ in range(count)]

    async def orphans_reaped(self, count: int) -> None:
        """Waits until the supervisor has reaped so many orphans."""
        while count > 0:
            count -= int((await self.line(r"reaped (\d+) orphan"))[1])

    def count(self, pattern: str) -> int:
        """How many of the lines match so far."""
        return sum(bool(re.search(pattern, line)) for line in self.lines)

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal to the supervisor."""
        os.kill(self.pid, number)

    async def ends(self) -> int:
        """Waits until the supervisor and all of its workers are gone; the exit code."""
        with suppress(TimeoutError):
            async with in_time(PATIENCE_S):
                while await self._read():
                    pass
                return await self.process.wait()
        raise AssertionError("the pool does not end:\n" + "\n".join(self.lines))

    async def _read(self) -> bool:
        assert self.process.stdout is not None
        line = await self.process.stdout.readline()
        if line:
            self.lines.append(line.decode(errors="replace").rstrip())
        return bool(line)


@asynccontextmanager
async def running_supervisor(
    target: str,
    *,
    workers: int = 1,
    auto_size: bool = False,
    limits: dict[str, Any] | None = None,
    recycle_limits: dict[str, int] | None = None,
    fake: bool = True,
    subreaper: bool = False,
    wrapper: Sequence[str] = (),
    redis_url: str | None = None,
    terminal: str | None = None,
    cwd: Path = ROOT,
    env: dict[str, str] | None = None,
    **overrides: Any,
) -> AsyncIterator[SupervisorProcess]:
    """A supervisor in a session of its own, for the life of the block; what is left of it then is killed."""
    spec = WorkerSpec(target, redis_url, overrides, loaders=("monarq.targets:ARQ",))
    order = SupervisorOrder(spec, workers, limits or {}, fake, subreaper, terminal, recycle_limits or {}, auto_size)
    process = await asyncio.create_subprocess_exec(
        *wrapper,
        sys.executable,
        "-P",
        "-m",
        MODULE,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=cwd,
        start_new_session=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | (env or {}),
    )
    assert process.stdin is not None
    process.stdin.write(msgspec.json.encode(order) + b"\n")
    pool = SupervisorProcess(process, process.pid)
    try:
        yield pool
    except BaseException:
        sys.stderr.write("\n".join(pool.lines) + "\n")
        raise
    finally:
        _kill_tree(process.pid)
        await pool.ends()


def _kill_tree(pid: int) -> None:
    with suppress(psutil.NoSuchProcess):
        top = psutil.Process(pid)
        for process in [top, *top.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess):
                process.kill()


def pid_namespace_command() -> list[str]:
    """The words that make a command PID 1 of a PID namespace; empty where the system does not allow it."""
    for rights in ([], ["--user", "--map-root-user"]):
        command = ["unshare", *rights, "--pid", "--fork", "--mount-proc", "--kill-child"]
        with suppress(FileNotFoundError):
            if subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0:
                return command
    return []
