"""The source of a worker's Redis connections in arq's settings: `RedisSettings`."""

from __future__ import annotations

from dataclasses import dataclass, field

import redis
from arq.connections import RedisSettings
from redis.asyncio import Redis

from monarq.arq.client.pool import (
    make_blocking_client,
    make_client,
    shown_settings,
    worker_options,
)


@dataclass(frozen=True, slots=True)
class SettingsSource:
    """Connections by arq's `RedisSettings`; its `conn_timeout` holds, but its settings of retries do not."""

    settings: RedisSettings = field(repr=False)

    @property
    def shown(self) -> str:
        """See `RedisSource`."""
        return shown_settings(self.settings)

    def client(self) -> Redis:
        """See `RedisSource`."""
        return make_client(self.settings, worker_options(self.settings))

    def blocking_client(self) -> redis.Redis:
        """See `RedisSource`."""
        return make_blocking_client(self.settings, worker_options(self.settings))
