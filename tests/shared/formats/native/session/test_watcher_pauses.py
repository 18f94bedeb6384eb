"""Who watches the fleet accuses nobody after a pause of Redis, in which those who live could not be heard."""

from __future__ import annotations

from typing import Any

import pytest

from monarq.shared.formats.native.session import recovery
from monarq.shared.formats.native.session.recovery import Watcher


class Clock:
    """This machine's clock, and a Redis that answers with the same time, at once or late."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.delay_s = 0.0

    def monotonic(self) -> float:
        return self.now_s

    async def time(self) -> tuple[int, int]:
        self.now_s += self.delay_s
        return int(self.now_s), round(self.now_s % 1 * 1e6)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(recovery, "time", clock)
    return clock


async def steady(clock: Any, lease_s: float) -> Watcher:
    """A watcher that may accuse by now."""
    watcher = Watcher(lease_s)
    while not await watcher.may_accuse(clock):
        clock.now_s += 0.5
        assert clock.now_s < 1000 + 2 * lease_s
    return watcher


@pytest.mark.parametrize(("lease_s", "pause_s"), [(3.0, 1.6), (3.0, 4.0), (15.0, 5.1), (15.0, 20.0)])
async def test_a_pause_in_which_leases_may_have_ended(clock: Any, lease_s: float, pause_s: float) -> None:
    watcher = await steady(clock, lease_s)
    clock.delay_s = pause_s
    assert not await watcher.may_accuse(clock)
    clock.delay_s = 0.0
    clock.now_s += lease_s / 3
    assert not await watcher.may_accuse(clock)


async def test_a_short_pause_changes_nothing(clock: Any) -> None:
    watcher = await steady(clock, 3.0)
    clock.delay_s = 1.0
    assert await watcher.may_accuse(clock)
