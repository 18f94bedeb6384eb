"""The two processes of a case, as the driver sees them: the producer, which takes orders, and the pool of workers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Final

import psutil

from benchmarks.running.environments import Environment

STOP_S: Final = 5.0


class BrokenError(Exception):
    """A peer failed; the message has the end of its log."""


class FeederProcess:
    """The producer of one peer: takes orders, and answers after executing them. See `benchmarks.protocol.feeding`."""

    def __init__(self, environment: Environment, variables: dict[str, str], log: Path) -> None:
        self._log = log
        self._process = subprocess.Popen(
            environment.feed,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log.open("ab"),
            env=os.environ | environment.variables | variables,
            cwd=log.parent,
        )
        self._read()

    def ask(self, **order: Any) -> dict[str, float]:
        """Sends an order and waits for the answer.

        Raises:
            BrokenError: the producer has exited instead.
        """
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()
        return self._read()

    def stop(self) -> None:
        """Stops it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _read(self) -> dict[str, float]:
        assert self._process.stdout is not None
        while True:
            line = self._process.stdout.readline()
            if not line:
                raise BrokenError(f"the producer ended:\n{tail(self._log)}")
            with suppress(ValueError):
                reply: dict[str, float] = json.loads(line)
                return reply


class Pool:
    """The worker processes of one peer.

    Attributes:
        processes: how many were asked for.
    """

    def __init__(
        self, environment: Environment, processes: int, concurrency: int, variables: dict[str, str], log: Path
    ) -> None:
        self.processes = processes
        self._log = log
        out: IO[bytes] = log.open("ab")
        self._process = psutil.Popen(
            [*environment.work, str(processes), str(concurrency)],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env=os.environ | environment.variables | variables,
            cwd=log.parent,
            start_new_session=True,
        )

    def check(self) -> None:
        """Checks that it is running.

        Raises:
            BrokenError: it has exited.
        """
        if self._process.poll() is not None:
            raise BrokenError(f"the workers ended:\n{tail(self._log)}")

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Freezes all its processes during the block, so that the jobs enqueued in it all start to run together."""
        tree = self._tree()
        for process in tree:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            for process in reversed(tree):
                with suppress(psutil.NoSuchProcess):
                    process.send_signal(signal.SIGCONT)

    def cpu_s(self) -> float:
        """Processor time that its processes have used so far."""
        total = 0.0
        for process in self._tree():
            with suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                total += times.user + times.system
        return total

    def memory_bytes(self) -> int:
        """The memory that only its processes use, as far as the system reports it."""
        total = 0
        for process in self._tree():
            with suppress(psutil.Error):
                total += process.memory_full_info().uss
        return total

    def stop(self) -> None:
        """Stops it with SIGTERM, and with SIGKILL after 5 s."""
        tree = self._tree()
        with suppress(psutil.NoSuchProcess):
            self._process.terminate()
        _, left = psutil.wait_procs(tree, STOP_S)
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(left, STOP_S)

    def _tree(self) -> list[psutil.Process]:
        with suppress(psutil.NoSuchProcess):
            return [self._process, *self._process.children(recursive=True)]
        return []


def tail(log: Path, lines: int = 15) -> str:
    """The end of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def wait_until(condition: Any, limit_s: float, pool: Pool, what: str, step_s: float = 0.01) -> None:
    """Checks every `step_s` until the condition holds.

    Raises:
        BrokenError: it does not hold within `limit_s`, or the pool has exited.
    """
    end_s = time.monotonic() + limit_s
    while not condition():
        pool.check()
        if time.monotonic() > end_s:
            raise BrokenError(f"{what}: not within {limit_s:g} s")
        time.sleep(step_s)
