"""Backoff: waits double up to the longest one, are never below half of their bound, and start again after a reset."""

from __future__ import annotations

import pytest

from monarq.shared.redis.backoff import Backoff


@pytest.mark.parametrize(
    ("failures", "bound_s"), [(0, 0.1), (1, 0.2), (2, 0.4), (3, 0.8), (4, 1.5), (5, 1.5), (5000, 1.5)]
)
def test_the_wait_after_so_many_failures(failures: int, bound_s: float) -> None:
    waits = []
    for _ in range(100):
        backoff = Backoff()
        backoff._failures = failures
        waits.append(backoff.next_s())
    assert bound_s / 2 <= min(waits) < max(waits) <= bound_s


def test_a_success_makes_the_next_wait_short() -> None:
    backoff = Backoff(first_s=1.0, longest_s=64.0)
    assert not backoff.failing
    for _ in range(10):
        last_s = backoff.next_s()
    assert backoff.failing
    assert last_s >= 32
    backoff.reset()
    assert not backoff.failing
    assert backoff.next_s() <= 1
