"""Makes clients of the primary, async and blocking; nothing is connected yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import redis
from redis.asyncio import Redis
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

from monarq.shared.redis.addresses import Node
from monarq.shared.redis.replies import PROTOCOL
from monarq.shared.redis.sentinel.connections import (
    BlockingPrimaryConnection,
    BlockingPrimarySSLConnection,
    PrimaryConnection,
    PrimarySSLConnection,
    greet,
    greet_blocking,
)
from monarq.shared.redis.sentinel.discovery import TIMEOUT_S, BlockingDiscovery, Discovery
from monarq.shared.redis.sentinel.pools import BlockingPrimaryPool, PrimaryPool

_OF_SENTINELS: Final = {"socket_timeout": TIMEOUT_S, "socket_connect_timeout": TIMEOUT_S, "protocol": PROTOCOL}
# No retries: the next sentinel is asked instead of the same one again.
_ONCE: Final = {"retry": AsyncRetry(NoBackoff(), 0)}
_BLOCKING_ONCE: Final = {"retry": Retry(NoBackoff(), 0)}


def primary_client(
    sentinels: Sequence[Node],
    service: str,
    options: Mapping[str, Any],
    own: Mapping[str, Any],
    kind: type[Redis] = Redis,
) -> Redis:
    """A client for one event loop.

    Args:
        sentinels: their addresses.
        service: the name of the service that they monitor.
        options: redis-py's connection options for the servers; ``ssl`` among them enables TLS.
        own: the connection options for the sentinels.
        kind: the client's class.
    """
    discovery = Discovery(sentinels, sentinel_kwargs=_OF_SENTINELS | _ONCE | dict(own))
    made = dict(options)
    made["connection_class"] = PrimarySSLConnection if made.pop("ssl", False) else PrimaryConnection
    made["redis_connect_func"] = greet
    return kind.from_pool(PrimaryPool(service, discovery, **made))


def blocking_primary_client(
    sentinels: Sequence[Node], service: str, options: Mapping[str, Any], own: Mapping[str, Any]
) -> redis.Redis:
    """A client for threads; the arguments are those of `primary_client`."""
    discovery = BlockingDiscovery(sentinels, sentinel_kwargs=_OF_SENTINELS | _BLOCKING_ONCE | dict(own))
    made = dict(options)
    made["connection_class"] = BlockingPrimarySSLConnection if made.pop("ssl", False) else BlockingPrimaryConnection
    made["redis_connect_func"] = greet_blocking
    return redis.Redis.from_pool(BlockingPrimaryPool(service, discovery, **made))
