"""Shows people what a job's result contains, without unpickling it: value, error, traceback and times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import msgspec

from monarq.monitor.jobs.ended import lane_of_ended
from monarq.monitor.jobs.payload_view import decode_safely
from monarq.monitor.text.value_text import value_text
from monarq.shared.lane import LaneName
from monarq.shared.payloads.payload_head import Format
from monarq.shared.payloads.pickle_fields import Called, Items
from monarq.shared.payloads.remote_error import EXCEPTION_CODE
from monarq.shared.payloads.result import read_cancelled_result
from monarq.shared.protocol.job_facts import LARGEST_READ
from monarq.shared.text.error_text import truncate

_LARGEST_MS: Final = 2**53
_NOT_STARTED: Final = "cancelled before it was started"
_CANCELLED: Final = ("asyncio.exceptions.CancelledError", "CancelledError")


@dataclass(frozen=True, slots=True)
class ResultView:
    """A job's result for people. Times are unix ms by the worker's clock; unknown values are None or ''.

    Attributes:
        bytes: its size.
        format: its format.
        signed: whether it is signed; the signature is not checked here.
        kept_until_ms: when it expires; None for never.
        success: whether the job returned; None if that cannot be read.
        cancelled: whether it was cancelled on request.
        value: what it returned, as text.
        error: class and message of the error that it raised.
        error_type: the class alone.
        traceback: as text.
        name: the job's name.
        arguments: the job's arguments as written in a call; None if they were not requested or cannot be read.
        tries: which try it was.
        lane: the lane that it ran in; None if the result cannot be read.
        enqueued_ms: when the job was enqueued, by its client's clock.
        due_ms: for a job that was cancelled before it started, when it was due.
        started_ms: when its last run began.
        ended_ms: when its last run ended.
    """

    bytes: int
    format: Format = "unknown"
    signed: bool = False
    kept_until_ms: int | None = None
    success: bool | None = None
    cancelled: bool = False
    value: str = ""
    error: str = ""
    error_type: str = ""
    traceback: str = ""
    name: str | None = None
    arguments: str | None = None
    tries: int | None = None
    lane: LaneName | None = None
    enqueued_ms: int | None = None
    due_ms: int | None = None
    started_ms: int | None = None
    ended_ms: int | None = None


def view_result(data: bytes, size: int, kept_until_ms: int | None, *, with_arguments: bool = False) -> ResultView:
    """The view of a result; if it is larger than `LARGEST_READ`, `data` may be only its first bytes."""
    if size > LARGEST_READ:
        return ResultView(size, kept_until_ms=kept_until_ms)
    if (known := read_cancelled_result(data)) is not None:
        return ResultView(
            size,
            kept_until_ms=kept_until_ms,
            success=False,
            cancelled=True,
            error=_NOT_STARTED,
            name=known.name or None,
            tries=known.tries,
            enqueued_ms=_whole(known.enqueue_ms),
            due_ms=_whole(known.due_ms),
        )
    decoded = decode_safely(data)
    fields, success = decoded.fields, decoded.fields.get("s")
    raised = fields.get("r") if success is False else None
    error = _error(raised) if success is False else _Error()
    return ResultView(
        bytes=size,
        format=decoded.format,
        signed=decoded.signed,
        kept_until_ms=kept_until_ms,
        success=success if isinstance(success, bool) else None,
        cancelled=error.is_cancel,
        value=value_text(fields.get("r")) if success is True else "",
        error=error.text,
        error_type=error.type_name,
        traceback=error.traceback,
        name=value if isinstance(value := fields.get("f"), str) else None,
        arguments=decoded.arguments if with_arguments else None,
        tries=_whole(fields.get("t")),
        lane=lane_of_ended(fields.get("lane")) if fields else None,
        enqueued_ms=_whole(fields.get("et")),
        started_ms=_whole(fields.get("st")),
        ended_ms=_whole(fields.get("ft")),
    )


class _Error(NamedTuple):
    """The error of a job: its class, its text prefixed with the class, and its traceback."""

    type_name: str = ""
    text: str = ""
    traceback: str = ""
    is_cancel: bool = False


def _error(raised: object) -> _Error:
    if isinstance(raised, msgspec.msgpack.Ext) and raised.code == EXCEPTION_CODE:
        return _remote_error(bytes(raised.data))
    if isinstance(raised, Called):
        arguments = raised.arguments.items if isinstance(raised.arguments, Items) else []
        kind = raised.name.removeprefix("builtins.")
        message = str(arguments[0]) if len(arguments) == 1 and isinstance(arguments[0], str) else ""
        message = message or (value_text(raised.arguments) if arguments else "")
        return _Error(kind, truncate(f"{kind}: {message}" if message else kind), is_cancel=kind in _CANCELLED)
    return _Error(text=truncate(raised) if isinstance(raised, str) else value_text(raised))


def _remote_error(body: bytes) -> _Error:
    try:
        module, name, message, args, traceback, *_ = msgspec.msgpack.decode(body)
    except (msgspec.DecodeError, RecursionError, TypeError, ValueError):
        return _Error(text="<an unreadable error>")
    kind = str(name) if module in ("", "builtins") else f"{module}.{name}"
    # A cancellation that nobody requested is written as text, without arguments.
    return _Error(
        kind, truncate(str(message)), truncate(str(traceback)), is_cancel=kind in _CANCELLED and args is not None
    )


def _whole(value: object) -> int | None:
    return value if type(value) is int and 0 < value < _LARGEST_MS else None
