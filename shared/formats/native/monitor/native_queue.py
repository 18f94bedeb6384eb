"""The queue that all roles of a monitor read or change."""

from __future__ import annotations

from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.protocol.queue_ref import QueueRef


class NativeQueue:
    """A native queue.

    Args:
        name: its name.
    """

    def __init__(self, name: str) -> None:
        self._keys = NativeKeys.of(name)

    @property
    def ref(self) -> QueueRef:
        """The queue."""
        return QueueRef(self._keys.tag, "native")
