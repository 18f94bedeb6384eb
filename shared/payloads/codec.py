"""Serialization formats: how arq's dicts are written to Redis and read from it.

monarq writes msgpack. pickle, arq's default, is read and written only if the user enables it, because anyone who can
write to Redis can run code in a process that unpickles. The first byte shows the format: pickle begins with 0x80, and a
msgpack map of one to fifteen fields with 0x81 to 0x8f.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

import msgspec

from monarq.shared.errors import PayloadError
from monarq.shared.interrupts import is_ctrl_c
from monarq.shared.payloads.remote_error import decode_extension, encode_exception
from monarq.shared.payloads.signing import KEY_VARIABLE, Kind, Signer, is_signed
from monarq.shared.text.error_text import error_text

DEFAULT_MAX_PAYLOAD: Final = 8 * 1024 * 1024
DEFAULT_MAX_RESULT: Final = 64 * 1024 * 1024

Serializer = Callable[[dict[str, Any]], bytes]
Deserializer = Callable[[bytes], dict[str, Any]]


class Codec(Protocol):
    """A serialization format for arq's dicts."""

    @property
    def name(self) -> str:
        """The format's name."""
        ...

    def dumps(self, data: dict[str, Any]) -> bytes:
        """Encodes the dict as bytes. Raises the format's own exception if it contains an unsupported value."""
        ...

    def loads(self, data: bytes) -> dict[str, Any]:
        """Decodes the dict from bytes. Raises the format's own exception if they are invalid."""
        ...


class MsgpackCodec:
    """msgpack, by msgspec. An exception in a result is encoded as its class's name, arguments and traceback."""

    name = "msgpack"

    def __init__(self) -> None:
        self.dumps: Serializer = msgspec.msgpack.Encoder(enc_hook=encode_exception).encode
        self.loads: Deserializer = msgspec.msgpack.Decoder(ext_hook=decode_extension).decode


class PickleCodec:
    """pickle, as arq writes it."""

    name = "pickle"

    def dumps(self, data: dict[str, Any]) -> bytes:
        """See `Codec.dumps`."""
        return pickle.dumps(data)

    def loads(self, data: bytes) -> dict[str, Any]:
        """See `Codec.loads`. It runs any code in the payload, so it is used only if the user enabled it."""
        decoded: dict[str, Any] = pickle.loads(data)  # noqa: S301 - asked for by allow_pickle or arq's settings
        return decoded


@dataclass(frozen=True, slots=True)
class CustomCodec:
    """A pair of functions given by the user, as arq's ``job_serializer`` and ``job_deserializer``."""

    dumps: Serializer = pickle.dumps
    loads: Deserializer = pickle.loads
    name: str = "custom"


MSGPACK: Final = MsgpackCodec()
PICKLE: Final = PickleCodec()


@dataclass(frozen=True, slots=True)
class Codecs:
    """The formats that one side writes and reads.

    Attributes:
        write: the format for writing, except for a result, which may be written in its payload's format.
        allow_pickle: whether pickle may be read.
        only: a user's own format; if given, it is used for everything.
        text_error: the exception class that holds a failure as text in formats other than msgpack.
        signer: signs all written data, and then only signed data is read; None for no signing.
    """

    write: Codec = MSGPACK
    allow_pickle: bool = False
    only: Codec | None = None
    text_error: type[Exception] = RuntimeError
    signer: Signer | None = None

    def seal(self, data: bytes, kind: Kind, raw_id: bytes) -> bytes:
        """The bytes of a job or result as stored in Redis: signed if there is a key."""
        return data if self.signer is None else self.signer.sign(data, kind, raw_id)

    def open(self, data: bytes, kind: Kind, raw_id: bytes) -> bytes:
        """The bytes that were passed to `seal`. It must be called before anything is decoded.

        Raises:
            PayloadError: there is a key, but they are not signed with it; or they are signed, but there is no key.
        """
        if self.signer is not None:
            return self.signer.open(data, kind, raw_id)
        # A user's own format may begin with any bytes, even those of a signature.
        if self.only is None and is_signed(data):
            raise PayloadError(f"it is signed, but there is no signing key here: set {KEY_VARIABLE}")
        return data

    def reader(self, raw_id: bytes) -> Deserializer:
        """A function that reads both the payload and the result of one job, as arq's classes have one for both.

        Neither can be mistaken for the other: each lacks fields of the other.
        """
        if self.signer is None and self.only is not None:
            return self.only.loads

        def read(data: bytes) -> dict[str, Any]:
            try:
                inner = self.open(data, "result", raw_id)
            except PayloadError:
                inner = self.open(data, "job", raw_id)
            return self.loads(inner)

        return read

    def is_plain(self, data: bytes) -> bool:
        """Whether these bytes are an unsigned msgpack map, as for most jobs; `open` and `of` are then not needed."""
        return b"\x80" < data[:1] < b"\x90" and self.signer is None and self.only is None

    def of(self, data: bytes) -> Codec:
        """The format that these bytes are in.

        Raises:
            PayloadError: they are pickled, but pickle is not allowed.
        """
        if self.only is not None:
            return self.only
        if data[:1] != b"\x80":
            return MSGPACK
        if not self.allow_pickle:
            raise PayloadError(
                "it is pickled, but pickle is not allowed here, as reading it would run any code in it."
                " Allow it (allow_pickle, --allow-pickle) only if everyone who can write to this Redis is trusted"
            )
        return PICKLE

    def loads(self, data: bytes) -> dict[str, Any]:
        """Reads one of arq's dicts.

        Raises:
            PayloadError: it is not one; the format's own exceptions are converted to this.
        """
        codec = self.of(data)
        try:
            decoded = codec.loads(data)
        except BaseException as error:
            if is_ctrl_c(error):
                raise
            raise PayloadError(f"it cannot be decoded as {codec.name}: {error_text(error)}") from error
        if not isinstance(decoded, dict):
            raise PayloadError(f"it decodes as {codec.name} to {type(decoded).__name__}, not to a dict")
        return decoded
