"""Settings as arq has them, whose hooks raise."""

from __future__ import annotations

from typing import Any, ClassVar

Ctx = dict[Any, Any]


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
