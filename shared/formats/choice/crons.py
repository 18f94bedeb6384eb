"""Queues for cron schedulers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from monarq.shared.formats.arq.cron_queue import ArqCronQueue
from monarq.shared.formats.native.sharded.cron_queue import ShardedCronQueue
from monarq.shared.protocol.cron_queue import CronQueue
from monarq.shared.protocol.queue_ref import Format, QueueRef

_QUEUES: Final[Mapping[Format, Callable[[str], CronQueue]]] = {"native": ShardedCronQueue, "arq": ArqCronQueue}


def cron_queue(queue: QueueRef) -> CronQueue:
    """The queue, for cron schedulers."""
    return _QUEUES[queue.format](queue.name)
