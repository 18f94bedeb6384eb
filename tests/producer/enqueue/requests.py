"""Enqueue requests on the redis, for the proxy to lose, and the payloads that they leave in Redis."""

from __future__ import annotations

from redis.asyncio import Redis

from monarq.shared.formats.arq import keys as names

FIRST = b"\r\nnew\r\n"
"""The first attempt at an enqueue without an id of the caller's."""

FIRST_NAMED = b"\r\nnamed\r\n"
"""The first attempt at one with such an id."""


async def count_payloads(redis: Redis) -> int:
    """How many payloads there are."""
    return len([key async for key in redis.scan_iter(names.JOB_PREFIX + "*")])
