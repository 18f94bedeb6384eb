"""`Middleware`: code around the enqueue and around the run of every job of an application."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, Self

import msgspec

from monarq.shared.calls.run import Run
from monarq.shared.errors import SettingsError
from monarq.shared.jobs.job import Job

if TYPE_CHECKING:
    from monarq.producer import Handle


class Outgoing(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """A job that is about to be enqueued. A value: `replace` makes another one to pass on.

    Attributes:
        job: what is enqueued, with its options.
        job_name: the name that it is enqueued by.
        queue: the name of the queue that it is put into.
        args: its positional arguments.
        kwargs: its keyword arguments.
        headers: what travels with the job, for middleware and contexts on the worker's side.
    """

    job: Job[..., Any]
    job_name: str
    queue: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    headers: Mapping[str, str]

    def replace(
        self,
        *,
        args: tuple[Any, ...] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Self:
        """The same job with other arguments or headers; what is not given stays."""
        given = {"args": args, "kwargs": kwargs, "headers": headers}
        return msgspec.structs.replace(self, **{name: value for name, value in given.items() if value is not None})


SendNext = Callable[[Outgoing], Awaitable["Handle[Any]"]]
"""Passes a job on to the next middleware, and at last into its queue."""
RunNext = Callable[[Run], Awaitable[object]]
"""Passes a run on to the next middleware, and at last to the job's function; returns what that returns."""

RunFunction = Callable[[Run, RunNext], Awaitable[object]]
SendFunction = Callable[[Outgoing, SendNext], Awaitable["Handle[Any]"]]


class Middleware:
    """Runs around jobs: a subclass overrides one method or both.

    Of several, the first is the outermost.
    """

    async def enqueue(self, outgoing: Outgoing, call_next: SendNext) -> Handle[Any]:
        """Around each enqueue of a producer, each job of `enqueue_many` and `map` for itself.

        It may pass on another `outgoing`, raise, which refuses the job, or return the handle of another job.

        Args:
            outgoing: the job.
            call_next: enqueues what it is given.
        """
        return await call_next(outgoing)

    async def run(self, run: Run, call_next: RunNext) -> object:
        """Around each run in a worker, on its event loop, whatever the job's lane.

        It may pass on other arguments (`run.replace(args=...)`), return another result, raise, which counts as the
        job's own exception, or not call the job at all. A run that passed its timeout or was cancelled ends so,
        whatever is returned here, and `call_next` then raises CancelledError.

        Args:
            run: the run.
            call_next: runs the job with the arguments of what it is given.
        """
        return await call_next(run)


INSTALLED: Final[list[Middleware]] = []
"""What an integration of this process adds to each of its producers, outside of their own: `monarq.sentry`'s, say."""

AnyMiddleware = Middleware | RunFunction
"""A middleware, or a bare async function that is its `run`."""


def check_middleware(given: object) -> tuple[AnyMiddleware, ...]:
    """The middleware that a user gives.

    Raises:
        SettingsError: it is not a list of middleware.
    """
    if isinstance(given, (str, Mapping)) or not isinstance(given, Iterable):
        raise SettingsError(f"middleware is {given!r}: give a list")
    listed = tuple(given)
    for each in listed:
        if not isinstance(each, Middleware) and not inspect.iscoroutinefunction(each):
            raise SettingsError(
                f"middleware: {each!r} is none: give instances of subclasses of monarq.Middleware, or async functions"
                " that take a run and call_next"
            )
    return listed


def run_functions(middleware: Iterable[AnyMiddleware]) -> list[RunFunction]:
    """What runs around runs, the outermost first."""
    return [
        each.run if isinstance(each, Middleware) else each
        for each in middleware
        if not isinstance(each, Middleware) or type(each).run is not Middleware.run
    ]


def send_functions(middleware: Iterable[AnyMiddleware]) -> list[SendFunction]:
    """What runs around enqueues, the outermost first."""
    return [
        each.enqueue
        for each in middleware
        if isinstance(each, Middleware) and type(each).enqueue is not Middleware.enqueue
    ]
