"""Serialization formats: which one bytes are in, which may be read, and what a signature changes."""

from __future__ import annotations

import json
import pickle
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from monarq.shared.errors import PayloadError
from monarq.shared.payloads.codec import MSGPACK, PICKLE, Codec, Codecs, CustomCodec
from monarq.shared.payloads.signing import Signer

DATA = {"f": "send", "a": [1, "x", b"\xff", None, 2.5], "k": {"n": {"m": [True]}}, "et": 1_700_000_000_000}
SIGNER = Signer("a-secret-of-the-tests-that-is-long-enough")
ID = b"id"


def dump_json(data: dict[str, Any]) -> bytes:
    return json.dumps(data).encode()


JSON = CustomCodec(dump_json, json.loads, "json")


class Bomb:
    def __init__(self, error: type[BaseException] = AssertionError) -> None:
        self._error = error

    def __reduce__(self) -> tuple[Any, ...]:
        return explode, (self._error,)


def explode(error: type[BaseException]) -> None:
    raise error("it was unpickled")


@pytest.mark.parametrize("codec", [MSGPACK, PICKLE, CustomCodec()], ids=lambda codec: codec.name)
def test_a_dict_comes_back(codec: Codec) -> None:
    assert codec.loads(codec.dumps(DATA)) == DATA


def test_the_names_of_the_formats() -> None:
    assert [codec.name for codec in (MSGPACK, PICKLE, CustomCodec(), JSON)] == ["msgpack", "pickle", "custom", "json"]


def test_msgpack_takes_exceptions_and_times_and_nothing_unknown() -> None:
    error = MSGPACK.loads(MSGPACK.dumps({"r": KeyError("no")}))["r"]
    assert (type(error), error.args) == (KeyError, ("no",))
    moment = {"r": datetime(2026, 1, 1, tzinfo=UTC)}
    assert MSGPACK.loads(MSGPACK.dumps(moment)) == moment
    extension = msgspec.msgpack.Ext(5, b"x")
    assert MSGPACK.loads(msgspec.msgpack.encode({"r": extension})) == {"r": extension}
    with pytest.raises(TypeError, match="msgpack cannot hold an object of type object"):
        MSGPACK.dumps({"r": object()})


@pytest.mark.parametrize("fields", [1, 2, 15])
@pytest.mark.parametrize("codec", [MSGPACK, PICKLE], ids=lambda codec: codec.name)
def test_the_first_byte_shows_the_format(codec: Codec, fields: int) -> None:
    data = codec.dumps(dict.fromkeys(map(str, range(fields)), 1))
    assert Codecs(allow_pickle=True).of(data) is codec


def test_pickle_is_refused_unread_where_it_is_not_allowed() -> None:
    data = PICKLE.dumps({"r": Bomb(SystemExit)})
    for codecs in (Codecs(), Codecs(write=PICKLE), Codecs(signer=SIGNER)):
        for read in (codecs.of, codecs.loads):
            with pytest.raises(PayloadError, match="it is pickled, but pickle is not allowed here"):
                read(data)


@pytest.mark.parametrize("codecs", [Codecs(), Codecs(allow_pickle=True), Codecs(write=PICKLE, allow_pickle=True)])
def test_what_is_read_does_not_depend_on_what_is_written(codecs: Codecs) -> None:
    assert codecs.loads(MSGPACK.dumps(DATA)) == DATA
    if codecs.allow_pickle:
        assert codecs.loads(PICKLE.dumps(DATA)) == DATA


def test_a_users_own_format_is_used_for_everything() -> None:
    codecs = Codecs(only=JSON)
    for data in (dump_json({"f": 1}), PICKLE.dumps(DATA), MSGPACK.dumps(DATA)):
        assert codecs.of(data) is JSON
    assert codecs.loads(dump_json({"f": 1})) == {"f": 1}
    with pytest.raises(PayloadError, match="it cannot be decoded as json: "):
        codecs.loads(MSGPACK.dumps(DATA))


