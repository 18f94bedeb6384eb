"""Queues by name and format."""

from __future__ import annotations

from typing import Final

from monarq.shared.protocol import queue_ref
from monarq.shared.protocol.queue_ref import QueueRef

ARQ_QUEUE: Final = queue_ref.DEFAULT_QUEUE
"""Arq's default queue."""


def arq_queue(name: str) -> QueueRef:
    """A queue in arq's format."""
    return QueueRef(name, "arq")
