"""The state of cron entries: pauses of those that fail, and a status that is written now and then."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from redis.asyncio import Redis

from monarq.monitor.queues.cron import CronStats, read_crons
from monarq.shared.formats.arq.keys import QueueKeys
from monarq.shared.formats.choice.crons import cron_queue
from monarq.shared.redis.backoff import FIRST_S, LONGEST_S
from monarq.workers.cron import state as unit
from monarq.workers.cron.state import STATUS_INTERVAL_S, STATUS_TTL_S, EntryState, EntryStatus, StatusWriter
from tests.support.queue_state import server_ms
from tests.workers.cron.schedulers import NOON, QUEUE, entry

OTHER = QueueKeys.of("other")
CRONS, OTHER_CRONS = cron_queue(QUEUE.ref), cron_queue(OTHER.ref)


class Monotonic:
    """The monotonic clock, which the test moves."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def monotonic(monkeypatch: pytest.MonkeyPatch) -> Monotonic:
    made = Monotonic()
    monkeypatch.setattr(unit, "time", SimpleNamespace(monotonic=made))
    return made


def state() -> EntryState:
    return EntryState(entry(), NOON, NOON, starts=False)


def status(name: str, told_ms: int = 0) -> EntryStatus:
    return EntryStatus(name, "send", "@hourly", "UTC", told_ms + 60_000, told_ms)


def test_an_entry_pauses_longer_the_more_often_it_fails(monotonic: Monotonic) -> None:
    failing = state()
    assert failing.pause_s == 0
    assert [failing.fail() for _ in range(3)] == [True, False, False], "only the first of a row is news"
    assert FIRST_S < failing.pause_s <= LONGEST_S
    monotonic.now_s += LONGEST_S
    assert failing.pause_s <= 0


def test_an_entry_that_works_again_does_not_pause(monotonic: Monotonic) -> None:
    failing = state()
    failing.fail()
    failing.backoff.reset()
    assert failing.pause_s == 0
    assert failing.fail(), "it is news again"


def test_each_entry_pauses_by_itself(monotonic: Monotonic) -> None:
    failing, other = state(), state()
    failing.fail()
    assert other.pause_s == 0


async def test_the_status_is_due_at_once_and_then_now_and_then(redis: Redis, monotonic: Monotonic) -> None:
    writer = StatusWriter()
    assert writer.is_due
    await writer.write(redis, [])
    due = []
    for passed_s in (0, STATUS_INTERVAL_S / 2, STATUS_INTERVAL_S / 2):
        monotonic.now_s += passed_s
        due.append(writer.is_due)
    assert due == [False, False, True]


async def test_the_page_shows_what_is_written_for_each_queue(redis: Redis) -> None:
    now_ms = await server_ms(redis)
    told = [
        (CRONS, "a @hourly", status("a", now_ms)),
        (OTHER_CRONS, "b @hourly", status("b", now_ms)),
        (CRONS, "c @hourly", status("c", now_ms)),
    ]
    await StatusWriter().write(redis, told)
    shown = [CronStats(*queue.ref, one.name, "send", "@hourly", "UTC", now_ms + 60_000, None) for queue, _, one in told]
    assert await read_crons(redis, [QUEUE.ref, OTHER.ref]) == [shown[0], shown[2], shown[1]]
    for keys in (QUEUE, OTHER):
        assert 0 < await redis.ttl(keys.crons) <= STATUS_TTL_S


async def test_a_status_replaces_that_of_its_own_field_alone(redis: Redis) -> None:
    now_ms = await server_ms(redis)
    writer = StatusWriter()
    await writer.write(redis, [(CRONS, "a", status("a", now_ms)), (CRONS, "b", status("b", now_ms))])
    await writer.write(redis, [(CRONS, "a", status("a", now_ms + 5))])
    assert {cron.name: cron.next_ms - now_ms for cron in await read_crons(redis, [QUEUE.ref])} == {
        "a": 60_005,
        "b": 60_000,
    }


async def test_a_key_of_another_type_keeps_no_other_queue_from_its_status(redis: Redis) -> None:
    await redis.set(QUEUE.crons, "wrong", ex=60)
    now_ms = await server_ms(redis)
    await StatusWriter().write(redis, [(CRONS, "a", status("a", now_ms)), (OTHER_CRONS, "b", status("b", now_ms))])
    assert [cron.name for cron in await read_crons(redis, [QUEUE.ref, OTHER.ref])] == ["b"]
