"""The worker's main: a process that is out of memory exits, whatever it was doing."""

from __future__ import annotations

import subprocess
import sys

from monarq.workers.process.main import OUT_OF_MEMORY
from tests.support.slowness import patience_s

LOSES_A_CALLBACK = """
import asyncio
from monarq.workers.process.main import exit_out_of_memory

def fail(error):
    raise error

async def main():
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(exit_out_of_memory)
    loop.call_soon(fail, ValueError("told, and no more"))
    loop.call_later(0.01, fail, {error})
    await asyncio.sleep(0.2)

asyncio.run(main())
"""


def exit_code_of(error: str) -> int:
    command = [sys.executable, "-c", LOSES_A_CALLBACK.format(error=error)]
    return subprocess.run(command, check=False, capture_output=True, timeout=patience_s(30)).returncode


def test_a_callback_that_is_lost_for_want_of_memory_ends_the_worker() -> None:
    assert exit_code_of("MemoryError()") == OUT_OF_MEMORY


def test_any_other_is_logged_and_no_more() -> None:
    assert exit_code_of("OSError()") == 0
