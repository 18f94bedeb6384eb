"""Progress reports: which numbers are taken, and what is read back of the string in Redis."""

from __future__ import annotations

import decimal
import math
from datetime import UTC, datetime
from typing import Any

import pytest

from monarq.shared.payloads.progress import NULL_SINK, Progress, make_report
from monarq.shared.payloads.progress_codec import decode_progress, encode_report

AT = datetime(2026, 1, 1, tzinfo=UTC)
AT_US = b"1767225600000000"


class Index:
    def __index__(self) -> int:
        return 7


@pytest.mark.parametrize(
    ("done", "total", "message", "report"),
    [
        (1, 2, "half", (1, 2, "half")),
        (0.5, None, "", (0.5, None, "")),
        (Index(), decimal.Decimal("2.5"), "", (7, 2.5, "")),
        (True, 1, "", (1, 1, "")),
    ],
)
def test_a_report(done: Any, total: Any, message: str, report: tuple[float, float | None, str]) -> None:
    assert make_report(done, total, message) == report


@pytest.mark.parametrize(("done", "total", "message"), [("1", None, ""), (1, "2", ""), (None, None, ""), (1, 2, b"")])
def test_no_report(done: Any, total: Any, message: Any) -> None:
    with pytest.raises(TypeError, match=r"progress\(\) takes (a number|text) as"):
        make_report(done, total, message)


@pytest.mark.parametrize(
    ("report", "progress"),
    [
        ((1, 2, "half"), Progress(1, 2, "half", AT)),
        ((math.nan, math.inf, ""), Progress(0, None, "", AT)),
        ((2.0**63, -(2.0**64), ""), Progress(0, None, "", AT)),
        ((1, None, "x" * 501), Progress(1, None, "x" * 500, AT)),
        ((1, None, "\ud800"), Progress(1, None, "?", AT)),
    ],
)
def test_what_is_read_of_a_report(report: tuple[float, float | None, str], progress: Progress) -> None:
    assert decode_progress(AT_US + b" " + encode_report(report)) == progress


@pytest.mark.parametrize(
    "value", [b"", b"5", b"x {}", AT_US + b" {}", AT_US + b" [1]", b"9" * 30 + b' {"done":1,"total":null,"message":""}']
)
def test_a_string_of_anybodys_making_is_no_progress(value: bytes) -> None:
    assert decode_progress(value) is None


@pytest.mark.parametrize(
    ("done", "total", "share"), [(1, 4, 0.25), (5, 4, 1.0), (-1, 4, 0.0), (1, None, None), (1, 0, None), (1, -1, None)]
)
def test_the_share(done: float, total: float | None, share: float | None) -> None:
    assert Progress(done, total, "", AT).share == share


async def test_a_context_of_a_users_own_test_may_report() -> None:
    assert await NULL_SINK.send((1, 2, "")) is None
