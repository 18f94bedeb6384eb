"""Chooses the implementation of a queue by its format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from monarq.shared.formats.arq.producer import ArqProducerQueue
from monarq.shared.protocol.producer_queue import ProducerQueue
from monarq.shared.protocol.queue_ref import Format, QueueRef

_PRODUCER_QUEUES: Final[Mapping[Format, Callable[[QueueRef], ProducerQueue]]] = {"arq": ArqProducerQueue}


def producer_queue(ref: QueueRef) -> ProducerQueue:
    """A queue, as producers use it."""
    return _PRODUCER_QUEUES[ref.format](ref)
