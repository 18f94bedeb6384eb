"""waiting.lua: a state and how long its jobs wait; nothing is changed."""

from __future__ import annotations

from typing import Final

import pytest
from redis.asyncio import Redis

from monarq.shared.protocol.counts import Waiting
from tests.shared.formats.arq.admin_calls import call_waiting
from tests.shared.formats.arq.rows import WRONGTYPE, Row, check, wrong
from tests.support.queue_state import KEYS, PARKED, Exactly, QueueState, leased


def row(name: str, state: QueueState, found: object) -> Row:
    """A row that leaves the state as it is."""
    return Row(name, state, call_waiting(), found, state)


ROWS: Final = [
    row("nothing", QueueState(), Waiting(None, None)),
    row("due", QueueState(queue={"a": -5, "b": -30}), Waiting(30, None)),
    row("not due yet", QueueState(queue={"a": 5}), Waiting(None, None)),
    row("leased", QueueState(queue={"a": leased(9)}, tokens={"a": "t"}), Waiting(None, None)),
    row("its lease is over", QueueState(queue={"a": leased(-4)}), Waiting(4, None)),
    row("cpu jobs", QueueState(queue={"a": PARKED, "b": -7}, cpu={"a": -20}), Waiting(7, 20)),
    row(
        "run by arq workers, in front of one that waits",
        QueueState(queue={"a": -90, "b": -80, "c": -3}, tokens={"a": "1", "b": "1"}),
        Waiting(3, None),
    ),
    row(
        "run by more arq workers than are looked at",
        QueueState(queue={f"j{n}": -90 for n in range(50)} | {"z": -3}, tokens={f"j{n}": "1" for n in range(50)}),
        Waiting(None, None),
    ),
    row("paused", QueueState(queue={"a": -30}, paused=-9), Waiting(None, None)),
    row("an abort was asked for", QueueState(queue={"a": Exactly(1)}), Waiting(None, None)),
    *(row(f"{key} of a wrong type: refused", wrong(key), WRONGTYPE) for key in (KEYS.queue, KEYS.cpu)),
]


@pytest.mark.parametrize("row", ROWS, ids=str)
async def test_waiting(row: Row, redis: Redis) -> None:
    await check(row, redis)
