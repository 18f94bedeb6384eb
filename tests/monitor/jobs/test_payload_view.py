"""Payloads are shown without unpickling them, however hostile they are."""

from __future__ import annotations

import pickle
from typing import Any

import msgspec
import pytest

from monarq.monitor.jobs.payload_view import Decoded, PayloadView, decode_safely, view_payload
from monarq.shared.payloads.codec import MSGPACK
from monarq.shared.payloads.signing import Signer

JOB = {"t": None, "f": "send", "a": (1, "x"), "k": {"to": "me"}, "et": 1}


class Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return (pytest.fail, ("it was unpickled",))


def test_a_msgpack_payload() -> None:
    data = MSGPACK.dumps(JOB)
    decoded = decode_safely(data)
    assert (decoded.format, decoded.signed, decoded.fields["f"]) == ("msgpack", False, "send")
    assert decoded.arguments == "1, 'x', to='me'"
    view = view_payload(data)
    assert (view.format, view.bytes) == ("msgpack", len(data))
    assert msgspec.json.decode(view.value)["k"] == {"to": "me"}


def test_a_pickle_is_read_and_not_run() -> None:
    data = pickle.dumps({**JOB, "a": (Bomb(),)})
    assert decode_safely(data).fields["f"] == "send"
    assert view_payload(data) == PayloadView("pickle", False, len(data))


def test_a_signed_payload_is_read_without_its_key() -> None:
    data = Signer("a-secret-of-the-tests-that-is-long-enough").sign(MSGPACK.dumps(JOB), "job", b"id")
    assert (decode_safely(data).signed, decode_safely(data).fields["f"]) == (True, "send")
    assert (view_payload(data).signed, view_payload(data).bytes) == (True, len(data))


@pytest.mark.parametrize("data", [b"", b"\xc1", b"\xff\xfe", b"\x91" * 5000, b"\xa4abc"])
def test_what_cannot_be_read_is_unknown(data: bytes) -> None:
    assert decode_safely(data) == Decoded("unknown", False, {})
    assert view_payload(data) == PayloadView("unknown", False, len(data))


def test_what_is_no_dict_has_no_fields() -> None:
    data = msgspec.msgpack.encode([1, b"x", msgspec.msgpack.Ext(5, b"y")])
    assert decode_safely(data) == Decoded("unknown", False, {})
    assert msgspec.json.decode(view_payload(data).value)[:2] == [1, "eA=="]


def test_no_payload() -> None:
    assert view_payload(None) == PayloadView()
