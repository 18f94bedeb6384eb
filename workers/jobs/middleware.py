"""The middleware around runs: calls it from the outermost to the innermost, and then the job's function in its lane."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from monarq.shared.calls.run import Run
from monarq.shared.jobs.middleware import RunFunction, RunNext
from monarq.workers.runs.public_run import public_run
from monarq.workers.runs.run import ActiveRun

Call = Callable[[ActiveRun, tuple[object, ...]], Awaitable[object]]
"""Calls the function of a run, with what comes before the job's own arguments."""


def with_middleware(functions: Sequence[RunFunction], call: Call) -> Call:
    """The call of a job's function with this middleware around it; the bare call where there is none."""
    if not functions:
        return call
    inner = list(reversed(functions))

    async def call_with(run: ActiveRun, lead: tuple[object, ...]) -> object:
        seen = public_run(run)
        called = _Function(call, run, lead, seen)
        following: RunNext = called
        for function in inner:
            following = _Next(function, following)
        value = await following(seen)
        if run.cancel_reason is not None and not called.outlived:
            # A middleware has swallowed the cancellation: the run is over all the same.
            raise asyncio.CancelledError
        return value

    return call_with


class _Next:
    """A middleware with the next one."""

    __slots__ = ("_following", "_function")

    def __init__(self, function: RunFunction, following: RunNext) -> None:
        self._function = function
        self._following = following

    def __call__(self, run: Run) -> Awaitable[object]:
        return self._function(run, self._following)


class _Function:
    """The job's function, behind all middleware.

    Attributes:
        outlived: whether the job was cancelled and has returned a value all the same.
    """

    __slots__ = ("_call", "_lead", "_run", "_seen", "outlived")

    def __init__(self, call: Call, run: ActiveRun, lead: tuple[object, ...], seen: Run) -> None:
        self._call = call
        self._run = run
        self._lead = lead
        self._seen = seen
        self.outlived = False

    async def __call__(self, run: Run) -> object:
        if self._run.cancel_reason is not None:
            raise asyncio.CancelledError  # there is no time left, nor a limit that would end it
        if run is not self._seen:
            if not isinstance(run, Run):
                raise TypeError(f"call_next takes a Run, not {run!r}")
            self._run.args, self._run.kwargs = tuple(run.args), dict(run.kwargs)
        value = await self._call(self._run, self._lead)
        self.outlived = self._run.cancel_reason is not None
        return value
