"""Both ways to read a payload in msgpack agree: on what they refuse, and on each field of what they take."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from monarq.shared.errors import PayloadError
from monarq.shared.payloads.codec import MSGPACK, Codecs
from monarq.shared.payloads.payload import Payload

CODECS: Final = Codecs()
packed = msgspec.msgpack.encode
always_the_same: Final = settings(
    max_examples=1_000, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
)

BAD_TEXT: Final = b"\xa2\xc3\x28"
RAW_TEXTS: Final = st.sampled_from([BAD_TEXT, b"\xa1\xff", b"\xa3\xed\xa0\x80", b"\xa2\xc3\xa9", b"\xd9\x01a"])
NUMBERS: Final = st.sampled_from([0, 1, -1, 2**53 - 1, 2**53, -(2**53), 2**63 - 1, 1.0, 0.5, True, None]).map(packed)
VALUES: Final = (
    RAW_TEXTS
    | NUMBERS
    | RAW_TEXTS.map(lambda text: b"\x91" + text)
    | RAW_TEXTS.map(lambda text: b"\x81" + text + b"\x01")
    | st.sampled_from([b"\x90", b"\x80", b"\xc4\x01\xff", b"\xd4\x05\xff", b"\xd6\xff\xff\xff\xff\xff", b"\xc1"])
    | st.binary(max_size=4)
)
KEYS: Final = st.sampled_from([packed(name) for name in ("t", "f", "a", "k", "et", "n", "trace", "d", "x", "z")]) | (
    RAW_TEXTS | st.sampled_from([b"\x01", b"\xc0", b"\xd9\x01f"])
)
GOOD: Final[dict[str, bytes]] = {"t": b"\xc0", "f": b"\xa4send", "a": b"\x90", "k": b"\x80", "et": packed(10**12)}


def payload(fields: list[tuple[bytes, bytes]], end: bytes = b"") -> bytes:
    """A map of these fields, which may be there twice."""
    return bytes([0x80 + len(fields)]) + b"".join(key + value for key, value in fields) + end


def with_fields(changed: dict[str, bytes], more: list[tuple[bytes, bytes]], end: bytes) -> bytes:
    return payload([*((packed(name), value) for name, value in (GOOD | changed).items()), *more], end)


PAYLOADS: Final = st.builds(
    with_fields,
    st.dictionaries(st.sampled_from(list(GOOD)), VALUES, max_size=2),
    st.lists(st.tuples(KEYS, VALUES), max_size=4),
    st.sampled_from([b"", b"", b"", b"\x00"]),
) | st.lists(st.tuples(KEYS, VALUES), max_size=9).map(payload)


def read_by(read: Any, data: bytes) -> bytes | None:
    """The fields as msgpack, which tells 1, 1.0 and True apart; None where it is refused."""
    try:
        one: Payload = read(data, CODECS)
    except PayloadError:
        return None
    fields = (
        type(one.args).__name__,
        one.name,
        one.args,
        one.kwargs,
        one.job_try,
        one.enqueue_ms,
        one.trace,
        one.due_ms,
        one.expires_ms,
    )
    return MSGPACK.dumps({"fields": fields})


@always_the_same
@given(PAYLOADS | st.binary(max_size=60).map(lambda tail: b"\x86" + tail))
@example(with_fields({}, [(packed("n"), BAD_TEXT)], b""))
@example(with_fields({}, [(packed("z"), BAD_TEXT)], b""))
@example(with_fields({}, [(BAD_TEXT, b"\x01")], b""))
@example(with_fields({}, [(packed("z"), b"\xd4\x05\xff")], b""))
@example(with_fields({}, [(packed("d"), packed(5.0))], b""))
@example(with_fields({"et": packed(5.0)}, [], b""))
def test_what_one_takes_the_other_takes(data: bytes) -> None:
    assert read_by(Payload.read, data) == read_by(Payload._read_slowly, data)


@pytest.mark.parametrize("field", ["n", "z", "trace"])
def test_text_that_is_no_utf8_is_refused_in_any_field(field: str) -> None:
    with pytest.raises(PayloadError, match="cannot be decoded as msgpack"):
        Payload.read(with_fields({}, [(packed(field), BAD_TEXT)], b""), CODECS)


def test_what_a_later_version_adds_is_left_out() -> None:
    assert Payload.read(with_fields({}, [(packed("z"), b"\x01")], b""), CODECS).name == "send"
