"""Parsing of durations, times, counts and sizes."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from monarq.shared.errors import SettingsError
from monarq.shared.parsing import MAX_DURATION_S, check_time, size_bytes, to_count, to_kept_seconds, to_seconds


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        (None, None),
        (0, 0.0),
        (1.5, 1.5),
        (timedelta(minutes=2), 120.0),
        (MAX_DURATION_S, MAX_DURATION_S),
        ("30", 30.0),
        ("1.5", 1.5),
        (".5s", 0.5),
        (" 500 ms ", 0.5),
        ("1m", 60.0),
        ("1h30m", 5400.0),
        ("1h 30m", 5400.0),
        ("1.5h", 5400.0),
        ("3d", 259_200.0),
        ("1d2h3m4s5ms", 93_784.005),
    ],
)
def test_a_duration(given: Any, seconds: float | None) -> None:
    assert to_seconds(given, "timeout") == seconds


@pytest.mark.parametrize(
    "given",
    [
        *(-1, math.nan, math.inf, True, MAX_DURATION_S + 1, timedelta(-1), 10**5000, b"5", [5]),
        *("", " ", "s", "soon", "-1", "1e3", "nan", "inf", "forever", "1h30", "30m1h", "1m 1m", "5 weeks", "5S", "٣s"),
        *("9" * 5000, "9" * 5000 + "d", "1" + " " * 5000 + "h"),
    ],
    ids=lambda given: "",
)
def test_no_duration(given: Any) -> None:
    with pytest.raises(SettingsError, match="timeout is ") as raised:
        to_seconds(given, "timeout")
    assert len(str(raised.value)) < 200


@pytest.mark.parametrize(
    ("given", "size"),
    [
        (None, None),
        (1, 1),
        ("1", 1),
        ("256MB", 256 << 20),
        ("256 mib", 256 << 20),
        ("1.5k", 1536),
        (" 2G ", 2 << 30),
        ("1t", 1 << 40),
    ],
)
def test_a_size(given: Any, size: int | None) -> None:
    assert size_bytes(given, "memory") == size


@pytest.mark.parametrize("given", [0, -1, True, "", "MB", "1 MBs", "-1", "1e9", "1.k", 1 << 61, None.__class__])
def test_no_size(given: Any) -> None:
    with pytest.raises(SettingsError, match="memory is "):
        size_bytes(given, "memory")


@pytest.mark.parametrize(("given", "least"), [(0, 0), (1, 1), (10**30, 0)])
def test_a_count(given: int, least: int) -> None:
    assert to_count(given, "retries", least=least) == given


@pytest.mark.parametrize(("given", "least"), [(-1, 0), (0, 1), (True, 0), (1.0, 0), ("1", 0), (None, 0)])
def test_no_count(given: Any, least: int) -> None:
    with pytest.raises(SettingsError, match=f"a whole number of {least} or more"):
        to_count(given, "retries", least=least)


@pytest.mark.parametrize("given", [None, datetime.now(UTC), datetime(1, 1, 1, tzinfo=UTC)])
def test_a_time(given: datetime | None) -> None:
    check_time(given, "defer_until")


@pytest.mark.parametrize("given", [datetime(2030, 1, 1), datetime(9999, 1, 1, tzinfo=UTC), 5, "now"])  # noqa: DTZ001
def test_no_time(given: Any) -> None:
    with pytest.raises(SettingsError, match="defer_until is "):
        check_time(given, "defer_until")


@pytest.mark.parametrize("given", ["5s", "forever", math.inf, 5, None])
def test_what_is_kept_for_ever_is_kept_for_an_infinite_time(given: Any) -> None:
    seconds = to_kept_seconds(given, "keep_result")
    assert seconds == (None if given is None else 5.0 if given in (5, "5s") else math.inf)


def test_what_is_no_time_to_keep_something_for() -> None:
    with pytest.raises(SettingsError, match=r"keep_result is 'ever': give seconds, .* or '3d'; or 'forever'"):
        to_kept_seconds("ever", "keep_result")
