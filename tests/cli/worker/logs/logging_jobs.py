"""Jobs that write log lines, by the loggers of ordinary modules."""

from __future__ import annotations

import asyncio
import logging
import threading

from monarq import job

logger = logging.getLogger(__name__)
logger.info("nobody hears this: the root logger is set up when the module is imported")


@job
async def log_here(word: str) -> None:
    logger.info("io says %s", word)
    await asyncio.create_task(_log_in_a_task(word))
    await asyncio.to_thread(logging.getLogger("another.library").warning, "to_thread says %s", word)
    logger.debug("nobody hears this")


async def _log_in_a_task(word: str) -> None:
    await asyncio.sleep(0)
    logging.getLogger().info("task says %s", word)


@job(lane="thread")
def log_in_thread(word: str) -> None:
    logger.info("thread says %s, a job's own is %s", word, threading.current_thread().name.startswith("monarq-job"))


@job
def log_in_child(word: str) -> None:
    logger.info("cpu says %s", word)


@job
async def log_and_retry() -> None:
    logger.info("a try")
    from monarq import Retry  # put off: it brings arq and redis along, and the cpu child imports this too

    raise Retry(defer=0.01)


@job
async def log_and_fail() -> None:
    try:
        raise KeyError("inner")
    except KeyError:
        logger.exception("it went wrong")
    raise ValueError("the end")
