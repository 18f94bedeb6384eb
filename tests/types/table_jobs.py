"""The classes of docs/types.md, and for each row of its table a job a lane that checks what it gets and returns it.

The cpu lane's process imports this module, and with it declares the same jobs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from monarq.shared.jobs.decorators import job
from monarq.shared.jobs.job import Job
from tests.types import table

exec(table.code(), globals())

ROWS = table.rows()
LANES = ("io", "thread", "cpu")


def evaluate(text: str) -> Any:
    """The value of a cell."""
    return eval(text, globals())


def _declare(number: int, row: table.Row, lane: str) -> Job[..., Any]:
    def check(value: Any) -> Any:
        expected = evaluate(row.value)
        if not table.same(value, expected):
            raise AssertionError(f"got {value!r}, not {expected!r}")
        return value

    async def check_on_the_loop(value: Any) -> Any:
        return check(value)

    function: Callable[..., Any] = check_on_the_loop if lane == "io" else check
    function.__annotations__ = {}
    if row.annotation != "(none)":
        hint = evaluate(row.annotation)
        function.__annotations__ = {"value": hint, "return": hint}
    function.__qualname__ = f"row_{number}_{lane}"
    return job(name=f"types.row_{number}_{lane}", lane=lane)(function)


JOBS = {(row, lane): _declare(number, row, lane) for number, row in enumerate(ROWS) for lane in LANES}


@job(name="types.echo")
async def echo(value):  # type: ignore[no-untyped-def]
    return value


@job(name="types.give")
async def give(text: str):  # type: ignore[no-untyped-def]
    """Returns the value of a cell, without an annotation."""
    return evaluate(text)


ALL = [*JOBS.values(), echo, give]
