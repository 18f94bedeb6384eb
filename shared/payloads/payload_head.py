"""The head of a payload: a job's name and time from its first and last bytes, as arq's and monarq's clients write it.

It is for lists of jobs. Payloads may be large or hostile, so only a little of each is read, and no pickle is loaded. A
field that cannot be read this way is None.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from monarq.shared.payloads.pickle_fields import read_fields
from monarq.shared.payloads.signing import SIGNATURE_BYTES, is_signed

Format = Literal["msgpack", "pickle", "unknown"]

_NUMBER: Final = rb"(?:[\x00-\x7f]|\xcc.|\xcd..|\xce.{4}|\xcf.{8})"
_MSGPACK_START: Final = re.compile(
    rb"[\x81-\x8f]\xa1t(?:\xc0|" + _NUMBER + rb")\xa1f(?:(?P<fix>[\xa0-\xbf])|\xd9(?P<size8>.))", re.DOTALL
)
"""monarq writes the try first, then the name."""

_NONCE: Final = rb"(?:\xa1n.{17})?"
_MSGPACK_END: Final = re.compile(rb"(?:\xa1x\xcf(?P<expires>.{8}))?\xa2et\xcf(?P<ms>.{8})" + _NONCE + rb"\Z", re.DOTALL)
_PICKLE_END: Final = re.compile(
    rb"\x8c\x02et\x94\x8a\x06(?P<ms>.{6})(?:\x8c\x01n\x94\x8c\x10.{16}\x94)?u\.\Z", re.DOTALL
)

_LARGEST_MS: Final = 2**53


@dataclass(frozen=True, slots=True)
class PayloadHead:
    """The fields of a payload that are known without reading all of it.

    Attributes:
        name: the job's name, or None.
        enqueue_ms: when it was enqueued, unix ms by its client's clock, or None.
        format: its serialization format.
        signed: whether it carries a signature, which is not checked.
        expires_ms: the time after which it is not started, unix ms, if the payload has it.
    """

    name: str | None = None
    enqueue_ms: int | None = None
    format: Format = "unknown"
    signed: bool = False
    expires_ms: int | None = None


class _Fields(msgspec.Struct):
    """The fields that are read from a whole payload; others are skipped."""

    f: str | None = None
    et: int | None = None
    x: object = None


_FIELDS: Final = msgspec.msgpack.Decoder(_Fields)


def read_head(head: bytes, tail: bytes) -> PayloadHead:
    """Reads a payload's first bytes; `tail` is its last bytes, b'' if the head is the whole payload."""
    signed = is_signed(head)
    head = head[SIGNATURE_BYTES:] if signed else head
    if head.startswith(b"\x80"):
        fields = read_fields(head)
        enqueue_ms = _time(fields.get("et"), _PICKLE_END, tail)
        return PayloadHead(_name(fields.get("f")), enqueue_ms, "pickle", signed, _valid_time(fields.get("x")))
    whole = None if tail else _read_whole(head)
    if whole is not None:
        enqueue_ms = _time(whole.et, _MSGPACK_END, b"")
        return PayloadHead(_name(whole.f), enqueue_ms, "msgpack", signed, _valid_time(whole.x))
    start = _MSGPACK_START.match(head)
    if start is None:
        return PayloadHead(signed=signed)
    end = _MSGPACK_END.search(tail)
    expires_ms = _valid_time(int.from_bytes(end["expires"])) if end and end["expires"] else None
    return PayloadHead(_name_at(head, start), _time(None, _MSGPACK_END, tail), "msgpack", signed, expires_ms)


def _read_whole(data: bytes) -> _Fields | None:
    try:
        return _FIELDS.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None


def _name_at(head: bytes, start: re.Match[bytes]) -> str | None:
    size = start["fix"][0] & 0x1F if start["fix"] else start["size8"][0]
    name = head[start.end() : start.end() + size]
    try:
        return name.decode() if len(name) == size else None
    except UnicodeDecodeError:
        return None


def _name(value: object) -> str | None:
    """The name with surrogates escaped: a pickle can contain lone ones, which no page or terminal can show."""
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else None


def _time(value: object, pattern: re.Pattern[bytes], tail: bytes) -> int | None:
    if value is None and (end := pattern.search(tail)):
        value = int.from_bytes(end["ms"], "little" if pattern is _PICKLE_END else "big")
    return _valid_time(value)


def _valid_time(value: object) -> int | None:
    return value if type(value) is int and 0 < value < _LARGEST_MS else None
