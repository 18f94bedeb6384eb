"""arq's health check: whether the key that workers write is there."""

from __future__ import annotations

import asyncio
from typing import Any

from arq.connections import RedisSettings
from arq.constants import default_queue_name, health_check_key_suffix

from monarq.arq.client.pool import create_pool
from monarq.arq.settings.fields import given_settings
from monarq.shared.text.log_lines import open_logger

logger = open_logger("arq.worker")


def get_kwargs(settings_cls: object) -> dict[str, Any]:
    """The settings that a class or dict holds, inherited ones too, as arguments of `Worker`."""
    return given_settings(settings_cls)


async def async_check_health(
    redis_settings: RedisSettings | None, health_check_key: str | None = None, queue_name: str | None = None
) -> int:
    """Looks for the health-check key.

    Args:
        redis_settings: where Redis is. Default: localhost.
        health_check_key: the key. Default: that of the queue.
        queue_name: the queue. Default: arq's.

    Returns:
        0 if the key is there, 1 if not.
    """
    key = health_check_key or (queue_name or default_queue_name) + health_check_key_suffix
    redis = await create_pool(redis_settings)
    try:
        data = await redis.get(key)
    finally:
        await redis.aclose(close_connection_pool=True)
    if not data:
        logger.warning("Health check failed: no health check sentinel value found")
        return 1
    logger.info("Health check successful: %s", data)
    return 0


def check_health(settings_cls: object) -> int:
    """The same by a settings class or dict, for programs without an event loop of their own."""
    given = get_kwargs(settings_cls)
    return asyncio.run(
        async_check_health(given.get("redis_settings"), given.get("health_check_key"), given.get("queue_name"))
    )
