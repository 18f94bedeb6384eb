"""`monarq` as a process: started, listened to, stopped."""

from __future__ import annotations

import asyncio
import json
import signal
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis

from monarq.shared.formats.choice.monitors import read_workers
from monarq.shared.protocol.queue_ref import QueueRef
from tests.support.command import ROOT as ROOT
from tests.support.command import environment as environment
from tests.support.command import start_monarq
from tests.support.queues import NATIVE_QUEUE
from tests.support.slowness import in_time

LONGEST_S = 20

STARTED: list[asyncio.subprocess.Process] = []
"""What the running test has started: conftest ends what is left of it."""


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def results(self) -> list[dict[str, Any]]:
        """Its stdout as JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]


Cli = Callable[..., Awaitable[Ended]]
"""`cli_here` of conftest, called with a command's words."""


async def start(*args: str, url: str, env: Mapping[str, str] | None = None) -> asyncio.subprocess.Process:
    """Starts `monarq` in the project's folder."""
    process = await start_monarq(*args, url=url, env=env, stdin=PIPE, stdout=PIPE, stderr=PIPE)
    STARTED.append(process)
    return process


async def end_all() -> None:
    """Kills what the running test has started and not ended itself."""
    for process in STARTED:
        if process.returncode is None:
            process.kill()
            await end(process)
    STARTED.clear()


async def end(process: asyncio.subprocess.Process, stdin: bytes = b"") -> Ended:
    """Waits until it has ended by itself."""
    async with in_time(LONGEST_S):
        out, err = await process.communicate(stdin or None)
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(), err.decode())


async def monarq(*args: str, url: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> Ended:
    """Runs `monarq` to its end."""
    return await end(await start(*args, url=url, env=env), stdin)


async def stop(process: asyncio.subprocess.Process) -> Ended:
    """Stops it as a service manager does."""
    if process.returncode is None:
        process.send_signal(signal.SIGTERM)
    return await end(process)


async def heard(process: asyncio.subprocess.Process, words: str) -> str:
    """Waits until it has said a line with these words on stderr; gives all that it said until then."""
    assert process.stderr is not None
    said = ""
    async with in_time(LONGEST_S):
        while words not in said:
            line = await process.stderr.readline()
            assert line, f"it ended without saying {words!r}; it said: {said}"
            said += line.decode()
    return said


@asynccontextmanager
async def worker(url: str, target: str = "tests.cli.target", *args: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A `monarq worker` that takes jobs, for the life of the block."""
    process = await start("worker", target, "-w", "1", *args, url=url)
    try:
        await heard(process, "serving")
        yield process
    finally:
        await stop(process)


async def listed(redis: Redis, queue: QueueRef = NATIVE_QUEUE) -> None:
    """Waits until a queue shows a worker: it says that it serves a moment before."""

    async def is_served() -> bool:
        return bool((await read_workers(redis, [queue]))[queue])

    await until(is_served)


async def until(condition: Callable[[], Awaitable[object]]) -> None:
    """Waits for what only Redis can tell."""
    async with in_time(LONGEST_S):
        while not await condition():
            await asyncio.sleep(0.02)
