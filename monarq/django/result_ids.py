"""The ids of results, which are those of jobs: the queue, and an id that begins with the time of the enqueue.

By its id alone a result is found again, wherever TASKS has many queues.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import NamedTuple

_TIME_DIGITS = 12
_RANDOM_BYTES = 10


class ResultId(NamedTuple):
    """A result's id.

    Attributes:
        text: the id.
        queue: the name of the queue.
        enqueued_at: when it was made, to the millisecond; aware, in UTC.
    """

    text: str
    queue: str
    enqueued_at: datetime


def new_result_id(queue: str, now: datetime) -> ResultId:
    """A new id."""
    ms = int(now.timestamp() * 1000)
    return read_result_id(f"{queue}:{ms:0{_TIME_DIGITS}x}{os.urandom(_RANDOM_BYTES).hex()}")


def read_result_id(text: str) -> ResultId:
    """What an id says.

    Raises:
        ValueError: it is none.
    """
    queue, _, rest = text.rpartition(":")
    if not queue or len(rest) != _TIME_DIGITS + 2 * _RANDOM_BYTES:
        raise ValueError(f"{text!r} is not the id of a result")
    return ResultId(text, queue, datetime.fromtimestamp(int(rest[:_TIME_DIGITS], 16) / 1000, UTC))
