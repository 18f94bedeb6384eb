"""What a payload holds, for people: msgpack is decoded into plain values, everything else only measured.

Nothing in here unpickles, imports, or makes objects of a payload's classes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import msgspec

from monarq.shared.payloads.signing import SIGNATURE_BYTES, is_signed


@dataclass(frozen=True, slots=True)
class PayloadView:
    """A payload, seen from outside.

    Attributes:
        format: what it is written in; None where there is no payload.
        signed: whether it carries a signature, which is not checked here.
        bytes: its size, signature and all; None where there is no payload.
        value: what it says, as JSON, where it is msgpack.
    """

    format: Literal["msgpack", "pickle", "unknown"] | None = None
    signed: bool = False
    bytes: int | None = None
    value: msgspec.Raw = field(default_factory=lambda: msgspec.Raw(b"null"))


def view_payload(data: bytes | None) -> PayloadView:
    """Looks at a payload."""
    if data is None:
        return PayloadView()
    signed = is_signed(data)
    inner = data[SIGNATURE_BYTES:] if signed else data
    if inner.startswith(b"\x80"):
        return PayloadView("pickle", signed, len(data))
    try:
        # Without a hook extensions stay extensions: no exception is made again.
        value = msgspec.msgpack.decode(inner)
    except (msgspec.DecodeError, RecursionError, TypeError, UnicodeDecodeError):
        return PayloadView("unknown", signed, len(data))
    return PayloadView("msgpack", signed, len(data), _as_json(value))


def _as_json(value: object) -> msgspec.Raw:
    """The value as JSON; what has no place there, as Python shows it."""
    try:
        return msgspec.Raw(msgspec.json.encode(value, enc_hook=repr))
    except (TypeError, ValueError, RecursionError):
        return msgspec.Raw(msgspec.json.encode(repr(value)))
