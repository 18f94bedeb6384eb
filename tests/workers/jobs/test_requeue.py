"""What a run that did not end its job costs the job, and where in the queue the job waits afterwards."""

from __future__ import annotations

from typing import Any

import pytest

from monarq.shared.protocol.acks import Requeue
from monarq.shared.protocol.run_groups import NOT_RUN, RunEnd
from monarq.workers.jobs.requeue import crashed, handed_back, retried
from monarq.workers.runs.cpu_errors import CpuJobDied
from monarq.workers.runs.run import ActiveRun
from tests.workers.support import worker_jobs as jobs
from tests.workers.support.runs import make_lease, make_run

DUE_MS = 1_700_000_000_000
WORKER = "host:1:stops"
LONG = "x" * 1000


@pytest.fixture
def run() -> ActiveRun:
    """The third try of a job, whose first ended in a crash; it ran for 250 ms."""
    lease = make_lease("plus", 1, 2, due_ms=DUE_MS)
    return make_run(jobs.plus, lease=lease, job_try=3, crash_tries=1, start_ms=DUE_MS, finish_ms=DUE_MS + 250)


AGAIN = {"due_ms": 0, "delay_ms": 1500, "name": "plus", "end": RunEnd.RETRIED}
BACK = {"due_ms": DUE_MS, "note": WORKER, "name": "plus", "run_ms": NOT_RUN, "end": RunEnd.HANDED_BACK}


@pytest.mark.parametrize(
    ("is_free", "expected"),
    [
        (False, AGAIN | {"tries": 2, "run_ms": 250}),
        (True, AGAIN | {"tries": None, "run_ms": NOT_RUN, "end": RunEnd.HANDED_BACK}),
    ],
    ids=["a try", "nothing"],
)
def test_a_retry_costs(run: ActiveRun, is_free: bool, expected: dict[str, Any]) -> None:
    back = retried(run, ValueError(LONG), 1.5, "host:1:ab", is_free=is_free)
    assert fields(back, expected) == expected
    assert back.note.startswith("@host:1:ab ValueError: ")
    assert len(back.note) == len("@host:1:ab ") + 300


@pytest.mark.parametrize(
    ("is_free", "expected"), [(True, BACK | {"tries": None}), (False, BACK | {"tries": 2})], ids=["nothing", "a try"]
)
def test_a_job_that_is_handed_back_keeps_its_place_and_that_costs(
    run: ActiveRun, is_free: bool, expected: dict[str, Any]
) -> None:
    assert fields(handed_back(run, WORKER, is_free), expected) == expected


def test_the_note_of_a_crash_is_short(run: ActiveRun) -> None:
    assert len(crashed(run, CpuJobDied("plus", None, None, None, LONG)).what) == 300


def fields(back: Requeue, names: dict[str, Any]) -> dict[str, Any]:
    return {name: getattr(back, name) for name in names}
