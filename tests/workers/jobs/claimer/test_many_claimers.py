"""The claimers of many queues: while Redis is away one of them asks, and when they look by themselves, one by one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from monarq.shared.lane import LaneQueue
from monarq.shared.protocol.lease import Claimed
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.redis.redis_errors import NotSentError
from monarq.workers.events import outage as outage_module
from monarq.workers.events.outage import SharedOutage
from monarq.workers.jobs.claimer import Claimer
from monarq.workers.jobs.slots import Slots
from monarq.workers.leases.table import LeaseTable
from tests.support.slowness import in_time
from tests.support.workers import Recorder

POLL_S = 60.0


class Place:
    """Many queues on one server, and what is asked of them; their claimers share the slots, unless told otherwise."""

    def __init__(self, queues: int, *, shares_slots: bool = True) -> None:
        self.error: BaseException | None = None
        self.holds: dict[QueueRef, asyncio.Event] = {}
        self.refuses: set[QueueRef] = set()
        self.refusal: Exception = ResponseError("WRONGTYPE Operation against a key holding the wrong kind of value")
        self.failures = 0
        self.recorder = Recorder()
        self.waiting: dict[QueueRef, tuple[float, float]] = {}
        self.wake = asyncio.Event()
        outage = SharedOutage(self.recorder, "claiming")
        self.refs = [QueueRef(f"q{number}", "native") for number in range(queues)]
        slots = Slots(10)
        self.claimers = [self._claimer(ref, slots if shares_slots else Slots(10), outage) for ref in self.refs]

    def _claimer(self, ref: QueueRef, slots: Slots, outage: SharedOutage) -> Claimer:
        return Claimer(
            redis=cast("Redis", None),
            queue=cast("Any", FakeQueue(ref, self)),
            lane_queue="io",
            slots=slots,
            turn=slots.turn,
            poll_s=POLL_S,
            last_chance=None,
            start=lambda lease: None,
            table=LeaseTable([ref]),
            may_start=lambda: None,
            maybe_idle=asyncio.Event(),
            events=self.recorder,
            outage=outage,
        )

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """All claim meanwhile."""
        tasks = [asyncio.create_task(claimer.run()) for claimer in self.claimers]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def until_waiting(self, count: int) -> None:
        """Until so many claimers wait for a wake-up, or for their next look."""
        async with in_time(10):
            while len(self.waiting) < count:
                await asyncio.sleep(0)


class FakeQueue:
    """One of them."""

    def __init__(self, ref: QueueRef, place: Place) -> None:
        self.ref = ref
        self._place = place

    async def claim(self, redis: Redis, lane_queue: LaneQueue, limit: int) -> Claimed:
        """Finds nothing, or fails; where it is held, its connection breaks once it is let go."""
        await asyncio.sleep(0)
        if self.ref in self._place.holds:
            await self._place.holds.pop(self.ref).wait()
            raise RedisConnectionError("broken")
        if self._place.error is not None:
            self._place.failures += 1
            raise self._place.error
        if self.ref in self._place.refuses:
            raise self._place.refusal
        return Claimed([], None)

    async def wait(self, redis: Redis, lane_queue: LaneQueue, wait_s: float) -> bool:
        """Waits until all are woken."""
        self._place.waiting[self.ref] = time.monotonic(), wait_s
        await self._place.wake.wait()
        return True

    async def pass_on_wake_up(self, redis: Redis, lane_queue: LaneQueue) -> None:
        """Nobody else waits."""


@pytest.fixture
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits of those who try again, which take no time here."""
    waits_s: list[float] = []
    real = asyncio.sleep

    async def note(wait_s: float) -> None:
        waits_s.append(wait_s)
        await real(0)

    monkeypatch.setattr(outage_module, "asyncio", _Patched(asyncio, sleep=note))
    return waits_s


class _Patched:
    def __init__(self, module: Any, **changes: Any) -> None:
        self._module = module
        self.__dict__ |= changes

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)


async def test_while_redis_is_away_one_of_them_asks(quick_retries: list[float]) -> None:
    place = Place(queues=200)
    place.error = NotSentError("away")
    async with place.at_work():
        async with in_time(10):
            while len(quick_retries) < 20:
                await asyncio.sleep(0)
        assert place.failures <= len(quick_retries) + 1
        place.error = None
        await place.until_waiting(200)
    assert place.recorder.events == ["redis_lost", "redis_back"]


@pytest.mark.parametrize(
    "refusal", [ResponseError("WRONGTYPE"), RedisConnectionError("broken"), TimeoutError()], ids=repr
)
async def test_what_fails_for_one_queue_holds_no_other_back(refusal: Exception) -> None:
    """A reply that is too large breaks the connection, and does so whenever it is asked for."""
    place = Place(queues=20)
    place.refusal = refusal
    place.refuses = {place.refs[0], place.refs[7]}
    async with place.at_work():
        await place.until_waiting(18)
    assert place.recorder.events == ["redis_lost"] * 2, "each by itself"


async def test_a_connection_that_broke_under_one_claim_does_not_end_the_outage_of_another(
    quick_retries: list[float],
) -> None:
    """A claim for other slots was under way when Redis went away."""
    place = Place(queues=2, shares_slots=False)
    place.error = NotSentError("away")
    breaks = place.holds[place.refs[1]] = asyncio.Event()
    async with place.at_work():
        async with in_time(10):
            while place.failures < 2:
                await asyncio.sleep(0)
            breaks.set()
            while place.recorder.events.count("redis_lost") < 2:
                await asyncio.sleep(0)
            failures = place.failures
            while place.failures < failures + 3:
                await asyncio.sleep(0)
        assert "redis_back" not in place.recorder.events, "nothing of Redis has replied"
        assert place.failures <= len(quick_retries) + 1, "one of them asks, as before"
        place.error = None
        await place.until_waiting(2)
    assert place.recorder.events.count("redis_back") == 2


async def test_they_look_one_by_one_also_after_all_were_woken_at_once() -> None:
    place = Place(queues=200)
    async with place.at_work():
        for _ in range(2):
            await place.until_waiting(200)
            looks_s = sorted(at_s + wait_s for at_s, wait_s in place.waiting.values())
            assert all(0 < wait_s <= POLL_S + 0.01 for _, wait_s in place.waiting.values())
            in_each_tenth = [
                sum(int((at_s - looks_s[0]) // (POLL_S / 10)) == tenth for at_s in looks_s) for tenth in range(10)
            ]
            assert max(in_each_tenth) < 100, "not all at one time"
            place.waiting.clear()
            place.wake.set()
            place.wake.clear()
