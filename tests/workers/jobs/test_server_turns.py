"""Turns of claimers on a cluster: a late claim keeps a part of the free slots, and others claim for the rest."""

from __future__ import annotations

import asyncio

import pytest

from monarq.shared.redis.cluster.topology import Address
from monarq.workers.jobs import server_turns
from monarq.workers.jobs.server_turns import ServerTurns
from monarq.workers.jobs.slots import Slots
from tests.support.slowness import in_time

FIRST, SECOND = Address("a", 1), Address("b", 2)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_turns, "PATIENCE_S", 0.01)


async def test_a_late_claim_keeps_half_of_what_is_free_until_it_ends() -> None:
    slots = Slots(10)
    turns = ServerTurns(slots, 100, lambda: None)
    first, second = turns.of(lambda: FIRST), turns.of(lambda: SECOND)
    async with in_time(10):
        async with first, second:
            assert slots.free == 5
        assert slots.free == 10
    assert not slots.turn.locked()


async def test_it_never_keeps_the_last_free_slot_nor_more_than_it_asked_for() -> None:
    slots = Slots(1)
    turns = ServerTurns(slots, 100, lambda: None)
    async with in_time(10), turns.of(lambda: FIRST), turns.of(lambda: SECOND):
        assert (slots.free, slots.freed.is_set()) == (1, True)
    slots = Slots(10)
    turns = ServerTurns(slots, 2, lambda: None)
    async with in_time(10), turns.of(lambda: FIRST), turns.of(lambda: SECOND):
        assert slots.free == 8


async def test_claims_from_one_server_wait_for_each_other_and_hold_no_other_server_s() -> None:
    turns = ServerTurns(Slots(10), 100, lambda: None)
    entered = asyncio.Event()

    async def claim() -> None:
        async with turns.of(lambda: FIRST):
            entered.set()

    async with turns.of(lambda: FIRST):
        waiting = asyncio.create_task(claim())
        async with in_time(10), turns.of(lambda: SECOND):
            assert not entered.is_set()
    async with in_time(10):
        await waiting


async def test_where_so_many_jobs_may_be_started_claims_do_not_overlap() -> None:
    turns = ServerTurns(Slots(10), 100, lambda: 3)
    async with turns.of(lambda: FIRST):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1), turns.of(lambda: SECOND):
                pytest.fail("it was let in")
    async with in_time(10), turns.of(lambda: SECOND):
        pass
