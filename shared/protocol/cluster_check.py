"""Which queues can live on a Redis Cluster."""

from __future__ import annotations

from monarq.shared.errors import SettingsError
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.redis.servers import is_cluster


def check_queue(redis: object, queue: QueueRef) -> QueueRef:
    """Returns the queue if the client's server can hold it.

    Raises:
        SettingsError: it is in arq's format, whose keys are in many slots, and the server is a cluster.
    """
    if queue.format == "arq" and is_cluster(redis):
        raise SettingsError(
            f"the queue {queue.name} is in arq's format, which a Redis Cluster cannot hold: use a native queue, or a"
            " Redis without cluster mode"
        )
    return queue
