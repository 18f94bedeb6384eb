"""Payloads and results: jobs and what came of them as arq's dicts, written by one side and checked by the other.

A payload is ``{t: try or None, f: name, a: args, k: kwargs, et: enqueue ms}``, to which monarq may add
``n`` and ``trace``, which arq ignores; a result adds ``s r st ft q id``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from monarq.shared.errors import JobAbortedError, JobFailedError, PayloadError
from monarq.shared.payloads.codec import DEFAULT_MAX_RESULT, MSGPACK, Codec, Codecs
from monarq.shared.payloads.remote_error import as_job_failed, may_be_raised
from monarq.shared.payloads.result import told_in_words, write_failure
from monarq.shared.text.error_text import error_text, qualified_name, truncate
from monarq.shared.tracing.carrier import Carrier

_MAX_MS: Final = 2**53


@dataclass(slots=True, eq=False)
class Payload:
    """A decoded job."""

    name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    job_try: int | None
    enqueue_ms: int
    codec: Codec
    trace: object = None
    """The carrier of the enqueue's span, unchecked; see `monarq.shared.tracing.otel.extract_context`."""

    @classmethod
    def read(cls, data: bytes, codecs: Codecs, raw_id: bytes = b"") -> Payload:
        """Reads a job's payload and checks its signature, where there is a key, and the shape of each field.

        Args:
            data: the payload as it is in Redis.
            codecs: the formats that may be read.
            raw_id: the job's id, to which the signature is bound.

        Raises:
            PayloadError: the signature is wrong, or a field is missing or invalid.
        """
        data = codecs.open(data, "job", raw_id)
        raw = codecs.loads(data)
        try:
            name, args, kwargs, job_try, enqueue_ms = raw["f"], raw["a"], raw["k"], raw["t"], raw["et"]
            if not (
                type(name) is str
                and (name.isascii() or _is_utf8(name))
                and isinstance(args, (list, tuple))
                and isinstance(kwargs, dict)
                and (job_try is None or isinstance(job_try, int))
                and isinstance(enqueue_ms, int)
                and -_MAX_MS < enqueue_ms < _MAX_MS
                and (not kwargs or all(isinstance(key, str) for key in kwargs))
            ):
                raise PayloadError(_invalid_field(raw))
            trace = raw.get("trace") if type(raw) is dict else None
            return cls(name, tuple(args), kwargs, job_try, enqueue_ms, codecs.of(data), trace)
        except PayloadError:
            raise
        except KeyError as error:
            raise PayloadError(f"the field {error} is missing from it") from None
        except Exception as error:  # pickled dicts and lists may be of classes that raise anything
            raise PayloadError(f"its fields cannot be read: {error_text(error)}") from error


