"""A producer's Redis options: a URL, or a client whose connection settings are used."""

from __future__ import annotations

from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster
from redis.asyncio.sentinel import Sentinel
from redis.cluster import RedisCluster as BlockingCluster
from redis.sentinel import Sentinel as BlockingSentinel

from monarq.shared.errors import SettingsError
from monarq.shared.redis.connection import open_redis, redacted_url, redis_url


def resolve_redis(url: str | None, redis: object) -> tuple[Redis, str]:
    """The client whose connection settings are used, and its server's address for logs and errors.

    Args:
        url: the server's URL, or None.
        redis: a client, or None.

    Raises:
        SettingsError: both are given, or one of them cannot be used.
    """
    if redis is None:
        chosen = redis_url(url)
        return open_redis(chosen), redacted_url(chosen)
    if url is not None:
        raise SettingsError("give either url or redis, not both")
    if not isinstance(redis, Redis):
        raise SettingsError(f"redis is a {type(redis).__qualname__}, {_needed_instead(redis)}")
    options = redis.connection_pool.connection_kwargs
    return redis, str(options.get("path") or f"{options.get('host', 'localhost')}:{options.get('port', 6379)}")


def _needed_instead(redis: object) -> str:
    if isinstance(redis, (RedisCluster, BlockingCluster)):
        return (
            "which may retry commands by itself: give the cluster's address as url, such as redis+cluster://host:port"
        )
    if isinstance(redis, (Sentinel, BlockingSentinel)):
        return "not a client of one server: give what master_for(...) of a redis.asyncio.Sentinel returns"
    if isinstance(redis, str):
        return "not a client: pass a URL as url"
    if hasattr(redis, "connection_pool"):
        return (
            "which blocks: give a client of redis.asyncio (or fakeredis.FakeAsyncRedis), or a URL; a SyncProducer needs"
            " an async client too, as it runs an event loop in its own thread"
        )
    return "not a client: give a redis.asyncio.Redis, or a URL as url"
