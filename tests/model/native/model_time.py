"""The model's seconds as ms of Redis' time."""

from __future__ import annotations

from typing import Final

from tests.model.native.terms import EPOCH

SECOND_MS: Final = 3_333
"""Ms of Redis' time that a second of the model takes: an enqueue is repeated for 100 s, as producers do."""

EPOCH_MS: Final = EPOCH * 1000


def ms_of(second: int) -> int:
    """Redis' time, in ms, of a second of the model."""
    return EPOCH_MS + (second - EPOCH) * SECOND_MS


def second_of(ms: float) -> int:
    """The second of the model that a time of Redis is in."""
    return EPOCH + (int(ms) - EPOCH_MS) // SECOND_MS
