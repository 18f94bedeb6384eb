"""Shows people what a payload contains, without unpickling it: its format, its fields, or all of it as JSON.

Nothing here imports a payload's classes or creates objects of them. `result_view` reads results in the same way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from monarq.monitor.text.value_text import call_text
from monarq.shared.payloads.payload_head import Format
from monarq.shared.payloads.pickle_fields import read_fields
from monarq.shared.payloads.signing import SIGNATURE_BYTES, is_signed


@dataclass(frozen=True, slots=True)
class Decoded:
    """The fields of arq's dict, of a job or of a result.

    Attributes:
        format: their format.
        signed: whether they are signed.
        fields: by name; empty if nothing can be read safely.
    """

    format: Format
    signed: bool
    fields: Mapping[str, object]

    @property
    def arguments(self) -> str | None:
        """The arguments as written in a call; None if they cannot be read, or this is a result without them."""
        if "a" not in self.fields and "k" not in self.fields:
            return None
        return call_text(self.fields.get("a", ()), self.fields.get("k", {}))


def decode_safely(data: bytes) -> Decoded:
    """The fields of a payload or result, without unpickling; pass no more than `LARGEST_READ` bytes."""
    raw = _open(data)
    if raw.format == "pickle":
        return Decoded("pickle", raw.signed, read_fields(raw.body))
    if raw.format == "unknown" or not isinstance(raw.value, dict):
        return Decoded("unknown", raw.signed, {})
    return Decoded("msgpack", raw.signed, {name: value for name, value in raw.value.items() if isinstance(name, str)})


@dataclass(frozen=True, slots=True)
class PayloadView:
    """A payload as a whole.

    Attributes:
        format: its format; None if there is no payload.
        signed: whether it is signed; the signature is not checked here.
        bytes: its size including its signature; None if there is no payload.
        value: its value as JSON, if it is msgpack.
    """

    format: Format | None = None
    signed: bool = False
    bytes: int | None = None
    value: msgspec.Raw = field(default_factory=lambda: msgspec.Raw(b"null"))


def view_payload(data: bytes | None) -> PayloadView:
    """The view of a payload; of a pickle, only the size is read."""
    if data is None:
        return PayloadView()
    raw = _open(data)
    value = {"value": _as_json(raw.value)} if raw.format == "msgpack" else {}
    return PayloadView(raw.format, raw.signed, len(data), **value)


class _Opened(NamedTuple):
    """Data without its signature, and its value if it is msgpack."""

    format: Format
    signed: bool
    body: bytes
    value: object = None


def _open(data: bytes) -> _Opened:
    signed = is_signed(data)
    body = data[SIGNATURE_BYTES:] if signed else data
    if body.startswith(b"\x80"):
        return _Opened("pickle", signed, body)
    try:
        # Without a hook, extensions stay extensions: no exception is rebuilt.
        return _Opened("msgpack", signed, body, msgspec.msgpack.decode(body))
    except (msgspec.DecodeError, RecursionError, TypeError, ValueError):
        return _Opened("unknown", signed, body)


def _as_json(value: object) -> msgspec.Raw:
    """The value as JSON; values that JSON cannot represent become Python's repr."""
    try:
        return msgspec.Raw(msgspec.json.encode(value, enc_hook=repr))
    except (TypeError, ValueError, RecursionError):
        return msgspec.Raw(msgspec.json.encode(repr(value)))
