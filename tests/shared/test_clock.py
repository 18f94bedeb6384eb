"""The wall clock, and times that other programs have written."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from monarq.shared.clock import moment


@pytest.mark.parametrize(
    ("unix_ms", "expected"),
    [
        (1_500, datetime(1970, 1, 1, 0, 0, 1, 500_000, tzinfo=UTC)),
        (10**17, datetime.max.replace(tzinfo=UTC)),
        (10**400, datetime.max.replace(tzinfo=UTC)),
        (-(10**17), datetime.min.replace(tzinfo=UTC)),
    ],
)
def test_a_time_beyond_what_a_datetime_can_hold_is_the_last_or_first_one(unix_ms: int, expected: datetime) -> None:
    assert moment(unix_ms) == expected
