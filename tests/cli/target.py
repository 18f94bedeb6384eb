"""The target of the command line's tests."""

from __future__ import annotations

import asyncio
import time

from monarq import ResultNotFoundError, job

log_dict = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"mine": {"format": "MINE %(message)s"}},
    "handlers": {"mine": {"class": "logging.StreamHandler", "formatter": "mine"}},
    "loggers": {"monarq": {"handlers": ["mine"], "level": "INFO"}},
}

no_job = 42


@job
async def double(n: int) -> int:
    return 2 * n


@job
async def double_text(text: str) -> str:
    return 2 * text


@job
async def join(*parts: object, sep: str = "-") -> str:
    return sep.join(str(part) for part in parts)


@job
async def wait_ms(ms: int) -> int:
    await asyncio.sleep(ms / 1000)
    return ms


@job
async def fail_saying(message: str) -> None:
    raise ValueError(message)


@job
def square(n: int) -> int:
    return n * n


@job
async def make_bytes() -> bytes:
    return b"\x00\x01"


@job
async def block_the_loop(seconds: float) -> None:
    time.sleep(seconds)


@job
async def promise_text() -> str:
    return 42  # type: ignore[return-value]


@job
async def ask_monarq() -> None:
    raise ResultNotFoundError("other", "default")
