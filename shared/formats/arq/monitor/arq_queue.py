"""The queue that all roles of a monitor read or change."""

from __future__ import annotations

from monarq.shared.formats.arq.keys import QueueKeys
from monarq.shared.protocol.queue_ref import QueueRef


class ArqQueue:
    """A queue in arq's format.

    Args:
        name: its name.
    """

    def __init__(self, name: str) -> None:
        self._keys = QueueKeys.of(name)

    @property
    def ref(self) -> QueueRef:
        """The queue."""
        return QueueRef(self._keys.queue, "arq")


def job_key(prefix: str, raw_id: bytes) -> bytes:
    """A key of a job, whose id need not be UTF-8, from the prefix of such keys."""
    return prefix.encode() + raw_id
