"""Nobody is accused until Redis has answered steadily for so long that whoever lives has been heard."""

from __future__ import annotations

from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from monarq.shared.formats.native.session import recovery
from monarq.shared.formats.native.session.recovery import Watcher

LEASE_S = 15.0
STEADY_S = LEASE_S / 3 + 2


class Clocks:
    """This machine's clock, and a Redis whose clock goes on with it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s = 1000.0
        self.redis_s = 5000.5
        self.takes_s = 0.0
        self.fails = False
        self.watcher = Watcher(LEASE_S)
        monkeypatch.setattr(recovery.time, "monotonic", lambda: self.now_s)

    async def time(self) -> tuple[int, int]:
        """TIME."""
        if self.fails:
            raise RedisConnectionError("away")
        self.pass_by(self.takes_s)
        return int(self.redis_s), int(self.redis_s % 1 * 1e6)

    def pass_by(self, seconds: float, redis_s: float | None = None) -> None:
        """Lets time pass."""
        self.now_s += seconds
        self.redis_s += seconds if redis_s is None else redis_s

    async def ask(self, seconds: float = 0.0) -> bool:
        """Asks once a second for so long, and then."""
        client: Any = self
        may = await self.watcher.may_accuse(client)
        for _ in range(round(seconds)):
            self.pass_by(1.0)
            may = await self.watcher.may_accuse(client)
        return may


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    return Clocks(monkeypatch)


async def test_it_may_when_redis_has_answered_for_long_enough(clocks: Clocks) -> None:
    assert not await clocks.ask(STEADY_S - 1)
    assert await clocks.ask(1)
    assert clocks.watcher.redis_ms == pytest.approx(clocks.redis_s * 1000, abs=1)


async def test_it_begins_anew_when_redis_was_away(clocks: Clocks) -> None:
    assert await clocks.ask(STEADY_S)
    clocks.fails = True
    with pytest.raises(RedisConnectionError):
        await clocks.ask()
    clocks.fails = False
    assert not await clocks.ask(STEADY_S - 1)
    assert await clocks.ask(1)


@pytest.mark.parametrize(
    ("seconds", "redis_s"),
    [(6.0, None), (1.0, 3.0), (1.0, -60.0), (3.0, 0.5)],
    ids=["this machine stood still", "Redis' clock went forward", "it was set back", "Redis stood still"],
)
async def test_it_begins_anew_where_time_has_not_passed_evenly(
    clocks: Clocks, seconds: float, redis_s: float | None
) -> None:
    assert await clocks.ask(STEADY_S)
    clocks.pass_by(seconds, redis_s)
    assert not await clocks.ask()
    assert not await clocks.ask(STEADY_S - 1)
    assert await clocks.ask(1)


async def test_it_begins_anew_where_the_reply_has_taken_long(clocks: Clocks) -> None:
    assert await clocks.ask(STEADY_S)
    clocks.takes_s = 6.0
    assert not await clocks.ask()