def _is_utf8(name: str) -> bool:
    """Whether the name can be sent to Redis: a pickle can hold halves of surrogate pairs."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _invalid_field(raw: Mapping[str, Any]) -> str:
    """Describes the invalid field of a payload."""
    kinds: dict[str, type | tuple[type, ...]] = {
        "f": str,
        "a": (list, tuple),
        "k": dict,
        "t": (int, type(None)),
        "et": int,
    }
    for field, kind in kinds.items():
        if not isinstance(raw[field], kind):
            return f"its field {field!r} is of type {type(raw[field]).__name__}"
    if not -_MAX_MS < raw["et"] < _MAX_MS:
        return "its field 'et' is no time in ms"
    if not _is_utf8(raw["f"]):
        return "its field 'f' is no text that UTF-8 can hold"
    return "its field 'k' has keys that are not text"


def write_payload(
    codec: Codec,
    name: str,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    enqueue_ms: int,
    *,
    job_try: int | None = None,
    nonce: str | None = None,
    trace: Carrier | None = None,
) -> bytes:
    """A job's payload.

    Args:
        codec: the format.
        name: the job's name.
        args: its positional arguments.
        kwargs: its keyword arguments.
        enqueue_ms: when it is enqueued, unix ms.
        job_try: the try that it starts with, or None.
        nonce: a text that is unique to this enqueue, for ids that a user chose.
        trace: the context of the enqueue's span, where there is one.

    Raises:
        PayloadError: an argument does not serialize.
    """
    data = {"t": job_try, "f": name, "a": args, "k": dict(kwargs), "et": enqueue_ms}
    if nonce is not None:
        data["n"] = nonce
    if trace is not None:
        data["trace"] = trace
    try:
        return codec.dumps(data)
    except Exception as error:
        raise PayloadError(
            f"the arguments of {name} do not serialize as {codec.name}: {error};"
            " pass numbers, text, bytes, times, lists and dicts of these"
        ) from error


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
    def read(cls, data: bytes, codecs: Codecs, raw_id: bytes = b"") -> Result:
        """Reads a result; the arguments are as for `Payload.read`.

        Raises:
            PayloadError: it is not a result, or its signature is wrong.
        """
        raw = codecs.loads(codecs.open(data, "result", raw_id))
        try:
            return cls(
                name=raw["f"],
                args=tuple(raw["a"]),
                kwargs=raw["k"],
                job_try=raw["t"],
                enqueue_ms=raw["et"],
                start_ms=raw["st"],
                finish_ms=raw["ft"],
                success=raw["s"],
                value=raw["r"],
                queue=raw.get("q", ""),
                job_id=raw.get("id", ""),
            )
        except Exception as error:  # pickled dicts and lists may be of classes that raise anything
            raise PayloadError(f"the result has not the fields of arq's result: {error_text(error)}") from error

    def unwrap(self) -> Any:
        """Returns what the job returned, or raises what it raised.

        Raises:
            JobAbortedError: the job was aborted.
            JobFailedError: it failed, and its exception cannot be rebuilt here.
            Exception: the job's exception.
        """
        if self.success:
            return self.value
        if isinstance(self.value, asyncio.CancelledError):
            raise JobAbortedError(f"job {self.job_id} was aborted")
        if (words := told_in_words(self.value)) is not None:
            raise words
        if may_be_raised(self.value):
            raise self.value
        if isinstance(self.value, BaseException):
            raise as_job_failed(self.value)
        raise JobFailedError(truncate(str(self.value)))


def _result_advice(kind: str, codec: Codec) -> str:
    if kind == "coroutine":
        return "; await it in the job"
    return "; return numbers, text, bytes, times, lists and dicts of these" if codec.name == MSGPACK.name else ""


def write_result(
    codec: Codec, data: dict[str, Any], largest: int = DEFAULT_MAX_RESULT, words: type[Exception] = RuntimeError
) -> tuple[bytes, PayloadError | None]:
    """The bytes of a result, and the problem where its value did not serialize or was too large.

    The bytes then hold the problem as the job's failure, so that whoever waits learns of it. They are empty where the
    format cannot even hold that.

    Args:
        codec: the format.
        data: arq's dict of a result.
        largest: the most bytes it may have. A result that Redis never takes would be sent again for ever.
        words: the class of exception by which formats other than msgpack tell a failure in words.
    """
    is_failure = not data["s"] and isinstance(data["r"], BaseException)
    try:
        written = write_failure(codec, data, words) if is_failure else codec.dumps(data)
    except BaseException as error:  # noqa: BLE001 - formats, and classes of the user's, may raise anything
        kind = qualified_name(type(data["r"]))
        reason = error_text(error)
        message = f"the result of {data['f']} (a {kind}) does not serialize as {codec.name}: {reason}"
        problem = PayloadError(message + _result_advice(kind, codec))
    else:
        if len(written) <= largest:
            return written, None
        problem = PayloadError(
            f"the result of {data['f']} is {len(written):,} bytes and the limit is {largest:,}: put large data where"
            " whoever waits can fetch it and return its address, or raise max_result"
        )
    # In arq's formats it is text, as with arq: its clients need not have our classes.
    text = f"unable to serialize result: {problem}"
    failure = {**data, "s": False, "r": problem if codec.name == MSGPACK.name else text}
    for fallback in (failure, {**failure, "r": text, "a": (), "k": {}}):
        with suppress(Exception):  # the arguments or a user's format may be at fault as well
            written = codec.dumps(fallback)
            if len(written) <= largest:
                return written, problem
    return b"", problem
