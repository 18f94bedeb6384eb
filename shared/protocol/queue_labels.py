"""The names of queues for people."""

from __future__ import annotations

from collections.abc import Iterable

from monarq.shared.protocol.queue_ref import QueueRef


def queue_labels(queues: Iterable[QueueRef]) -> dict[QueueRef, str]:
    """The names of these queues; where queues of both formats have the same name, arq's is marked."""
    listed = dict.fromkeys(queues)
    marked = {queue for queue in listed if queue.format == "arq" and QueueRef(queue.name, "native") in listed}
    return {queue: f"{queue.name} (arq)" if queue in marked else queue.name for queue in listed}
