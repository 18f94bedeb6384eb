"""Fixtures of the monitor's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from tests.monitor.web.site import Site, page


@pytest.fixture
async def site(redis: Redis) -> AsyncIterator[Site]:
    """The page without a secret, as `monarq web` serves it on loopback."""
    async with page(redis) as opened:
        yield opened
