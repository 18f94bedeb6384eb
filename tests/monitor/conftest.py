"""Fixtures of the monitor's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from monarq.shared.protocol.queue_ref import QueueRef
from tests.monitor.web.site import Site, page
from tests.support.queues import BOTH_FORMATS


@pytest.fixture(params=BOTH_FORMATS, ids=lambda queue: queue.format)
def queue(request: pytest.FixtureRequest) -> QueueRef:
    """A queue of each format in turn, for what monitors show of both alike."""
    ref: QueueRef = request.param
    return ref


@pytest.fixture
async def site(redis: Redis) -> AsyncIterator[Site]:
    """The page without a secret, as `monarq web` serves it on loopback."""
    async with page(redis) as opened:
        yield opened
