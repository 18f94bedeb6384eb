"""Jobs that write to stdout and stderr, and care whether that works."""

from __future__ import annotations

import asyncio
import logging
import sys

from monarq import job

logger = logging.getLogger(__name__)


def _talk() -> str:
    for _ in range(3):
        print("to stdout", flush=True)
        print("to stderr", file=sys.stderr, flush=True)
        logger.warning("to the log")
    return "talked"


@job(max_tries=1)
async def talk_on_loop() -> str:
    return _talk()


@job(lane="thread", max_tries=1)
def talk_in_thread() -> str:
    return _talk()


@job(max_tries=1)
def talk_in_child() -> str:
    return _talk()


@job(max_tries=1)
async def close_stdout_and_stderr() -> None:
    sys.stdout.close()
    sys.stderr.close()


@job(lane="thread", max_tries=1)
def talk_much(lines: int) -> None:
    for number in range(lines):
        logger.warning("line %d of a job that talks much", number)


@job(max_tries=1)
async def wait_a_while(seconds: float) -> None:
    await asyncio.sleep(seconds)
