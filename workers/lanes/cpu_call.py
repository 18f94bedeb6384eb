"""A call of the CPU lane on its way to the child, and what comes back: its result, its error or the child's end."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from monarq.shared.text.traceback_text import RemoteTraceback
from monarq.shared.tracing.carrier import Carrier
from monarq.workers.lanes.child_end import STOPPED, ChildEnd
from monarq.workers.lanes.child_process import ChildProcess
from monarq.workers.lanes.framing import Call, Failure, Frame, Kind
from monarq.workers.lanes.memory_guard import MemoryGuard
from monarq.workers.runs.cpu_errors import (
    CpuJobDied,
    CpuJobError,
    CpuJobStopped,
    CpuMemoryExceeded,
    CpuPickleError,
)
from monarq.workers.runs.current_job import JobFields
from monarq.workers.runs.raised import RaisedError


@dataclass(frozen=True, slots=True)
class CpuCall:
    """A function to run in the child, by name.

    Attributes:
        module: where it is found: `importlib.import_module(module)`.
        qualname: the attribute path in that module, and what it is called in messages.
        args: its positional arguments.
        kwargs: its keyword arguments.
        context: passed as the first positional argument when not None.
        job: the job that it is called for, as its log lines are to name it.
        trace: the context of its span, for the spans that it makes itself.
        declared: the name of the job that the import declares, whose function is meant; None for that at the path.
    """

    module: str
    qualname: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    context: Any | None
    job: JobFields | None = None
    trace: Carrier | None = None
    declared: str | None = None


def pack_call(child: ChildProcess, call: CpuCall) -> bytes:
    """The call's frame; CpuPickleError when its arguments cannot be pickled."""
    try:
        told = Call(
            call.module, call.qualname, call.args, call.kwargs, call.context, call.job, call.trace, call.declared
        )
        return child.pack(Kind.CALL, told)
    except Exception as error:
        raise CpuPickleError(call.qualname, "arguments", f"{type(error).__name__}: {error}") from error


def outcome_of(call: CpuCall, frame: Frame, on_raised: Callable[[RaisedError], None] | None = None) -> Any:
    """The result that the child's answer holds; raises what it says went wrong, and tells first what that was there."""
    try:
        value: Any = frame.load()
    except Exception as error:
        raise CpuPickleError(call.qualname, "result", f"{type(error).__name__}: {error}") from error
    if frame.kind is Kind.RESULT:
        return value
    if isinstance(value, Failure):
        if on_raised is not None:
            on_raised(value.raised)
        raise exception_of(value)
    what, reason = value
    raise CpuPickleError(call.qualname, what, reason)


def exception_of(failure: Failure) -> Exception:
    """What the function raised, made whole again; a CpuJobError in its place when that cannot be."""
    error: object = None
    if failure.pickled is not None:
        # Unpickling runs the class's own __init__, which may raise anything.
        with suppress(Exception):
            error = pickle.loads(failure.pickled)  # noqa: S301 - from our own child
    if not isinstance(error, Exception):
        error = CpuJobError(failure.type_name, failure.message, failure.traceback_text)
    # Not as its class would, which may refuse: a frozen dataclass does.
    BaseException.__setattr__(error, "__cause__", RemoteTraceback(failure.traceback_text))
    return error


def death_of(call: CpuCall, end: ChildEnd, guard: MemoryGuard | None) -> CpuJobDied:
    """What to raise for a child that ended under a job."""
    seen_bytes = 0 if guard is None else guard.peak_bytes
    peak_bytes = max(end.peak_memory_bytes or 0, seen_bytes) or None
    if guard is not None and guard.exceeded:
        return CpuMemoryExceeded(call.qualname, guard.limit_bytes, seen_bytes, peak_bytes)
    kind = CpuJobStopped if end.reason == STOPPED else CpuJobDied
    died = kind(call.qualname, end.exit_code, end.signal_name, peak_bytes, end.reason)
    died.peak_is_bound = end.peak_is_bound and peak_bytes != seen_bytes
    return died
