"""Private clients: those of producers and workers, which share no connection with anybody."""

from __future__ import annotations

from redis.asyncio import Redis

from monarq.shared.redis.client import CONNECTIONS, RedisClient
from monarq.shared.redis.cluster.client import ClusterClient
from monarq.shared.redis.private_pool import PrivatePool


def private_client(like: Redis, *, shown: str, timeout_s: float, connections: int = CONNECTIONS) -> RedisClient:
    """A client that connects as another one does; to the same cluster where that is one of a cluster.

    Args:
        like: the other client, which must live as long as this one.
        shown: the server's address for messages, without secrets.
        timeout_s: seconds that one call may take, connecting included.
        connections: the most that are opened, to a node of a cluster each.
    """
    if isinstance(like, ClusterClient):
        return like.like(timeout_s=timeout_s, connections=connections)
    return RedisClient(PrivatePool.like(like), shown=shown, timeout_s=timeout_s, connections=connections)
