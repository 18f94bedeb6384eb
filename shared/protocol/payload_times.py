"""What a payload says of times."""

from __future__ import annotations

from typing import NamedTuple


class PayloadTimes(NamedTuple):
    """The times of one job, unix ms.

    Attributes:
        enqueue_ms: when it was enqueued.
        due_ms: when it is due; None where that is at once, or the format's payloads do not say it.
        expires_ms: when it is not started any more; None for never, or where the format's payloads do not say it.
    """

    enqueue_ms: int
    due_ms: int | None = None
    expires_ms: int | None = None
