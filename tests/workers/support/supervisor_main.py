"""The program of a supervisor under test: reads a `SupervisorOrder` from its stdin, as a line of JSON."""

from __future__ import annotations

import asyncio
import ctypes
import fcntl
import gc
import logging
import os
import sys
import termios
from typing import Any, Final

import msgspec

from monarq.workers.config.spec import SupervisorLimits, WorkerSpec
from monarq.workers.supervisor.recycler import RecycleLimits
from monarq.workers.supervisor.supervisor import Supervisor
from monarq.workers.supervisor.worker_handle import COMMAND

FAKE: Final = (sys.executable, "-m", "tests.workers.supervisor.fake_worker")
PR_SET_CHILD_SUBREAPER: Final = 36


class SupervisorOrder(msgspec.Struct):
    """What to supervise."""

    spec: WorkerSpec
    workers: int
    limits: dict[str, Any]
    fake: bool
    subreaper: bool
    terminal: str | None
    recycle_limits: dict[str, int] = {}
    auto_size: bool = False


def main() -> None:
    order = msgspec.json.decode(sys.stdin.buffer.readline(), type=SupervisorOrder)
    logging.basicConfig(stream=sys.stdout, level=logging.DEBUG, format="supervisor %(levelname)s %(message)s")
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    if order.subreaper:
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    if order.terminal is not None:
        fcntl.ioctl(os.open(order.terminal, os.O_RDWR), termios.TIOCSCTTY, 0)
    pool = Supervisor(
        order.spec,
        workers=order.workers,
        auto_size=order.auto_size,
        command=FAKE if order.fake else COMMAND,
        limits=SupervisorLimits(**order.limits),
        recycle_limits=RecycleLimits(**order.recycle_limits),
    )
    code = asyncio.run(pool.run())
    gc.freeze()  # as `monarq` does, to end sooner
    sys.exit(code)


if __name__ == "__main__":
    main()
