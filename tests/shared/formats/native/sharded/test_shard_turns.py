"""Turns: which shards a worker claims from, and in which order."""

from __future__ import annotations

import pytest

from monarq.shared.formats.native.sharded.shard_turns import LOOK_EVERY_S, ShardTurns


def turns_of(count: int) -> ShardTurns:
    turns = ShardTurns()
    turns.grow(count)
    list(turns.due(0.0))
    return turns


def quiet(turns: ShardTurns, *shards: int, next_due_s: float | None = None) -> None:
    for shard in shards:
        turns.asks(shard)
        turns.found_none(shard, next_due_s, 0.0)


def test_full_shards_take_turns() -> None:
    turns, first = turns_of(3), []
    for _ in range(6):
        shard = next(turns.due(0.0))
        first.append(shard)
        turns.asks(shard)
        turns.took(shard)
    assert first == [0, 1, 2, 0, 1, 2]


def test_a_full_shard_does_not_hold_back_one_that_was_woken() -> None:
    turns = turns_of(3)
    quiet(turns, 1, 2)
    turns.took(0)
    turns.wake(2)
    assert list(turns.due(0.1)) == [2, 0]


def test_a_quiet_shard_is_left_alone_until_it_wakes_the_worker() -> None:
    turns = turns_of(3)
    quiet(turns, 0, 1, 2)
    assert list(turns.due(0.1)) == []
    assert turns.next_due_s(0.1) is None
    turns.wake(1)
    assert list(turns.due(0.1)) == [1]


def test_a_wake_up_that_overtakes_the_reply_of_a_claim_is_not_lost() -> None:
    turns = turns_of(2)
    quiet(turns, 0)
    turns.asks(1)
    turns.wake(1)
    turns.found_none(1, None, 0.0)
    assert list(turns.due(0.1)) == [1]


def test_a_shard_is_due_when_its_next_deferred_job_is() -> None:
    turns = turns_of(2)
    quiet(turns, 0)
    quiet(turns, 1, next_due_s=0.5)
    assert turns.next_due_s(0.2) == pytest.approx(0.3)
    assert list(turns.due(0.4)) == []
    assert list(turns.due(0.5)) == [1]


def test_every_shard_is_looked_at_now_and_then() -> None:
    turns = turns_of(3)
    quiet(turns, 0, 1, 2)
    assert sorted(turns.due(LOOK_EVERY_S)) == [0, 1, 2]
    quiet(turns, 0, 1, 2)
    assert list(turns.due(LOOK_EVERY_S + 0.1)) == []


def test_a_shard_that_fails_is_left_alone_for_a_moment() -> None:
    turns = turns_of(2)
    quiet(turns, 0)
    turns.failed(1, 0.0, 0.5)
    assert list(turns.due(0.4)) == []
    assert turns.next_due_s(0.4) == pytest.approx(0.1)
    assert list(turns.due(0.6)) == [1]


def test_new_shards_are_claimed_from_at_once() -> None:
    turns = turns_of(1)
    quiet(turns, 0)
    turns.grow(3)
    assert sorted(turns.due(0.1)) == [1, 2]
