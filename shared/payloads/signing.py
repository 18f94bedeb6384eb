"""Signing of jobs and results: whoever can only write to Redis cannot make a worker decode their bytes.

Signed data is ``0xC1 0x01``, 32 bytes of HMAC-SHA256, and then the data as it would be unsigned.
0xC1 begins neither msgpack (where it is never used) nor pickle. What is signed is the data together with its kind, job
or result, and the job's id: so neither can be passed off as the other, nor as that of another job. It does not prevent
that the same job is enqueued once more.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from typing import Final, Literal

from monarq.shared.errors import PayloadError, SettingsError

KEY_VARIABLE: Final = "MONARQ_SIGNING_KEY"
SHORTEST_KEY: Final = 16
"""Bytes: a shorter key could be found by trial and error."""

MAGIC: Final = b"\xc1\x01"
_MAC_BYTES: Final = 32
SIGNATURE_BYTES: Final = len(MAGIC) + _MAC_BYTES

Kind = Literal["job", "result"]


class Signer:
    """Signs with the first of its keys, and accepts signatures by any of them. Its repr shows none."""

    __slots__ = ("_keys",)

    def __init__(self, keys: str) -> None:
        """Splits the keys.

        Args:
            keys: one key, or several with commas between them: the first signs, all are accepted.

        Raises:
            SettingsError: there is no key, or one is too short; the message does not show it.
        """
        self._keys = [key.strip().encode() for key in keys.split(",")]
        for place, key in enumerate(self._keys, start=1):
            if len(key) < SHORTEST_KEY:
                raise SettingsError(
                    f"signing key number {place} is {len(key)} bytes long; give {SHORTEST_KEY} or more,"
                    " for instance 32 from `openssl rand -hex 32`"
                )

    def __repr__(self) -> str:
        return f"Signer({len(self._keys)} keys)"

    def __reduce__(self) -> tuple[object, ...]:
        """Keeps keys out of pickles: no child process and no payload needs them."""
        raise TypeError("signing keys are not to be pickled")

    def sign(self, data: bytes, kind: Kind, raw_id: bytes) -> bytes:
        """The data after its signature."""
        return MAGIC + _mac(self._keys[0], data, kind, raw_id) + data

    def open(self, data: bytes, kind: Kind, raw_id: bytes) -> bytes:
        """Checks the signature, and returns the data without it.

        Raises:
            PayloadError: it is not signed, or not by one of the keys, or was signed as something else.
        """
        if not is_signed(data):
            raise PayloadError(f"it is not signed, and only signed data is read here ({KEY_VARIABLE} is set)")
        given, inner = data[len(MAGIC) : SIGNATURE_BYTES], data[SIGNATURE_BYTES:]
        # All keys are tried whichever fits, so that the time reveals nothing.
        fits = [hmac.compare_digest(given, _mac(key, inner, kind, raw_id)) for key in self._keys]
        if not any(fits):
            raise PayloadError(
                f"its signature does not fit: it was signed with another key, changed, or made for another {kind}"
            )
        return inner


def _mac(key: bytes, data: bytes, kind: Kind, raw_id: bytes) -> bytes:
    # The id's length comes before it, so that no byte can belong to two fields.
    head = b"monarq\x01" + kind.encode() + b"\x00" + len(raw_id).to_bytes(4, "big") + raw_id
    return hmac.digest(key, head + data, hashlib.sha256)


def is_signed(data: bytes) -> bool:
    """Whether these bytes carry a signature, right or wrong."""
    return data.startswith(MAGIC) and len(data) >= SIGNATURE_BYTES


def find_signer(keys: str | None = None) -> Signer | None:
    """The signer with these keys, else with those of the environment; None where there are none.

    Raises:
        SettingsError: a key is too short, or is not text.
    """
    if keys is not None and not isinstance(keys, str):
        # Taken for no key, it would silently leave jobs unsigned.
        raise SettingsError(f"signing_key is a {type(keys).__name__}: give text, with commas between several keys")
    found = keys or os.environ.get(KEY_VARIABLE)
    return Signer(found) if found else None
