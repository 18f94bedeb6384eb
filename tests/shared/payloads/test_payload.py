"""A payload is read by msgspec alone where it is as it must be, and field by field else; both ways read the same."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from monarq.shared.errors import PayloadError
from monarq.shared.payloads import payload as payload_module
from monarq.shared.payloads.codec import MSGPACK, Codecs
from monarq.shared.payloads.payload import Payload

PLAIN: dict[str, Any] = {"t": None, "f": "send", "a": [1, "x"], "k": {"to": "ann"}, "et": 1_700_000_000_000}
CODECS = Codecs()


def read_both_ways(fields: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What is read by msgspec where that can, and field by field."""
    data = MSGPACK.dumps(fields)
    quickly = Payload.read(data, CODECS, b"a")
    monkeypatch.setattr(Codecs, "is_plain", lambda *_: False)
    slowly = Payload.read(data, CODECS, b"a")
    return [msgspec.structs.asdict(read) for read in (quickly, slowly)]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"t": 3, "trace": {"traceparent": "00-1"}, "d": 1_700_000_000_001, "x": 1_700_000_000_002, "n": "0" * 16},
        {"a": [[1, [2.5]], {"deep": [b"bytes", None]}, datetime(2026, 1, 1, tzinfo=UTC), msgspec.msgpack.Ext(9, b"x")]},
        {"t": True, "d": "soon", "x": -1, "unknown": [1]},
        {"d": 0, "x": 2**53},
        {"headers": {"tenant": "acme"}, "o": {"timeout": 3}},
        {"": {"name": "pickle"}},
        {"": None},
    ],
    ids=[
        "plain",
        "with all fields",
        "with all kinds of arguments",
        "with odd fields",
        "with times that say nothing",
        "with headers and options",
        "with a codec",
        "with a codec that is none",
    ],
)
def test_both_ways_read_the_same(changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    quickly, slowly = read_both_ways(PLAIN | changes, monkeypatch)
    assert quickly == slowly
    assert type(quickly["args"]) is tuple
    assert quickly["codec"] is MSGPACK


def test_a_payload_as_it_must_be_is_not_read_field_by_field(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Payload, "_read_slowly", None)
    assert Payload.read(MSGPACK.dumps(PLAIN), CODECS).name == "send"


@pytest.mark.parametrize("raised", [SystemExit, RecursionError])
def test_whatever_decoding_raises_gets_no_further(raised: type[BaseException], monkeypatch: pytest.MonkeyPatch) -> None:
    def decode(_: bytes) -> None:
        raise raised

    monkeypatch.setattr(payload_module, "_decode_payload", decode)
    assert Payload.read(MSGPACK.dumps(PLAIN), CODECS).name == "send"


def test_an_interrupt_of_the_user_does(monkeypatch: pytest.MonkeyPatch) -> None:
    def decode(_: bytes) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(payload_module, "_decode_payload", decode)
    with pytest.raises(KeyboardInterrupt):
        Payload.read(MSGPACK.dumps(PLAIN), CODECS)


def test_what_is_wrong_is_told_in_words() -> None:
    with pytest.raises(PayloadError, match="its field 'a' is of type int"):
        Payload.read(MSGPACK.dumps(PLAIN | {"a": 1}), CODECS)
