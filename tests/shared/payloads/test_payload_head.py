"""Heads of payloads: name and time from the first and last bytes, in every format that a client writes."""

from __future__ import annotations

import pickle
from typing import Any

import msgspec
import pytest

from monarq.shared.payloads.codec import MSGPACK, PICKLE, Codec
from monarq.shared.payloads.payload import write_payload
from monarq.shared.payloads.payload_head import PayloadHead, read_head
from monarq.shared.payloads.signing import Signer

ET = 1_700_000_000_000
NONCE = "0123456789abcdef"
HEAD_BYTES, TAIL_BYTES = 512, 64
SIGNER = Signer("a-secret-of-the-tests-that-is-long-enough")
LARGE = ("x" * 5000,)
packed = msgspec.msgpack.encode


class Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return pytest.fail, ("it was unpickled",)


def head_of(data: bytes) -> PayloadHead:
    """Of a payload, as lists of jobs read it: whole where it is small."""
    return read_head(data, b"") if len(data) <= HEAD_BYTES else read_head(data[:HEAD_BYTES], data[-TAIL_BYTES:])


@pytest.mark.parametrize("codec", [MSGPACK, PICKLE], ids=lambda codec: codec.name)
@pytest.mark.parametrize("args", [(), (1, "et"), LARGE, ({"f": "no"}, *LARGE)], ids=range(4))
@pytest.mark.parametrize("job_try", [None, 0, 127, 128, 255, 256, 2**16, 2**32])
@pytest.mark.parametrize("nonce", [None, NONCE])
def test_what_clients_write(codec: Codec, args: tuple[Any, ...], job_try: int | None, nonce: str | None) -> None:
    data = write_payload(codec, "send", args, {"f": "no"}, ET, job_try=job_try, nonce=nonce)
    assert head_of(data) == PayloadHead("send", ET, codec.name)  # type: ignore[arg-type]
    signed = SIGNER.sign(data, "job", b"id")
    assert head_of(signed) == PayloadHead("send", ET, codec.name, signed=True)  # type: ignore[arg-type]


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_is_read_and_not_run(protocol: int) -> None:
    data = pickle.dumps({"t": None, "f": "send", "a": (Bomb(),), "k": {}, "et": ET}, protocol)
    assert head_of(data) == PayloadHead("send", ET, "pickle")


@pytest.mark.parametrize("codec", [MSGPACK, PICKLE], ids=lambda codec: codec.name)
@pytest.mark.parametrize("args", [(), LARGE], ids=["whole", "head and tail"])
@pytest.mark.parametrize("name", ["", "n", "n" * 31, "n" * 32, "n" * 255, "é" * 100, "a\x00b"], ids=len)
def test_names_of_every_length(codec: Codec, args: tuple[Any, ...], name: str) -> None:
    assert head_of(write_payload(codec, name, args, {}, ET)).name == name


def test_halves_of_surrogate_pairs_are_escaped() -> None:
    assert read_head(pickle.dumps({"f": "a\ud800"}), b"").name == r"a\ud800"


@pytest.mark.parametrize(
    ("data", "name", "ms"),
    [
        ({"f": "send"}, "send", None),
        ({"et": ET}, None, ET),
        ({"f": "send", "et": 2**53 - 1}, "send", 2**53 - 1),
        ({"f": "send", "et": 2**53}, "send", None),
        ({"f": "send", "et": 0}, "send", None),
        ({"f": "send", "et": -1}, "send", None),
    ],
    ids=repr,
)
def test_a_field_that_is_missing_or_out_of_range_is_none(
    data: dict[str, Any], name: str | None, ms: int | None
) -> None:
    assert read_head(packed(data), b"") == PayloadHead(name, ms, "msgpack")
    assert read_head(pickle.dumps(data), b"") == PayloadHead(name, ms, "pickle")


@pytest.mark.parametrize("field", [{"f": 5}, {"f": None}, {"f": b"send"}, {"f": ["send"]}], ids=repr)
def test_a_name_of_another_type_is_none(field: dict[str, Any]) -> None:
    assert read_head(pickle.dumps(field), b"") == PayloadHead(format="pickle")
    assert read_head(packed(field), b"").name is None


@pytest.mark.parametrize(
    ("codec", "head_bytes", "tail_bytes", "name", "ms"),
    [
        (MSGPACK, HEAD_BYTES, 5, "send", None),
        (MSGPACK, 10, TAIL_BYTES, None, ET),
        (MSGPACK, 11, TAIL_BYTES, "send", ET),
        (PICKLE, HEAD_BYTES, 5, "send", None),
        (PICKLE, 12, TAIL_BYTES, None, ET),
    ],
)
def test_what_is_not_in_the_bytes_that_are_read_is_none(
    codec: Codec, head_bytes: int, tail_bytes: int, name: str | None, ms: int | None
) -> None:
    data = write_payload(codec, "send", LARGE, {}, ET)
    assert read_head(data[:head_bytes], data[-tail_bytes:]) == PayloadHead(name, ms, codec.name)  # type: ignore[arg-type]


@pytest.mark.parametrize("tail", [b"", b"x" * TAIL_BYTES])
@pytest.mark.parametrize("head", [b"", b"\xc1", b"\xff", b'{"f": "send"}', packed([1]), b"\x91" * 5000], ids=range(6))
def test_anything_else_is_unknown(head: bytes, tail: bytes) -> None:
    assert read_head(head, tail) == PayloadHead()


def test_a_signature_around_nothing_is_a_signature() -> None:
    assert read_head(SIGNER.sign(b"", "job", b"id"), b"") == PayloadHead(signed=True)
