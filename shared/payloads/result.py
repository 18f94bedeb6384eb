"""The result of a job: arq's dict, written by the worker and read by callers that wait.

A failed job's exception is tested before it is written: it is kept if it reads back as an equal one, and otherwise
becomes text.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from monarq.shared.errors import JobCancelledError, JobFailedError, PayloadError, ResultTooLargeError
from monarq.shared.payloads.codec import DEFAULT_MAX_RESULT, MSGPACK, PICKLE, Codec, Codecs
from monarq.shared.payloads.error_equality import errors_equal
from monarq.shared.payloads.error_pickle import is_large, pickles_of
from monarq.shared.payloads.remote_error import as_job_failed, encode_exception, may_be_raised
from monarq.shared.text.class_name import full_name
from monarq.shared.text.error_text import error_text, is_stand_in, qualified_name, truncate, type_name_of
from monarq.shared.text.traceback_text import traceback_text

_TEXT_ERRORS: Final = frozenset({"builtins.RuntimeError", "arq.worker.JobExecutionFailed"})
"""The exception classes that hold a failure as text, by module and qualified name."""


_CANCELLED: Final = b"\xc1cancelled "
"""The first bytes of the result of a job that a script ended before it was started. No format produces these bytes."""


class CancelledResult(NamedTuple):
    """The result of a job that was cancelled before it was started: what was known of it.

    Attributes:
        name: its name; '' where it is not known.
        enqueue_ms: when it was enqueued, unix ms by its client's clock; 0 where it is not known.
        due_ms: when it was to be started, unix ms; 0 where it is not known.
        tries: the tries that it had used.
    """

    name: str = ""
    enqueue_ms: int = 0
    due_ms: int = 0
    tries: int = 0

    def write(self) -> bytes:
        """The result as it is in Redis."""
        name = self.name.encode("utf-8", "backslashreplace")
        return _CANCELLED + b"%s\x00%d %d %d" % (name, self.enqueue_ms, self.due_ms, self.tries)


def read_cancelled_result(data: bytes) -> CancelledResult | None:
    """What is known of a job that was cancelled before it was started; None for other results."""
    if not data.startswith(_CANCELLED):
        return None
    name, _, numbers = data.removeprefix(_CANCELLED).rpartition(b"\x00")
    try:
        return CancelledResult(name.decode("utf-8", "backslashreplace"), *map(int, numbers.split()))
    except (TypeError, ValueError):  # another version's
        return CancelledResult(data.removeprefix(_CANCELLED).decode("utf-8", "backslashreplace"))


@dataclass(frozen=True, slots=True)
class Result:
    """A decoded result: arq's JobResult, with the value or the exception in `value`."""

    name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    job_try: int
    enqueue_ms: int
    start_ms: int
    finish_ms: int
    success: bool
    value: Any
    queue: str
    job_id: str

    @classmethod
    def read(
        cls, data: bytes, codecs: Codecs, raw_id: bytes = b"", decode: Callable[[Any], Any] | None = None
    ) -> Result:
        """Reads a result; the arguments are as for `Payload.read`.

        Args:
            data: the result as stored in Redis.
            codecs: the formats that may be read.
            raw_id: the job's id, to which the signature is bound.
            decode: converts a plain value to the job's return value; formats other than msgpack carry it themselves.

        Raises:
            PayloadError: it is not a result, its signature is wrong, or its value does not suit `decode`.
        """
        if (known := read_cancelled_result(data)) is not None:
            job_id, error = raw_id.decode(errors="replace"), asyncio.CancelledError()
            return cls(known.name, (), {}, known.tries, known.enqueue_ms, 0, 0, False, error, "", job_id)
        opened = codecs.open(data, "result", raw_id)
        raw, is_plain = codecs.loads(opened), codecs.of(opened) is MSGPACK
        try:
            has_arguments = "a" in raw or "k" in raw
            return cls(
                name=raw["f"],
                args=tuple(raw["a"]) if has_arguments else (),
                kwargs=raw["k"] if has_arguments else {},
                job_try=raw["t"],
                enqueue_ms=raw["et"],
                start_ms=raw["st"],
                finish_ms=raw["ft"],
                success=raw["s"],
                value=decode(raw["r"]) if is_plain and raw["s"] and decode is not None else raw["r"],
                queue=raw.get("q", ""),
                job_id=raw.get("id") or raw_id.decode(errors="replace"),
            )
        except PayloadError:
            raise
        except Exception as error:  # pickled dicts and lists may be of classes that raise any exception
            raise PayloadError(f"the result lacks fields of arq's results: {error_text(error)}") from error

    @property
    def was_cancelled(self) -> bool:
        """Whether the job ended because it was cancelled."""
        return not self.success and isinstance(self.value, asyncio.CancelledError)

    def unwrap(self) -> Any:
        """Returns the job's return value, or raises its exception.

        Raises:
            JobCancelledError: the job was cancelled.
            JobFailedError: it failed, and its exception cannot be rebuilt here.
            Exception: the job's exception.
        """
        if self.success:
            return self.value
        if self.was_cancelled:
            reason = next((each for each in self.value.args if isinstance(each, str)), "")
            raise JobCancelledError(f"job {self.job_id} was cancelled{reason and f': {reason}'}", reason)
        if (failure := _read_text_error(self.value)) is not None:
            raise failure
        if may_be_raised(self.value):
            raise self.value
        if isinstance(self.value, BaseException):
            raise as_job_failed(self.value)
        raise JobFailedError(truncate(str(self.value)))


