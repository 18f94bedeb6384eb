"""Serialization of progress reports. In Redis, a report is the time in µs, a space, and the job's report as JSON.

The script that writes it adds the time, by Redis' clock. This module is separate from `progress`, which must load
without msgspec.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from monarq.shared.payloads.progress import Progress, ProgressReport

LONGEST_MESSAGE: Final = 500
"""How many characters of a message are kept."""

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

LARGEST: Final = 2.0**63
"""A larger number is neither a plausible amount of work nor an exact integer in JSON."""


class _Stored(msgspec.Struct):
    done: int | float  # an int stays one
    total: int | float | None
    message: str


def encode_report(report: ProgressReport) -> bytes:
    """The report as JSON. NaN and numbers out of range become 0 done or an unknown total."""
    done, total, message = report
    stored = _Stored(
        done if _is_amount(done) else 0,
        total if total is not None and _is_amount(total) else None,
        message[:LONGEST_MESSAGE].encode(errors="replace").decode(),
    )
    return msgspec.json.encode(stored)


def decode_progress(value: bytes) -> Progress | None:
    """A job's progress from its string; None if it cannot be read, as it is only informative."""
    at_us, _, report = value.partition(b" ")
    try:
        stored = msgspec.json.decode(report, type=_Stored)
        return Progress(stored.done, stored.total, stored.message, EPOCH + timedelta(microseconds=int(at_us)))
    except (ValueError, OverflowError):
        return None


def _is_amount(number: float) -> bool:
    return -LARGEST < number < LARGEST  # False for NaN
