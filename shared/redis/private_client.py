"""Private clients of producers and workers, which do not share connections."""

from __future__ import annotations

from redis.asyncio import Redis

from monarq.shared.redis.client import CONNECTIONS, RedisClient
from monarq.shared.redis.cluster.client import ClusterClient
from monarq.shared.redis.private_pool import PrivatePool


def private_client(like: Redis, *, shown: str, timeout_s: float, connections: int = CONNECTIONS) -> RedisClient:
    """A client that connects as another one does, also to the same cluster.

    Args:
        like: the other client, which must live as long as this one.
        shown: the server's address for messages, without secrets.
        timeout_s: seconds that one call may take, including connecting.
        connections: the most connections to open; on a cluster, per node.
    """
    if isinstance(like, ClusterClient):
        return like.like(timeout_s=timeout_s, connections=connections)
    return RedisClient(PrivatePool.like(like), shown=shown, timeout_s=timeout_s, connections=connections)
