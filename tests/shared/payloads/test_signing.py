"""Signatures: what they bind, and what is refused."""

from __future__ import annotations

import pickle

import pytest

from monarq.shared.errors import PayloadError, SettingsError
from monarq.shared.payloads.codec import MSGPACK, PICKLE
from monarq.shared.payloads.signing import KEY_VARIABLE, SIGNATURE_BYTES, Signer, find_signer, is_signed

OLD, NEW = "old-key-0123456789abcdef", "new-key-0123456789abcdef"
DATA = b"\x85data"


def test_what_is_signed_is_read_by_whoever_has_the_key() -> None:
    signed = Signer(NEW).sign(DATA, "job", b"id")
    assert signed[:2] == b"\xc1\x01"
    assert signed.endswith(DATA)
    assert len(signed) == len(DATA) + SIGNATURE_BYTES
    assert Signer(NEW).open(signed, "job", b"id") == DATA


def test_nothing_else_looks_signed() -> None:
    for plain in (MSGPACK.dumps({"f": "x"}), PICKLE.dumps({"f": "x"}), b"", b"\xc1", b"\xc1\x01short"):
        assert not is_signed(plain)
    assert is_signed(Signer(NEW).sign(b"", "job", b""))


def test_keys_are_rotated() -> None:
    """First all learn the new key, then it signs, then the old one is forgotten."""
    by_old = Signer(OLD).sign(DATA, "job", b"id")
    assert Signer(f"{OLD}, {NEW}").sign(DATA, "job", b"id") == by_old
    assert Signer(f"{NEW},{OLD}").open(by_old, "job", b"id") == DATA
    with pytest.raises(PayloadError, match="its signature is wrong"):
        Signer(NEW).open(by_old, "job", b"id")


@pytest.mark.parametrize(
    ("kind", "raw_id", "at"),
    [
        ("result", b"id", None),
        ("job", b"other", None),
        ("job", b"id\x85", None),
        ("job", b"i", None),
        ("job", b"id", 2),
        ("job", b"id", SIGNATURE_BYTES - 1),
        ("job", b"id", SIGNATURE_BYTES),
    ],
)
def test_nothing_is_passed_off_as_anything_else(kind: str, raw_id: bytes, at: int | None) -> None:
    signed = bytearray(Signer(NEW).sign(DATA, "job", b"id"))
    if at is not None:
        signed[at] ^= 1
    with pytest.raises(PayloadError, match="its signature is wrong"):
        Signer(NEW).open(bytes(signed), kind, raw_id)  # type: ignore[arg-type]


def test_no_byte_of_the_data_can_become_one_of_the_id() -> None:
    signed = Signer(NEW).sign(b"-2" + DATA, "job", b"pay")
    with pytest.raises(PayloadError, match="its signature is wrong"):
        Signer(NEW).open(signed[:SIGNATURE_BYTES] + DATA, "job", b"pay-2")


@pytest.mark.parametrize("data", [DATA, b"", b"\x80\x05.", b"\xc1\x01", b"\xc1\x02" + bytes(40)])
def test_what_is_not_signed_is_refused(data: bytes) -> None:
    with pytest.raises(PayloadError, match="it is not signed"):
        Signer(NEW).open(data, "job", b"id")


@pytest.mark.parametrize("keys", ["short", f"{NEW},", f",{NEW}", f"{NEW},short", "   "])
def test_keys_that_are_too_short_are_refused_and_not_shown(keys: str) -> None:
    with pytest.raises(SettingsError, match=r"signing key number \d is \d+ bytes long") as caught:
        Signer(keys)
    assert NEW not in str(caught.value)
    assert "short" not in str(caught.value).replace("shorter", "")


def test_where_keys_come_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    assert find_signer() is None
    monkeypatch.setenv(KEY_VARIABLE, OLD)
    by_environment, given = find_signer(), find_signer(NEW)
    assert by_environment is not None
    assert given is not None
    assert by_environment.sign(DATA, "job", b"") == Signer(OLD).sign(DATA, "job", b"")
    assert given.sign(DATA, "job", b"") == Signer(NEW).sign(DATA, "job", b"")
    monkeypatch.setenv(KEY_VARIABLE, "")
    assert find_signer() is None


def test_keys_do_not_get_out() -> None:
    signer = Signer(f"{NEW},{OLD}")
    assert repr(signer) == str(signer) == "Signer(2 keys)"
    with pytest.raises(TypeError, match="must not be pickled"):
        pickle.dumps(signer)
