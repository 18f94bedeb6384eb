"""A fake worker process, whose worker needs no Redis, behaves as badly as its target says, and prints what happens.

Started by the supervisor in place of `monarq.workers.process`.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from monarq.shared.errors import SettingsError
from monarq.workers.config.settings import WorkerSettings
from monarq.workers.config.spec import WorkerSpec
from monarq.workers.control.heartbeat import Heartbeat
from monarq.workers.process.main import main

if TYPE_CHECKING:
    from redis import Redis as BlockingRedis
    from redis.asyncio import Redis

LONG_S: Final = 120
"""Longer than any test waits, and not for ever: what a failing test leaves behind goes away."""


class NowhereSource:
    """A Redis that has no URL."""

    shown = "nowhere"

    def client(self) -> Redis:
        raise NotImplementedError

    def blocking_client(self) -> BlockingRedis:
        raise NotImplementedError


class FakeWorker:
    """Does after its start what its target names, and then waits until it may end."""

    interrupted_runs = False

    def __init__(self, spec: WorkerSpec, on_ready: Callable[[], None]) -> None:
        self.worker_id = f"fake-{spec.index}"
        self.source = NowhereSource()
        self._target = spec.target or "serve"
        self._flag = Path(spec.overrides.get("flag", "/nonexistent"))
        self.settings = WorkerSettings(
            burst=self._target in ("burst", "fail-at-the-end-of-a-burst"),
            grace_s=spec.overrides.get("grace_s", 20.0),
            one_process=self._target == "arq",
        )
        if self._target == "never-ready":
            time.sleep(LONG_S)
        self._on_ready = on_ready
        self._may_end = asyncio.Event()
        self.is_drained = False

    def say(self, what: str) -> None:
        os.write(1, f"{self.worker_id} {os.getpid()}: {what}\n".encode())

    def drain(self) -> None:
        self.say("drain")
        if self._target not in ("busy", "deaf"):
            self._may_end.set()

    def hand_back(self) -> None:
        self.say("hand back")
        if self._target != "deaf":
            self._may_end.set()

    def stop_claiming(self) -> None:
        self.say("stop claiming")

    def heartbeat(self) -> Heartbeat:
        return Heartbeat(started=3 if self._target in {"refuse-if-flag", "arq"} else 0)

    async def run(self) -> None:
        if self._target == "refuse" or (self._target == "refuse-if-flag" and self._flag.exists()):
            raise SettingsError("the flux is 0; it must be 1 or more")
        if self._target == "fail" or (self._target == "fail-but-first" and self.worker_id != "fake-0"):
            raise OSError("the port is taken")
        if self._target == "quit":
            raise SystemExit(0)
        self.say("is up")
        self._on_ready()
        self.say("runs")
        behaviour = getattr(self, "do_" + self._target.replace("-", "_"), None)
        if behaviour:
            behaviour()
        if not self.settings.burst:
            await self._may_end.wait()
        self.say("is done")
        self.is_drained = True
        if self._target.startswith("fail-at-the-end"):
            raise OSError("the file is gone")

    def do_die(self) -> None:
        os._exit(3)

    def do_die_if_no_flag(self) -> None:
        if not self._flag.exists():
            self._flag.touch()
            self._memory = b"x" * 100 * 2**20
            os.kill(os.getpid(), signal.SIGKILL)

    def do_hang(self) -> None:
        if not self._flag.exists():
            self._flag.touch()
            time.sleep(LONG_S)

    def do_hang_with_the_lock(self) -> None:
        if not self._flag.exists():
            self._flag.touch()
            ctypes.PyDLL(None).sleep(LONG_S)

    def do_start_a_program_and_die(self) -> None:
        if not self._flag.exists():
            self._flag.touch()
            subprocess.Popen(["sleep", str(LONG_S)])
            os.kill(os.getpid(), signal.SIGKILL)

    def do_leave_a_thread(self) -> None:
        threading.Thread(target=time.sleep, args=(LONG_S,), name="left-thread").start()

    def do_leave_an_orphan(self) -> None:
        subprocess.run(["sh", "-c", "sleep 0.1 &"], check=True)  # the shell ends first


if __name__ == "__main__":
    main(FakeWorker)
