"""A pool of workers with its own Redis, for the duration of a block: `--pool` and `monarq demo` start it.

The pool is `monarq worker` in the background, with one worker process for each core. It ends with the block; if this
process is killed, a watchdog like that of embedded Redis servers ends it.
"""

from __future__ import annotations

import asyncio
import os
import select
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self, cast

from monarq.embedded import EmbeddedRedis, watchdog
from monarq.shared.errors import MonarqError
from monarq.shared.formats.choice.monitors import read_workers
from monarq.shared.protocol.queue_ref import DEFAULT_FORMAT, DEFAULT_QUEUE, QueueRef
from monarq.shared.redis.connection import open_redis
from monarq.workers.system.cores import usable_cores

READY_TIMEOUT_S: Final = 30.0
READY_POLL_S: Final = 0.02
STOP_TIMEOUT_S: Final = 10.0
LOG_LINES_SHOWN: Final = 8


class PoolError(MonarqError):
    """The pool does not start, or no workers are running."""


class LocalPool:
    """A private Redis, and a pool of workers on it, for the life of a `with` block.

    Attributes:
        redis: the server.
        workers: how many worker processes there are.
    """

    def __init__(self, target: str, workers: int | None = None) -> None:
        """Starts nothing yet.

        Args:
            target: the module whose jobs are run.
            workers: how many worker processes; by default one for each core.
        """
        self.redis = EmbeddedRedis()
        self.workers = workers or usable_cores()
        self._target = target
        self._watchdog: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The URL of its Redis."""
        return self.redis.url

    def __enter__(self) -> Self:
        """Starts Redis and workers, and returns when all workers take jobs.

        Raises:
            EmbeddedRedisError: there is no Redis server to start.
            PoolError: the workers do not start.
        """
        self.redis.start()
        try:
            self._start_workers()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stops the workers, then Redis."""
        self._stop()

    def _start_workers(self) -> None:
        # The watchdog removes the folder after the workers have exited.
        folder = tempfile.mkdtemp(prefix="monarq-pool-")
        command = [sys.executable, "-m", "monarq", "worker", self._target]
        command += ["--redis", self.url, "--workers", str(self.workers)]
        self._watchdog = subprocess.Popen(
            [sys.executable, "-I", "-S", watchdog.__file__, str(os.getpid()), folder, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            # Settings of other workers, such as another queue, do not apply to these.
            env={name: value for name, value in os.environ.items() if not name.startswith("MONARQ_WORKER_")},
            # Ctrl-C in the terminal must reach only this process, which stops the pool in order.
            start_new_session=True,
        )
        asyncio.run(self._wait_until_ready(self._watchdog, Path(folder, "server.log")))

    async def _wait_until_ready(self, started: subprocess.Popen[bytes], log: Path) -> None:
        deadline_s = time.monotonic() + READY_TIMEOUT_S
        while await count_workers(self.url) < self.workers:
            if b"exit " in _read_watchdog(started) or time.monotonic() > deadline_s:
                lines = log.read_text(errors="replace").splitlines()[-LOG_LINES_SHOWN:]
                raise PoolError("\n".join([f"the workers of {self._target} do not start:", *lines]))
            await asyncio.sleep(READY_POLL_S)

    def _stop(self) -> None:
        if self._watchdog is not None:
            cast("IO[bytes]", self._watchdog.stdin).close()
            self._watchdog.wait(STOP_TIMEOUT_S)
            cast("IO[bytes]", self._watchdog.stdout).close()
            self._watchdog = None
        self.redis.stop()


async def count_workers(url: str) -> int:
    """How many workers serve the default queue of a Redis."""
    redis = open_redis(url)
    try:
        queue = QueueRef(DEFAULT_QUEUE, DEFAULT_FORMAT)
        return len((await read_workers(redis, [queue]))[queue])
    finally:
        await redis.aclose()


def _read_watchdog(started: subprocess.Popen[bytes]) -> bytes:
    """New output of the watchdog: `exit` and a reason if the workers exited by themselves."""
    fd = cast("IO[bytes]", started.stdout).fileno()
    return os.read(fd, 4096) if select.select([fd], [], [], 0)[0] else b""
