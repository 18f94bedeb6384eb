"""`Middleware`: code that wraps the enqueue and the run of every job of an application."""

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
    """A job that is about to be enqueued. It is immutable: `replace` makes a changed copy to pass on.

    Attributes:
        job: the job, with its options.
        job_name: the name that it is enqueued by.
        queue: the name of the queue that it is put into.
        args: its positional arguments.
        kwargs: its keyword arguments.
        headers: the headers sent with the job, for middleware and contexts in the worker.
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
        """The same job with other arguments or headers; what is not given stays as it is."""
        given = {"args": args, "kwargs": kwargs, "headers": headers}
        return msgspec.structs.replace(self, **{name: value for name, value in given.items() if value is not None})


SendNext = Callable[[Outgoing], Awaitable["Handle[Any]"]]
"""Passes a job on to the next middleware, and finally to its queue."""
RunNext = Callable[[Run], Awaitable[object]]
"""Passes a run on to the next middleware, and finally to the job's function, and returns that function's result."""

RunFunction = Callable[[Run, RunNext], Awaitable[object]]
SendFunction = Callable[[Outgoing, SendNext], Awaitable["Handle[Any]"]]


class Middleware:
    """Wraps jobs: a subclass overrides one or both methods.

    If there are several, the first is the outermost.
    """

    async def enqueue(self, outgoing: Outgoing, call_next: SendNext) -> Handle[Any]:
        """Wraps each enqueue of a producer; for `enqueue_many` and `map`, each job separately.

        It may pass on a changed `outgoing`, raise an exception to refuse the job, or return the handle of another job.

        Args:
            outgoing: the job.
            call_next: enqueues the job that is passed to it.
        """
        return await call_next(outgoing)

    async def run(self, run: Run, call_next: RunNext) -> object:
        """Wraps each run in a worker. It runs on the worker's event loop, whatever the job's lane.

        It may pass on other arguments (`run.replace(args=...)`), return another result, raise an exception, which
        counts as the job's own, or not call the job at all. If a run times out or is cancelled, `call_next` raises
        CancelledError (TimeoutError if the cpu lane killed the job at its timeout), and the run ends that way whatever
        is returned here.

        Args:
            run: the run.
            call_next: runs the job with the arguments of the run that is passed to it; ArgumentsError if the job does
                not take this number or these names of arguments.
        """
        return await call_next(run)


INSTALLED: Final[list[Middleware]] = []
"""Middleware that integrations such as `monarq.sentry` add to each producer of this process, outside its own."""

AnyMiddleware = Middleware | RunFunction
"""A middleware, or a bare async function that is its `run`."""


def check_middleware(given: object) -> tuple[AnyMiddleware, ...]:
    """Middleware as given by a user, checked.

    Raises:
        SettingsError: it is not a list of middleware.
    """
    if isinstance(given, (str, Mapping)) or not isinstance(given, Iterable):
        raise SettingsError(f"middleware is {given!r}: give a list")
    listed = tuple(given)
    for each in listed:
        if not isinstance(each, Middleware) and not inspect.iscoroutinefunction(each):
            raise SettingsError(
                f"middleware: {each!r} is not middleware: give instances of subclasses of monarq.Middleware, or async"
                " functions that take a run and call_next"
            )
    return listed


def run_functions(middleware: Iterable[AnyMiddleware]) -> list[RunFunction]:
    """The functions that wrap runs, the outermost first."""
    return [
        each.run if isinstance(each, Middleware) else each
        for each in middleware
        if not isinstance(each, Middleware) or type(each).run is not Middleware.run
    ]


def send_functions(middleware: Iterable[AnyMiddleware]) -> list[SendFunction]:
    """The functions that wrap enqueues, the outermost first."""
    return [
        each.enqueue
        for each in middleware
        if isinstance(each, Middleware) and type(each).enqueue is not Middleware.enqueue
    ]
