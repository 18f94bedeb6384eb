"""Slots are counted, and whoever waits for one hears of it."""

from __future__ import annotations

from monarq.workers.jobs.slots import Slots


async def test_they_are_taken_and_returned() -> None:
    slots = Slots(2)
    seen = [(slots.free, slots.freed.is_set())]
    for step in (slots.take, slots.take, slots.give, slots.take, slots.give, slots.give):
        step()
        seen.append((slots.free, slots.freed.is_set()))
    assert seen == [(2, True), (1, True), (0, False), (1, True), (0, False), (1, True), (2, True)]


async def test_a_claimer_waits_while_another_claims() -> None:
    slots = Slots(1)
    async with slots.turn:
        assert slots.turn.locked()
    assert not slots.turn.locked()


async def test_what_is_set_aside_is_not_free_and_may_be_taken_all_the_same() -> None:
    slots = Slots(3)
    slots.set_aside(2)
    assert (slots.free, slots.freed.is_set()) == (1, True)
    assert slots.take()
    assert (slots.free, slots.freed.is_set()) == (0, False)
    assert slots.take(), "a job of the late claim"
    assert (slots.free, slots.freed.is_set()) == (-1, False)
    slots.give()
    assert (slots.free, slots.freed.is_set()) == (0, False)
    slots.give()
    assert (slots.free, slots.freed.is_set()) == (1, True)
    assert slots.take()
    slots.set_aside(-2)
    assert (slots.free, slots.freed.is_set()) == (2, True)
