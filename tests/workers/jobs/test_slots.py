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