def write_result(
    codec: Codec, data: dict[str, Any], largest: int = DEFAULT_MAX_RESULT, text_error: type[Exception] = RuntimeError
) -> tuple[bytes, PayloadError | None]:
    """The bytes of a result, and the problem if its value could not be serialized or was too large.

    In that case the bytes hold the problem as the job's failure, so that callers learn of it. They are empty if the
    format cannot hold even that.

    Args:
        codec: the format.
        data: arq's dict of a result.
        largest: the most bytes it may have. A result that Redis always refuses would be retried forever.
        text_error: the exception class that holds a failure as text in formats other than msgpack.
    """
    is_failure = not data["s"] and isinstance(data["r"], BaseException)
    try:
        written = write_failure(codec, data, text_error) if is_failure else codec.dumps(data)
    except BaseException as error:  # noqa: BLE001 - formats and the user's classes may raise any exception
        kind = qualified_name(type(data["r"]))
        reason = error_text(error)
        message = f"the result of {data['f']} (a {kind}) cannot be serialized as {codec.name}: {reason}"
        problem = PayloadError(message + _result_advice(kind, codec))
    else:
        if len(written) <= largest:
            return written, None
        problem = ResultTooLargeError(data["f"], len(written), largest)
    # In arq's formats it is text, as arq writes it, as its clients may not have our classes.
    text = f"unable to serialize result: {problem}"
    failure = {**data, "s": False, "r": problem if codec.name == MSGPACK.name else text}
    for fallback in (failure, {**failure, "r": text, "a": (), "k": {}}):
        with suppress(Exception):  # the arguments or a user's format may fail too
            written = codec.dumps(fallback)
            if len(written) <= largest:
                return written, problem
    return b"", problem


def _result_advice(kind: str, codec: Codec) -> str:
    if kind == "coroutine":
        return "; await it in the job"
    return "; return numbers, text, bytes, times, lists and dicts of these" if codec.name == MSGPACK.name else ""


def write_failure(codec: Codec, data: dict[str, Any], text_error: type[Exception] = RuntimeError) -> bytes:
    """The bytes of a result whose ``r`` is the job's exception.

    In formats other than msgpack, an exception that does not read back as an equal one becomes text, in an exception of
    the class `text_error`, which every reader of the result must be able to load, or else as bare text.

    Raises:
        Exception: this format cannot hold even the text.
    """
    error: BaseException = data["r"]
    for fallback in (data, {**data, "a": (), "k": {}}):
        with suppress(BaseException):  # the arguments may fail too
            return _write_error(codec, fallback, text_error)
    return codec.dumps({**data, "r": error_text(error), "a": (), "k": {}})


def _write_error(codec: Codec, data: dict[str, Any], text_error: type[Exception]) -> bytes:
    error = data["r"]
    if codec.name == MSGPACK.name:
        # The format's hook is not called for an exception that is a dataclass.
        return codec.dumps({**data, "r": encode_exception(error)})
    for candidate in (*_unchanged(error), _as_text(error, text_error)):
        for written in _attempts(codec, {**data, "r": candidate}):
            if _reads_as(codec, written, candidate):
                return written
    return codec.dumps({**data, "r": error_text(error)})


def _read_text_error(error: object) -> JobFailedError | None:
    """The `JobFailedError` for an exception that `write_failure` wrote as text; None for any other."""
    if full_name(type(error)) not in _TEXT_ERRORS or "type_name" not in vars(error):
        return None
    attributes = vars(error)
    return JobFailedError(str(error), attributes["type_name"], attributes["traceback"])


def _unchanged(error: BaseException) -> Iterator[BaseException]:
    """The error itself if it may be raised in the waiting caller, as cancellations may."""
    is_fit = may_be_raised(error) or isinstance(error, asyncio.CancelledError)
    if is_fit and not is_stand_in(error) and not is_large(error):
        yield error


def _as_text(error: BaseException, text_error: type[Exception]) -> Exception:
    written = text_error(error_text(error))
    vars(written).update(type_name=type_name_of(error), traceback=traceback_text(error))
    return written


def _attempts(codec: Codec, data: dict[str, Any]) -> Iterator[bytes]:
    if codec.name == PICKLE.name:
        yield from pickles_of(data)
        return
    with suppress(BaseException):  # a user's format may raise any exception
        yield codec.dumps(data)


def _reads_as(codec: Codec, written: bytes, error: BaseException) -> bool:
    """Whether the bytes read back as an equal error; a user's own format may change it."""
    try:
        back = codec.loads(written)["r"]
    except BaseException:  # noqa: BLE001 - unpickling runs the user's code, which may raise anything
        return False
    return errors_equal(error, back) or (codec.name != PICKLE.name and not isinstance(back, BaseException))
