"""What a payload that is not to be decoded says of itself: a job that takes workers down is told of by its name."""

from __future__ import annotations

from typing import Final

from monarq.shared.commands.jobs.claim import Lease
from monarq.shared.commands.queues.browse import HEAD_BYTES, TAIL_BYTES
from monarq.shared.payloads.payload import Payload
from monarq.shared.payloads.payload_head import PayloadHead, read_head

UNKNOWN: Final = "<unknown>"


def name_and_time(lease: Lease, payload: Payload | None) -> tuple[str, int]:
    """A job's name, and when it was enqueued in unix ms; `UNKNOWN` and 0 where nothing tells them."""
    if payload is not None:
        return payload.name, payload.enqueue_ms
    head = _head_of(lease.payload) if isinstance(lease.payload, bytes) else PayloadHead()
    return head.name or UNKNOWN, head.enqueue_ms or 0


def _head_of(data: bytes) -> PayloadHead:
    tail = data[-TAIL_BYTES:] if len(data) > HEAD_BYTES else b""
    return read_head(data[:HEAD_BYTES], tail)
