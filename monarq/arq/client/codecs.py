"""The codecs of arq's settings: pickle, or the user's own pair of functions."""

from __future__ import annotations

from typing import Any

from arq.jobs import Deserializer, Serializer
from arq.worker import JobExecutionFailed

from monarq.shared.payloads.codec import PICKLE, Codec, Codecs, CustomCodec
from monarq.shared.payloads.signing import Signer


def arq_codecs(
    serializer: Serializer | None, deserializer: Deserializer | None, signer: Signer | None = None
) -> Codecs:
    """The codecs of arq's settings: the user's own pair for everything, else pickle, while msgpack is read as well."""
    if serializer is None and deserializer is None:
        return Codecs(write=PICKLE, allow_pickle=True, text_error=JobExecutionFailed, signer=signer)
    codec: Codec = CustomCodec(_to_bytes(serializer) if serializer else PICKLE.dumps, deserializer or PICKLE.loads)
    return Codecs(write=codec, only=codec, text_error=JobExecutionFailed, signer=signer)


def _to_bytes(serializer: Serializer) -> Serializer:
    """The user's serializer; text that it returns is sent as UTF-8, as redis-py would send it."""

    def dumps(data: dict[str, Any]) -> bytes:
        written: object = serializer(data)
        if isinstance(written, str):
            return written.encode()
        if isinstance(written, (bytes, bytearray, memoryview)):
            return bytes(written)
        raise TypeError(f"job_serializer gave a {type(written).__name__}: it must be a plain function that gives bytes")

    return dumps
