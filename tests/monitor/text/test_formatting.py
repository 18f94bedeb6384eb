"""Numbers, rates, sizes, durations and times as people read them, on the page and in a terminal."""

from __future__ import annotations

import time

import pytest

from monarq.monitor.text import formatting
from monarq.monitor.text.formatting import MISSING


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *((None, MISSING), (0, "0"), (987, "987"), (9_999, "9,999"), (12_345, "12.3k"), (999_999, "1000k")),
        *((1_204_000, "1.20M"), (123_400_000, "123M"), (2_500_000_000, "2.50G")),
    ],
)
def test_compact_numbers(value: float | None, text: str) -> None:
    assert formatting.compact(value) == text


@pytest.mark.parametrize(
    ("per_s", "page", "terminal"),
    [
        *((0, "0", "0"), (0.01, "<0.1", "<0.1"), (0.2, "0.2", "0.2"), (9.94, "9.9", "9.9"), (9.96, "10", "10.0")),
        *((12.5, "12", "12.5"), (99.96, "100", "100"), (1_346, "1,346", "1,346"), (9_999.7, "10.0k", "10.0k")),
    ],
)
def test_rates(per_s: float, page: str, terminal: str) -> None:
    assert formatting.rate(per_s) == page
    assert formatting.rate(per_s, decimal_below=100) == terminal


@pytest.mark.parametrize(
    ("share", "text"), [(None, MISSING), (0, "0%"), (0.004, "0.4%"), (0.0996, "10%"), (0.125, "12%"), (1, "100%")]
)
def test_shares(share: float | None, text: str) -> None:
    assert formatting.percent(share) == text


@pytest.mark.parametrize(
    ("count", "text"), [(None, MISSING), (0, "0 B"), (999, "999 B"), (1_200, "1.2 KB"), (85_000_000, "85.0 MB")]
)
def test_sizes(count: int | None, text: str) -> None:
    assert formatting.size(count) == text


@pytest.mark.parametrize(("count", "text"), [(85 * 2**20, "85MB"), (999 * 2**20, "999MB"), (1229 * 2**20, "1.2GB")])
def test_memory(count: int, text: str) -> None:
    assert formatting.memory(count) == text


@pytest.mark.parametrize(
    ("seconds", "page", "whole_ms", "seconds_only"),
    [
        (0, "0 ms", "<1ms", "0.0s"),
        (0.00084, "840 µs", "<1ms", "0.0s"),
        (0.0012, "1.2 ms", "1ms", "0.0s"),
        (0.0123, "12 ms", "12ms", "0.0s"),
        (0.9996, "1.0 s", "1.0s", "1.0s"),
        (3.2, "3.2 s", "3.2s", "3.2s"),
        (59.9, "59 s", "59s", "59s"),
        (185, "3m 05s", "3m05s", "3m05s"),
        (7_620, "2h 07m", "2h07m", "2h07m"),
        (12 * 86_400 + 3 * 3_600, "12d 03h", "12d03h", "12d03h"),
    ],
)
def test_durations(seconds: float, page: str, whole_ms: str, seconds_only: str) -> None:
    assert formatting.duration(seconds) == page
    assert formatting.duration(seconds, finest="ms", gap="") == whole_ms
    assert formatting.duration(seconds, finest="s", gap="") == seconds_only


def test_a_duration_that_is_not_known() -> None:
    assert formatting.duration(None) == MISSING
    assert formatting.duration(None, missing="-") == "-"


@pytest.mark.parametrize(("seconds", "text"), [(None, MISSING), (0.4, "now"), (3.7, "3 s"), (75, "1m 15s")])
def test_ages(seconds: float | None, text: str) -> None:
    assert formatting.age(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "now"), (5.5, "5 s ago"), (90.5, "1m 30s ago"), (-9.5, "in 9 s"), (-0.2, "now")]
)
def test_times_relative_to_now(monkeypatch: pytest.MonkeyPatch, seconds: float, text: str) -> None:
    monkeypatch.setattr(time, "time", lambda: 1_700_000_000.0)
    assert formatting.ago((1_700_000_000.0 - seconds) * 1000) == text


@pytest.mark.parametrize(
    ("unix_ms", "text"),
    [(0, "unknown"), (None, "unknown"), (1_700_000_000_000, "2023-11-14 22:13:20 UTC"), (1e20, f"{10**20} ms")],
)
def test_timestamps(unix_ms: float | None, text: str) -> None:
    assert formatting.timestamp(unix_ms) == text
