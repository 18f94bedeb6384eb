"""The times in a payload."""

from __future__ import annotations

from typing import NamedTuple


class PayloadTimes(NamedTuple):
    """The times of one job, unix ms.

    Attributes:
        enqueue_ms: when it was enqueued.
        due_ms: when it is due; None if it is due at once, or the format's payloads do not contain it.
        expires_ms: the time after which it is not started; None for never, or if the format's payloads do not contain
            it.
    """

    enqueue_ms: int
    due_ms: int | None = None
    expires_ms: int | None = None
