"""Cpu jobs whose process dies under them, and one that has no part in it: see test_crashes.py."""

from __future__ import annotations

import ctypes
import os
import time
from pathlib import Path
from typing import Final

from monarq.shared.calls.context import SyncContext
from monarq.shared.jobs.decorators import job


@job(max_tries=1000, retry=5)
def die(how: str) -> None:
    if how == "exit":
        os._exit(0)
    elif how == "null":
        ctypes.string_at(0)
    elif how == "closes":
        os.closerange(0, 256)
    elif how == "scribbles":
        for number in range(3, 256):
            try:
                os.write(number, b"\x01" * 64)
            except OSError:
                continue
        time.sleep(60)


@job(max_tries=1)
def die_once(ctx: SyncContext, marker: str) -> int:
    """Answers with its try when it runs for the second time."""
    if not Path(marker).exists():
        Path(marker).touch()
        os._exit(0)
    return ctx.job_try


@job(max_tries=1)
def wait_for_a_kill(ctx: SyncContext, folder: str) -> int:
    """Tells its process, and waits to be killed; the second one answers with its try."""
    told = Path(folder) / str(len(list(Path(folder).iterdir())))
    told.with_suffix(".part").write_text(str(os.getpid()))
    told.with_suffix(".part").rename(told.with_suffix(".pid"))
    if told.stem == "0":
        time.sleep(60)
    return ctx.job_try


@job(memory="40MB", max_tries=1)
def grow() -> None:
    held = []
    while True:
        held.append(bytearray(1 << 20))


@job(timeout=0.2, max_tries=1)
def linger() -> None:
    time.sleep(60)


@job(max_tries=1)
def answer() -> int:
    return 42


ALL: Final = [die, die_once, wait_for_a_kill, grow, linger, answer]
