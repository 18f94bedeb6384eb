"""The same failures in each lane: see test_outcome_in_lanes.py."""

from __future__ import annotations

import asyncio
import threading
from abc import ABCMeta
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from monarq.shared.jobs.decorators import job
from monarq.shared.jobs.job import Job
from monarq.shared.jobs.retry_exception import Retry
from monarq.shared.options.retry import Exponential


class ApiError(Exception, metaclass=ABCMeta):
    """Cannot be made again by its args, and takes others for its own."""

    def __init__(self, status: int, body: str) -> None:
        super().__init__(f"{status}: {body}")
        self.lock = threading.Lock()


class NotFoundError(ApiError):
    pass


@ApiError.register
class BrokenError(Exception):
    """Cannot be made again, and derives from nothing that a job names."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.lock = threading.Lock()


class LaterError(Retry):
    """arq's own, with an __init__ of its own."""

    def __init__(self, why: str, seconds: float) -> None:
        super().__init__(defer=seconds)
        self.why = why


class FarError(Retry):
    """Asks for a time that `Retry` itself would refuse; arq's own does not."""

    def __init__(self, defer_ms: int) -> None:
        super().__init__()
        self.args = (defer_ms,)
        self.defer_score = defer_ms


class SomeTimeError(Retry):
    """Says no time that can be counted with."""

    def __init__(self) -> None:
        super().__init__()
        self.defer_score = "soon"  # type: ignore[assignment]  # as a program may, which no checker looks at


class NoTimeError(Retry):
    """Fails when it is asked for its time."""

    @property  # type: ignore[override]
    def defer_score(self) -> int | None:
        raise LookupError

    @defer_score.setter
    def defer_score(self, value: int | None) -> None:
        """arq's own sets it."""


class TurnsInto(Exception):  # noqa: N818 - it arrives as another
    def __reduce__(self) -> tuple[type[Exception], tuple[str]]:
        return KeyError, ("another",)


class Disguised(Exception):  # noqa: N818 - no isinstance works on it
    @property  # type: ignore[misc]
    def __class__(self) -> type:
        raise LookupError


def _noted(error: Exception, note: str) -> Exception:
    error.add_note(note)
    return error


def fail(how: str) -> Any:
    if how == "unpicklable result":
        return lambda: None
    raise _made(how)


def _made(how: str) -> BaseException:
    class LocalError(ApiError):
        pass

    makers: dict[str, Callable[[], BaseException]] = {
        "class": lambda: ApiError(500, "busy"),
        "subclass": lambda: NotFoundError(404, "gone"),
        "local": lambda: LocalError(500, "busy"),
        "registered": lambda: BrokenError("busy"),
        "other": lambda: ValueError("other"),
        "noted": lambda: _noted(ValueError("other"), "of \udcff.txt"),
        "turned": TurnsInto,
        "disguised": Disguised,
        "group": lambda: ExceptionGroup("two", [ApiError(500, "busy")]),
        "exit": lambda: SystemExit(3),
        "interrupt": KeyboardInterrupt,
        "cancelled": asyncio.CancelledError,
        "retry": lambda: Retry(defer=0.01),
        "retry of its own": lambda: LaterError("busy", 0.01),
        "retry never": lambda: FarError(10**400),
        "retry of long ago": lambda: FarError(-(10**400)),
        "retry at no time": lambda: Retry(defer=float("nan")),
        "retry at the end of time": lambda: FarError(round(timedelta.max.total_seconds() * 1000)),
        "retry some time": lambda: SomeTimeError(),
        "retry no time": lambda: NoTimeError(),
    }
    return makers[how]()


@job(name="io.picky", retry=Exponential(1, base=0.001), retry_on=ApiError, max_tries=2)
async def picky_io(how: str) -> Any:
    return fail(how)


@job(name="thread.picky", lane="thread", retry=Exponential(1, base=0.001), retry_on=ApiError, max_tries=2)
def picky_thread(how: str) -> Any:
    return fail(how)


@job(name="cpu.picky", retry=Exponential(1, base=0.001), retry_on=ApiError, max_tries=2)
def picky_cpu(how: str) -> Any:
    return fail(how)


@job(name="io.any", retry=Exponential(1, base=0.001), max_tries=2)
async def any_io(how: str) -> Any:
    return fail(how)


@job(name="thread.any", lane="thread", retry=Exponential(1, base=0.001), max_tries=2)
def any_thread(how: str) -> Any:
    return fail(how)


@job(name="cpu.any", retry=Exponential(1, base=0.001), max_tries=2)
def any_cpu(how: str) -> Any:
    return fail(how)


ALL: Final[list[Job[Any, Any]]] = [picky_io, picky_thread, picky_cpu, any_io, any_thread, any_cpu]
