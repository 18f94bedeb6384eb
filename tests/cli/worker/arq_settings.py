"""Settings classes as arq has them: one with a queue of its own, one whose job logs, and some whose hooks raise."""

from __future__ import annotations

import logging
from typing import Any, ClassVar

from monarq import Queue

Ctx = dict[Any, Any]


async def greet(ctx: Ctx, name: str) -> str:
    return f"hello {name}"


class WorkerSettings:
    functions: ClassVar = [greet]
    queue_name = "arq:greetings"
    max_jobs = 7


class WithMail(WorkerSettings):
    queues = (Queue("mail"),)


async def log_as_arq(ctx: Ctx) -> None:
    logging.getLogger(__name__).info("from arq's job")


class Logs:
    functions: ClassVar = [log_as_arq]


async def nothing(ctx: Ctx) -> None: ...


async def startup(ctx: Ctx) -> None:
    raise ValueError("no database")


async def quit_at_once(ctx: Ctx) -> None:
    raise SystemExit(7)


class Starts:
    functions: ClassVar = [nothing]
    on_startup = startup


class Quits(Starts):
    on_startup = quit_at_once


class Ends:
    functions: ClassVar = [nothing]
    on_shutdown = startup
    burst = True
