"""Signals are calls on the loop inside the block, and have their default actions after it and in forks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CODE = """
import asyncio, os, signal
from monarq.workers.system.signals import handling

def default() -> bool:
    return signal.getsignal(signal.SIGTERM) == signal.SIG_DFL

async def main():
    got = asyncio.Event()
    with handling({signal.SIGTERM: got.set}):
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(got.wait(), 100)
        print("called", default(), flush=True)
        child = os.fork()
        if not child:
            print("fork", default(), signal.set_wakeup_fd(-1), flush=True)
            os._exit(0)
        os.waitpid(child, 0)
        signal.signal(signal.SIGTERM, lambda *_: None)
        child = os.fork()
        if not child:
            print("fork of a job with a handler of its own", default(), flush=True)
            os._exit(0)
        os.waitpid(child, 0)
    print("after", default(), flush=True)

asyncio.run(main())
"""


def test_handlers_are_the_processs_own() -> None:
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CODE],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[3],
    )
    assert ran.stdout.splitlines() == [
        "called False",
        "fork True -1",
        "fork of a job with a handler of its own False",
        "after True",
    ]
