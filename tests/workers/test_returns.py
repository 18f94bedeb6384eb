"""What a run that did not end its job costs the job, and where in the line the job waits then."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from monarq.shared.commands.jobs.requeue import Requeue
from monarq.shared.commands.jobs.run_groups import NOT_RUN, RunStatus
from monarq.shared.payloads.codec import MSGPACK
from monarq.shared.payloads.payload import Payload, write_payload
from monarq.workers.jobs.registry import register
from monarq.workers.jobs.requeue import crashed, handed_back, tried_again
from monarq.workers.runs.cpu_errors import CpuJobDied
from monarq.workers.runs.run import Run
from tests.support.leases import lease_of
from tests.support.workers import CODECS, settings_for_tests
from tests.workers import engine_jobs as jobs

DUE_MS = 1_700_000_000_000
WORKER = "host:1:stops"
LONG = "x" * 1000


@pytest.fixture
def run() -> Run:
    """The third try of a job, whose first ended in a crash; it ran for 250 ms."""
    job = register([jobs.plus], settings_for_tests())[jobs.plus.name]
    payload = Payload.read(write_payload(MSGPACK, jobs.plus.name, (1, 2), {}, DUE_MS), CODECS)
    lease = replace(lease_of("again"), score=DUE_MS)
    return Run(lease, job, payload, job_try=3, crash_tries=1, start_ms=DUE_MS, finish_ms=DUE_MS + 250)


AGAIN = {"due_ms": 0, "delay_ms": 1500, "name": "plus", "status": RunStatus.RETRIED}
BACK = {"due_ms": DUE_MS, "note": WORKER, "name": "plus", "run_ms": NOT_RUN, "status": RunStatus.HANDED_BACK}


@pytest.mark.parametrize(
    ("is_free", "told"),
    [
        (False, AGAIN | {"tries": 2, "run_ms": 250}),
        (True, AGAIN | {"tries": None, "run_ms": NOT_RUN, "status": RunStatus.HANDED_BACK}),
    ],
    ids=["a try", "nothing"],
)
def test_another_try_costs(run: Run, is_free: bool, told: dict[str, Any]) -> None:
    back = tried_again(run, ValueError(LONG), 1.5, is_free)
    assert fields(back, told) == told
    assert len(back.note) == 300


@pytest.mark.parametrize(
    ("is_free", "told"), [(True, BACK | {"tries": None}), (False, BACK | {"tries": 2})], ids=["nothing", "a try"]
)
def test_a_worker_that_stops_puts_the_job_where_it_stood_and_that_costs(
    run: Run, is_free: bool, told: dict[str, Any]
) -> None:
    assert fields(handed_back(run, WORKER, is_free), told) == told


def test_the_note_of_a_crash_is_short(run: Run) -> None:
    assert len(crashed(run, CpuJobDied("plus", None, None, None, LONG)).what) == 300


def fields(back: Requeue, names: dict[str, Any]) -> dict[str, Any]:
    return {name: getattr(back, name) for name in names}
