"""The Redis provider: the page's client, connected at the first request, and the page that reports Redis errors."""

from __future__ import annotations

from redis.asyncio import Redis

from monarq.monitor.web.base.rendering import View
from monarq.shared.errors import SettingsError
from monarq.shared.redis.connection import RedisSource, UrlSource, redis_url
from monarq.shared.redis.redis_errors import explain

PageRedis = str | RedisSource | Redis | None


class RedisProvider:
    """Provides the Redis client that pages read from.

    Args:
        source: see `create_app`.
    """

    def __init__(self, source: PageRedis) -> None:
        self._source = UrlSource(redis_url(source)) if source is None or isinstance(source, str) else source
        self._own: Redis | None = None
        if isinstance(self._source, Redis) and self._source.connection_pool.connection_kwargs.get("decode_responses"):
            raise SettingsError("the page needs a Redis client that returns bytes: create it without decode_responses")

    @property
    def shown(self) -> str:
        """The server's URL without secrets."""
        return "Redis" if isinstance(self._source, Redis) else self._source.shown

    @property
    def redis(self) -> Redis:
        """The client."""
        if isinstance(self._source, Redis):
            return self._source
        if self._own is None:
            self._own = self._source.client()
        return self._own

    def error_view(self, error: Exception) -> View:
        """The view that replaces a page when Redis has failed."""
        return View("redis_error", "Redis does not answer", {"error": str(explain(error, self.shown))}, status=503)

    async def aclose(self) -> None:
        """Closes the client, if it was created here."""
        if self._own is not None:
            await self._own.aclose()
            self._own = None
