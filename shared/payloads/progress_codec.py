"""A report of a job's progress as it stands in Redis: the time in µs, a space, and what the job told, as JSON.

The script that writes it puts the time in front, by Redis' clock.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from monarq.shared.payloads.progress import Progress, ProgressReport

LONGEST_MESSAGE: Final = 500
"""Characters of a message that are kept."""

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

LARGEST: Final = 2.0**63
"""What lies beyond is no amount of work, and no whole number in JSON."""


class _Stored(msgspec.Struct):
    done: float
    total: float | None
    message: str


def encode_report(report: ProgressReport) -> bytes:
    """The report as JSON. What is no number counts as nothing done, and as a total that is not known."""
    done, total, message = report
    stored = _Stored(
        done if _is_amount(done) else 0,
        total if total is not None and _is_amount(total) else None,
        message[:LONGEST_MESSAGE].encode(errors="replace").decode(),
    )
    return msgspec.json.encode(stored)


def decode_progress(value: bytes) -> Progress | None:
    """A job's progress from its string; None where it cannot be read: it informs people, and stops nobody."""
    at_us, _, report = value.partition(b" ")
    try:
        told = msgspec.json.decode(report, type=_Stored)
        return Progress(told.done, told.total, told.message, EPOCH + timedelta(microseconds=int(at_us)))
    except (ValueError, OverflowError):
        return None


def _is_amount(number: float) -> bool:
    return -LARGEST < number < LARGEST  # which a NaN is not
