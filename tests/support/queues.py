"""Queues by name and format."""

from __future__ import annotations

from typing import Final

from monarq.shared.formats.arq.keys import DEFAULT_QUEUE
from monarq.shared.protocol.queue_ref import QueueRef

ARQ_QUEUE: Final = QueueRef(DEFAULT_QUEUE, "arq")
"""Arq's default queue."""


def arq_queue(name: str) -> QueueRef:
    """A queue in arq's format."""
    return QueueRef(name, "arq")
