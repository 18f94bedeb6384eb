"""Makes the clients of a cluster for an address; nothing is connected yet."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import redis
from redis.asyncio import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from monarq.shared.redis.addresses import RedisAddress
from monarq.shared.redis.cluster.blocking import BlockingClusterClient
from monarq.shared.redis.cluster.client import ClusterClient
from monarq.shared.redis.cluster.topology import Address
from monarq.shared.redis.private_pool import PrivatePool


def open_cluster(address: RedisAddress, like: Redis, options: Mapping[str, Any]) -> ClusterClient:
    """A client for one event loop.

    Args:
        address: some nodes of the cluster.
        like: a client for one of these nodes, as a template.
        options: redis-py's connection options; their `socket_timeout` limits the seconds of one call.
    """
    return ClusterClient(
        _seeds(address), PrivatePool.like(like), shown=address.shown, timeout_s=options["socket_timeout"]
    )


def open_blocking_cluster(address: RedisAddress, like: redis.Redis) -> BlockingClusterClient:
    """A client for threads; see `open_cluster`."""
    return BlockingClusterClient(_seeds(address), _node_maker(like.connection_pool))


def _seeds(address: RedisAddress) -> Sequence[Address]:
    return [Address(host, port) for host, port in address.nodes]


def _node_maker(pool: redis.ConnectionPool) -> Callable[[Address], redis.Redis]:
    # redis-py must not retry by itself: only monarq knows which commands may be repeated.
    once: dict[str, Any] = {"retry": Retry(NoBackoff(), 0), "retry_on_timeout": False, "retry_on_error": []}

    def make(address: Address) -> redis.Redis:
        options = pool.connection_kwargs | once | {"host": address.host, "port": address.port}
        return redis.Redis.from_pool(redis.ConnectionPool(pool.connection_class, **options))

    return make
