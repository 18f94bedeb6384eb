"""A queue in arq's format as producers use it: what its replies mean, by what Redis holds."""

from __future__ import annotations

import pytest

from monarq.shared.formats.arq.keys import PARKED_SCORE
from monarq.shared.formats.arq.producer import ArqProducerQueue, decide_state
from monarq.shared.protocol.enqueue import Placement

QUEUE = ArqProducerQueue.of("tested")


@pytest.mark.parametrize(
    ("score", "cpu_score", "running", "ended", "status"),
    [
        (None, None, 0, 0, "unknown"),
        (b"1000", None, 0, 0, "queued"),
        (b"1001", None, 0, 0, "deferred"),
        (b"16000.5", None, 1, 0, "running"),
        (b"1000", None, 1, 1, "ended"),
        (str(PARKED_SCORE).encode(), b"1000", 0, 0, "queued"),
        (str(PARKED_SCORE).encode(), b"1001", 0, 0, "deferred"),
        (b"1000", b"5000", 0, 0, "queued"),
        (None, None, 0, 1, "ended"),
    ],
)
def test_status_by_what_redis_holds(
    score: bytes | None, cpu_score: bytes | None, running: int, ended: int, status: str
) -> None:
    assert decide_state((b"1", b"0"), score, cpu_score, running, ended) == status


def test_messages_are_split_into_jobs() -> None:
    assert list(QUEUE.split_ended(b"a\0b")) == [(b"a", None), (b"b", None)]
    assert list(QUEUE.split_reports(b"a\x001 {}\0b\x002 {}")) == [(b"a", b"1 {}"), (b"b", b"2 {}")]


def test_ids_are_unique_and_payloads_do_not_say_when_they_are_due() -> None:
    ids = QUEUE.new_job_ids(1000)
    assert len(set(ids)) == 1000
    assert {len(job_id) for job_id in ids} == {32}
    assert QUEUE.new_job_ids(0) == []
    assert QUEUE.payload_times(Placement(delay_ms=60_000))[1] is None
