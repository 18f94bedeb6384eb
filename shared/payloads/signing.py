"""Signing of jobs and results, so that an attacker who can write to Redis cannot make a worker decode their bytes.

Signed data is ``0xC1 0x01``, 32 bytes of HMAC-SHA256, and then the unsigned data. 0xC1 begins neither msgpack (where
the byte is never used) nor pickle. The signature covers the data, its kind (job or result) and the job's id, so that
neither kind can be passed off as the other or as another job's. It does not prevent replaying: the same job can be
enqueued again.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from typing import Final, Literal

from monarq.shared.errors import PayloadError, SettingsError

KEY_VARIABLE: Final = "MONARQ_SIGNING_KEY"
SHORTEST_KEY: Final = 16
"""In bytes. A shorter key could be found by brute force."""

MAGIC: Final = b"\xc1\x01"
_MAC_BYTES: Final = 32
SIGNATURE_BYTES: Final = len(MAGIC) + _MAC_BYTES

Kind = Literal["job", "result"]


class Signer:
    """Signs with the first of its keys, and accepts signatures by any of them. Its repr does not show them."""

    __slots__ = ("_keys",)

    def __init__(self, keys: str) -> None:
        """Splits the keys.

        Args:
            keys: one key, or several separated by commas: the first signs, all are accepted.

        Raises:
            SettingsError: there is no key, or one is too short; the message does not show it.
        """
        self._keys = [key.strip().encode() for key in keys.split(",")]
        for place, key in enumerate(self._keys, start=1):
            if len(key) < SHORTEST_KEY:
                raise SettingsError(
                    f"signing key number {place} is {len(key)} bytes long; it needs at least {SHORTEST_KEY}:"
                    " generate one with `openssl rand -hex 32`"
                )

    def __repr__(self) -> str:
        return f"Signer({len(self._keys)} keys)"

    def __reduce__(self) -> tuple[object, ...]:
        """Keeps keys out of pickles, as no child process or payload needs them."""
        raise TypeError("signing keys must not be pickled")

    def sign(self, data: bytes, kind: Kind, raw_id: bytes) -> bytes:
        """The data, preceded by its signature."""
        return MAGIC + _mac(self._keys[0], data, kind, raw_id) + data

    def open(self, data: bytes, kind: Kind, raw_id: bytes) -> bytes:
        """Checks the signature, and returns the data without it.

        Raises:
            PayloadError: it is not signed, is signed by another key, or was signed for another kind or job.
        """
        if not is_signed(data):
            raise PayloadError(f"it is not signed, but only signed data is read here ({KEY_VARIABLE} is set)")
        given, inner = data[len(MAGIC) : SIGNATURE_BYTES], data[SIGNATURE_BYTES:]
        # All keys are always tried, so that the time taken reveals nothing.
        fits = [hmac.compare_digest(given, _mac(key, inner, kind, raw_id)) for key in self._keys]
        if not any(fits):
            raise PayloadError(
                f"its signature is wrong: it was signed with another key, was changed, or was made for another {kind}"
            )
        return inner


def _mac(key: bytes, data: bytes, kind: Kind, raw_id: bytes) -> bytes:
    # The id is preceded by its length, so that bytes cannot be shifted between fields.
    head = b"monarq\x01" + kind.encode() + b"\x00" + len(raw_id).to_bytes(4, "big") + raw_id
    return hmac.digest(key, head + data, hashlib.sha256)


def is_signed(data: bytes) -> bool:
    """Whether these bytes carry a signature, valid or not."""
    return data.startswith(MAGIC) and len(data) >= SIGNATURE_BYTES


def find_signer(keys: str | None = None) -> Signer | None:
    """The signer with these keys, else with those of the environment; None if there are none.

    Raises:
        SettingsError: a key is too short, or is not text.
    """
    if keys is not None and not isinstance(keys, str):
        # Treating it as no key would silently leave jobs unsigned.
        raise SettingsError(f"signing_key is a {type(keys).__name__}: give text, with several keys separated by commas")
    found = keys or os.environ.get(KEY_VARIABLE)
    return Signer(found) if found else None
