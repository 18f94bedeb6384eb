"""Native queues beside arq's of the same names, for whoever chooses between them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from redis.asyncio import Redis

from monarq.shared.formats.arq.monitor.monitor_queue import ArqMonitorQueue
from monarq.shared.formats.choice import monitors
from monarq.shared.protocol.queue_ref import QueueRef


class TwinQueue(ArqMonitorQueue):
    """Passes for a native queue, whatever is in it: its jobs lie in a queue of arq's format of another name."""

    def __init__(self, name: str) -> None:
        super().__init__(key_of_twin(name))
        self._name = name

    @property
    def ref(self) -> QueueRef:
        return QueueRef(self._name, "native")


def key_of_twin(name: str) -> str:
    """The queue that has a twin's jobs."""
    return f"twin-of-{name}"


@contextmanager
def native_twins(*names: str) -> Iterator[None]:
    """In the block, native queues of these names are known."""

    async def known(_: Redis) -> list[str]:
        return list(names)

    with (
        patch.dict(monitors._MONITOR_QUEUES, native=TwinQueue),
        patch.dict(monitors._KNOWN_QUEUES, native=known),
    ):
        yield
