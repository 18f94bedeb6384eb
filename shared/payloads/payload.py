"""The payload of a job: arq's dict, written by the producer, read and checked by the worker.

It is ``{t: try or None, f: name, a: args, k: kwargs, et: enqueue ms}``, to which monarq may add ``n``, ``trace``,
``d``, ``x``, ``o`` and ``headers``, which arq ignores. A result (see `monarq.shared.payloads.result`) adds
``s r st ft q id``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

import msgspec

from monarq.shared.errors import ArgumentsError, PayloadError
from monarq.shared.interrupts import is_ctrl_c
from monarq.shared.payloads.codec import MSGPACK, Codec, Codecs
from monarq.shared.payloads.remote_error import decode_extension
from monarq.shared.text.error_text import error_text
from monarq.shared.tracing.carrier import Carrier

_MAX_MS: Final = 2**53
_FIELDS: Final = 5
"""How many fields every payload has; most payloads have only these."""


_Ms = Annotated[int, msgspec.Meta(gt=-_MAX_MS, lt=_MAX_MS)]
_FutureMs = Annotated[int, msgspec.Meta(gt=0, lt=_MAX_MS)]


class Payload(
    msgspec.Struct,
    eq=False,
    forbid_unknown_fields=True,
    rename={
        "name": "f",
        "args": "a",
        "kwargs": "k",
        "job_try": "t",
        "enqueue_ms": "et",
        "codec": "",
        "due_ms": "d",
        "expires_ms": "x",
        "options": "o",
        "nonce": "n",
    },
):
    """A decoded job.

    msgspec decodes a valid payload in msgpack into this class, and checks its types as it does so. Unknown fields are
    forbidden, as msgspec does not check what it skips and would accept invalid UTF-8 there.
    """

    name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    job_try: int | None
    enqueue_ms: _Ms
    codec: Codec = MSGPACK
    """The format that it came in, which is not a field of payloads: msgspec accepts no value for it."""
    trace: object = None
    """The carrier of the enqueue's span, unchecked; see `monarq.shared.tracing.otel.extract_context`."""
    due_ms: _FutureMs | None = None
    """When it is due, unix ms, if it was deferred and its queue does not tell workers; else None."""
    expires_ms: _FutureMs | None = None
    """The time after which it is not started, unix ms, if its queue does not enforce that; else None."""
    headers: dict[str, str] | None = None
    """The headers sent with it by middleware or the enqueue options; None for none."""
    options: dict[str, Any] | None = None
    """The run options of the enqueue, unchecked; see `RunOptions.from_plain`. None for none."""
    nonce: object = None
    """Tells two enqueues of one id apart; only scripts read it."""

    @classmethod
    def read(cls, data: bytes, codecs: Codecs, raw_id: bytes = b"") -> Payload:
        """Reads a job's payload, and checks its signature, if there is a key, and each field.

        Args:
            data: the payload as stored in Redis.
            codecs: the formats that may be read.
            raw_id: the job's id, to which the signature is bound.

        Raises:
            PayloadError: the signature is wrong, or a field is missing or invalid.
        """
        if codecs.is_plain(data):
            try:
                return _decode_payload(data)
            except BaseException as error:  # whatever is wrong with it, the slower way has the words for it
                if is_ctrl_c(error):
                    raise
        return cls._read_slowly(codecs.open(data, "job", raw_id), codecs)

    @classmethod
    def _read_slowly(cls, data: bytes, codecs: Codecs) -> Payload:
        """Reads a payload in any format, and reports what is wrong with it."""
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
            payload = cls(name, tuple(args), kwargs, job_try, enqueue_ms, codecs.of(data))
            if type(raw) is dict and len(raw) > _FIELDS:
                payload.trace, payload.due_ms = raw.get("trace"), _ms_of(raw.get("d"))
                payload.expires_ms = _ms_of(raw.get("x"))
                payload.headers = _headers_of(raw.get("headers"))
                payload.options, payload.nonce = raw.get("o"), raw.get("n")
            return payload
        except PayloadError:
            raise
        except KeyError as error:
            raise PayloadError(f"the field {error} is missing from it") from None
        except Exception as error:  # pickled dicts and lists may be of classes that raise any exception
            raise PayloadError(f"its fields cannot be read: {error_text(error)}") from error


_decode_payload: Final = msgspec.msgpack.Decoder(Payload, ext_hook=decode_extension).decode


def _ms_of(value: object) -> int | None:
    """A time that is only informative; an invalid one becomes None, so that no job dies because of it."""
    return value if type(value) is int and 0 < value < _MAX_MS else None


def _headers_of(value: object) -> dict[str, str] | None:
    """Headers; invalid ones become None too."""
    if not isinstance(value, dict) or not all(type(item) is str for pair in value.items() for item in pair):
        return None
    return dict(value)


def _is_utf8(name: str) -> bool:
    """Whether the name can be sent to Redis: a pickle can contain lone surrogates."""
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
        return "its field 'et' is not a time in ms"
    if not _is_utf8(raw["f"]):
        return "its field 'f' cannot be written as UTF-8"
    return "its field 'k' has keys that are not text"


def write_payload(
    codec: Codec,
    name: str,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    enqueue_ms: int,
    *,
    due_ms: int | None = None,
    expires_ms: int | None = None,
    job_try: int | None = None,
    nonce: str | None = None,
    trace: Carrier | None = None,
    options: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> bytes:
    """A job's payload.

    Args:
        codec: the format.
        name: the job's name.
        args: its positional arguments.
        kwargs: its keyword arguments.
        enqueue_ms: when it is enqueued, unix ms.
        due_ms: when it is due, unix ms, or None.
        expires_ms: the time after which it is not started, unix ms, or None.
        job_try: the number of its first try, or None.
        nonce: a text that is unique to this enqueue, for ids chosen by the user.
        trace: the context of the enqueue's span, if any.
        options: the run options of the enqueue as plain values; None for none.
        headers: the headers, if any.

    Raises:
        ArgumentsError: an argument cannot be serialized.
    """
    data: dict[str, Any] = {"t": job_try, "f": name, "a": args, "k": kwargs if type(kwargs) is dict else dict(kwargs)}
    if options is not None:
        data["o"] = options
    if due_ms is not None:
        data["d"] = due_ms
    if expires_ms is not None:
        data["x"] = expires_ms
    if headers:
        data["headers"] = headers
    data["et"] = enqueue_ms  # it and the nonce come last, where `payload_head` expects them
    if nonce is not None:
        data["n"] = nonce
    if trace is not None:
        data["trace"] = trace
    try:
        return codec.dumps(data)
    except Exception as error:
        raise ArgumentsError(
            f"the arguments of {name} cannot be serialized as {codec.name}: {error};"
            " pass numbers, text, bytes, times, lists and dicts of these"
        ) from error