@pytest.mark.parametrize(
    ("data", "codecs", "message"),
    [
        (b"", Codecs(), "it cannot be decoded as msgpack: msgspec.DecodeError: "),
        (b"\x82\xa1f", Codecs(), "it cannot be decoded as msgpack: "),
        (b"\xc1", Codecs(), "it cannot be decoded as msgpack: "),
        (b"\x91" * 100_000, Codecs(), "it cannot be decoded as msgpack: RecursionError"),
        (msgspec.msgpack.encode([1]), Codecs(), "it decodes as msgpack to list, not to a dict"),
        (b"\x05", Codecs(), "it decodes as msgpack to int, "),
        (b"\x80", Codecs(allow_pickle=True), "it cannot be decoded as pickle: "),
        (pickle.dumps(None), Codecs(allow_pickle=True), "it decodes as pickle to NoneType, "),
        (pickle.dumps(Bomb(ValueError)), Codecs(allow_pickle=True), "as pickle: ValueError: it was unpickled"),
        (pickle.dumps(Bomb(SystemExit)), Codecs(allow_pickle=True), "as pickle: SystemExit: it was unpickled"),
    ],
    ids=range(10),
)
def test_what_is_none_of_arqs_dicts_is_told_in_words(data: bytes, codecs: Codecs, message: str) -> None:
    with pytest.raises(PayloadError, match=message):
        codecs.loads(data)


def test_an_interrupt_of_the_user_is_none_of_them() -> None:
    with pytest.raises(KeyboardInterrupt):
        Codecs(allow_pickle=True).loads(pickle.dumps(Bomb(KeyboardInterrupt)))


def test_without_a_key_bytes_go_to_redis_as_they_are_and_signed_ones_are_refused() -> None:
    codecs = Codecs()
    data = MSGPACK.dumps(DATA)
    assert codecs.seal(data, "job", ID) == codecs.open(data, "job", ID) == data
    with pytest.raises(PayloadError, match="it is signed, but there is no signing key here: set MONARQ_SIGNING_KEY"):
        codecs.open(SIGNER.sign(data, "job", ID), "job", ID)


def test_a_users_own_format_may_begin_as_signed_bytes_do() -> None:
    data = SIGNER.sign(b"{}", "job", ID)
    assert Codecs(only=JSON).open(data, "job", ID) == data


@pytest.mark.parametrize("only", [None, JSON])
def test_with_a_key_only_what_is_signed_for_this_job_is_opened(only: Codec | None) -> None:
    codecs = Codecs(only=only, signer=SIGNER)
    sealed = codecs.seal(b"{}", "job", ID)
    assert sealed == SIGNER.sign(b"{}", "job", ID)
    assert codecs.open(sealed, "job", ID) == b"{}"
    for data, kind, raw_id in ((b"{}", "job", ID), (sealed, "result", ID), (sealed, "job", b"other")):
        with pytest.raises(PayloadError):
            codecs.open(data, kind, raw_id)  # type: ignore[arg-type]


@pytest.mark.parametrize("signer", [None, SIGNER])
@pytest.mark.parametrize("codec", [MSGPACK, JSON], ids=lambda codec: codec.name)
def test_a_reader_takes_both_the_payload_and_the_result_of_its_job(codec: Codec, signer: Signer | None) -> None:
    codecs = Codecs(only=None if codec is MSGPACK else codec, signer=signer)
    read = codecs.reader(ID)
    for kind in ("job", "result"):
        assert read(codecs.seal(codec.dumps({"f": kind}), kind, ID)) == {"f": kind}  # type: ignore[arg-type]
    if signer is not None:
        for data in (codec.dumps({"f": 1}), codecs.seal(codec.dumps({"f": 1}), "job", b"other")):
            with pytest.raises(PayloadError):
                read(data)
