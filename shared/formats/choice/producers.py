"""Queues as producers use them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from monarq.shared.formats.arq.producer import ArqProducerQueue
from monarq.shared.formats.native.sharded.producer_queue import ShardedProducerQueue
from monarq.shared.protocol.producer_queue import ProducerQueue
from monarq.shared.protocol.queue_ref import Format, QueueRef

_QUEUES: Final[Mapping[Format, Callable[[QueueRef], ProducerQueue]]] = {
    "native": ShardedProducerQueue,
    "arq": ArqProducerQueue,
}


def producer_queue(queue: QueueRef) -> ProducerQueue:
    """The queue as producers use it."""
    return _QUEUES[queue.format](queue)
