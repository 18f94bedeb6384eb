"""A job's timeline, from the entries that the scripts write."""

from __future__ import annotations

import pytest

from monarq.monitor.jobs.timeline import TimelineEvent, in_order, read_history


@pytest.mark.parametrize(
    ("entry", "events"),
    [
        (b"5 crashed killed by signal 9", [TimelineEvent(5, "crashed", "killed by signal 9")]),
        (b"5 retried 2 1500 ValueError: no", [TimelineEvent(5, "retried", "ValueError: no", 2, 1500)]),
        (
            b"5 retried 2 9 @host:1:ab ValueError: no",
            [TimelineEvent(5, "retried", "ValueError: no", 2, 9, "host:1:ab")],
        ),
        (b"5 retried", [TimelineEvent(5, "retried", "", 0, 0)]),
        (b"5 promoted", [TimelineEvent(5, "promoted")]),
        (b"5 invented by a later version", []),
        (b"no time", []),
        (b"", []),
        (b"\xff\xfe", []),
    ],
)
def test_entries(entry: bytes, events: list[TimelineEvent]) -> None:
    assert read_history([entry]) == events


def test_events_of_the_same_ms_keep_their_order() -> None:
    first, second, before = (TimelineEvent(at, what) for at, what in ((7, "succeeded"), (7, "dead"), (3, "started")))
    assert in_order([first, None, second, before]) == (before, first, second)
