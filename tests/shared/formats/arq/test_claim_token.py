"""Claim tokens: what a worker writes is read back, and anything else is taken as the holder's name."""

from __future__ import annotations

import time

import pytest

from monarq.shared.formats.arq.claim_token import Holder, make_token, parse_token
from monarq.shared.lane import LaneQueue


@pytest.mark.parametrize("worker", ["host:12:ab", "w", "", "a:b:c:d:e", "wörker"])
@pytest.mark.parametrize("lane_queue", ["io", "cpu"])
def test_a_token_says_who_holds_the_job_and_since_when(worker: str, lane_queue: LaneQueue) -> None:
    before_ms = time.time_ns() // 1_000_000
    holder = parse_token(make_token(worker, lane_queue, 7).encode())
    assert holder.worker == worker
    assert holder.claimed_ms is not None
    assert before_ms <= holder.claimed_ms <= time.time_ns() // 1_000_000


@pytest.mark.parametrize(
    ("token", "holder"),
    [
        (b"1", Holder("arq")),
        (b"", Holder("")),
        (b"2", Holder("2")),
        (b"a:io:1", Holder("a:io:1")),
        (b"a:io:1:later", Holder("a:io:1:later")),
        (b"a:io:1:", Holder("a:io:1:")),
        (b"a:io:1:-5", Holder("a:io:1:-5")),
        ("a:io:1:²".encode(), Holder("a:io:1:²")),  # a digit of another kind
        (b"a:io:1:" + b"9" * 16, Holder("a:io:1:" + "9" * 16)),
        (b"a:io:1:1700000000000", Holder("a", 1_700_000_000_000)),
    ],
)
def test_what_is_read_of_a_token(token: bytes, holder: Holder) -> None:
    assert parse_token(token) == holder
