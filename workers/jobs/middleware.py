"""The middleware around runs: calls it from the outermost to the innermost, and then the job's function in its lane."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from monarq.shared.calls.run import Run
from monarq.shared.jobs.middleware import RunFunction, RunNext
from monarq.workers.runs.call_arguments import replaced_arguments
from monarq.workers.runs.public_run import public_run
from monarq.workers.runs.run import ActiveRun

Call = Callable[[ActiveRun, tuple[object, ...]], Awaitable[object]]
"""Calls the function of a run, with what comes before the job's own arguments."""


def with_middleware(functions: Sequence[RunFunction], call: Call) -> Call:
    """The call of a job's function wrapped in this middleware, which is not empty."""
    outermost, *others = functions
    inner = others[::-1]

    def call_with(run: ActiveRun, lead: tuple[object, ...]) -> Awaitable[object]:
        seen = public_run(run)
        own = run.args, run.kwargs
        run.outlived = False

        async def call_function(given: Run) -> object:
            if run.cancel_reason is not None:
                raise asyncio.CancelledError  # there is no time left, nor a limit that would end it
            # Middleware may call it again, with other arguments or without.
            run.args, run.kwargs = own if given is seen else replaced_arguments(run.job.types, given)
            value = await call(run, lead)
            run.outlived = run.cancel_reason is not None
            return value

        following: RunNext = call_function
        for function in inner:
            following = _Next(function, following)
        return outermost(seen, following)

    return call_with


class _Next:
    """A middleware with the next one."""

    __slots__ = ("_following", "_function")

    def __init__(self, function: RunFunction, following: RunNext) -> None:
        self._function = function
        self._following = following

    def __call__(self, run: Run) -> Awaitable[object]:
        return self._function(run, self._following)
