"""Lanes, times and homes: the words that every part of the model uses."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

LEASE: Final = 15
"""Seconds that a beat keeps a lease alive."""

MAX_CRASHES: Final = 3
"""A job that has crashed this often is not run again: it becomes a dead letter."""

HORIZON: Final = 10
"""How many seconds of its history Redis may lose."""

REPEAT_FOR: Final = 30
"""How long a producer repeats an enqueue whose outcome is unknown."""

TOMBSTONE_KEPT: Final = 45
"""How long it is known that a job without a result has ended: longer than an enqueue is repeated."""

RESULT_KEPT: Final = 90
"""How long a result is kept."""

LATE_AT_MOST: Final = 60
"""The longest that a call stays on its way."""

MARK_KEPT: Final = 240
"""How long barred calls and gone incarnations are remembered: longer than a call stays on its way, and much longer than
its sender goes on repeating it without hearing anything."""

PROMOTED_AT_ONCE: Final = 2
"""Deferred jobs that one claim promotes, at most."""

EPOCH: Final = 1_767_225_600
STAMPS_PER_SECOND: Final = 32_000
LEVEL: Final = 2**44
LEAST_STAMP: Final = 2**32
"""So far above 0 that returns to the head never reach another priority, and long before any real stamp."""

FIRST_SHARDS: Final = 2
GROWN_SHARDS: Final = 4


class Lane(StrEnum):
    """Where a job runs; its letter begins the tokens of the claims for it."""

    IO = "i"
    CPU = "c"


class Ended(StrEnum):
    """How a job has ended."""

    SUCCEEDED = "succeeded"
    DEAD = "dead"
    CANCELLED = "cancelled"


class Return(StrEnum):
    """Why a job that was claimed goes back.

    A retry uses a try and goes to the tail, a hand-back uses none and goes to the head; so does one whose process
    died, with a crash more.
    """

    RETRY = "retry"
    HAND_BACK = "hand-back"
    CRASH = "crash"


def other(lane: Lane) -> Lane:
    """The other lane."""
    return Lane.CPU if lane is Lane.IO else Lane.IO


def token_of(lane: Lane, number: int) -> str:
    """The token of what a claim takes, as `i57`."""
    return f"{lane.value}{number}"


def lane_of(token: str) -> Lane:
    """The lane that a token was claimed from."""
    return Lane(token[0])


def number_of(token: str) -> int:
    """The number of the claim that made a token."""
    return int(token[1:])


def jump_hash(job_id: str, shards: int) -> int:
    """The shard where a chosen id lives (Lamping and Veach): growing moves ids from old shards to new ones only."""
    key = int.from_bytes(job_id.encode().ljust(8, b"\0")[:8], "big") * 0x9E3779B97F4A7C15 % 2**64
    at, following = -1, 0
    while following < shards:
        at = following
        key = (key * 2862933555777941757 + 1) % 2**64
        following = int((at + 1) * (2**31 / ((key >> 33) + 1)))
    return at


def made_id(number: int, shard: int) -> str:
    """An id that a producer makes; it carries its shard."""
    return f"made{number}~{shard}"


def home(job_id: str, shards: int) -> int:
    """The shard where a job of this id is put."""
    _, made, shard = job_id.partition("~")
    return int(shard) if made else jump_hash(job_id, shards)
