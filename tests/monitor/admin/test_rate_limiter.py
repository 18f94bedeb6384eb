"""The rate limiter: an even rate, without bursts after a delay."""

from __future__ import annotations

import asyncio

import pytest

from monarq.monitor.admin.rate_limiter import RateLimiter


async def test_without_a_rate_as_many_as_one_call_takes() -> None:
    limiter = RateLimiter(None, 1000)
    assert [await limiter.wait(wanted) for wanted in (1, 999, 5000)] == [1, 999, 1000]


@pytest.mark.parametrize("per_s", [20.0, 500.0])
async def test_so_many_a_second_evenly(per_s: float) -> None:
    loop, limiter, went = asyncio.get_running_loop(), RateLimiter(per_s, 1000), 0
    began_s = loop.time()
    while went < per_s / 2:
        count = await limiter.wait(10**6)
        assert count >= 1
        went += count
        assert went <= 1 + per_s * (loop.time() - began_s) + 1e-6
    assert 0.3 <= loop.time() - began_s < 5


async def test_what_was_held_back_does_not_come_all_at_once() -> None:
    limiter = RateLimiter(100.0, 1000)
    assert await limiter.wait(1000) == 1
    await asyncio.sleep(0.6)
    assert await limiter.wait(1000) <= 20
