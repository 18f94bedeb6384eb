"""arq's policies: how runs end, which try a job is at, and why jobs are rejected, by its rules and in its classes."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

import pytest
from arq.jobs import DeserializationError
from arq.worker import JobExecutionFailed, RetryJob

from monarq.arq.runs.policies import ArqOutcomes, ArqRejections, describe_run
from monarq.shared.errors import PayloadError, PayloadTooLargeError
from monarq.shared.jobs.decorators import job
from monarq.shared.jobs.retry_exception import Retry
from monarq.workers.runs.outcome import MIN_RETRY_DELAY_S, Cancelled, Failed, HandedBack, Lost, Outcome, Retried, decide
from monarq.workers.runs.raised_error import RaisedError
from monarq.workers.runs.run import CancelReason
from tests.support.leases import lease_of
from tests.workers.support.runs import ENQUEUED_MS, make_lease, make_run


@job(name="policies.add", max_tries=2)
async def add() -> None: ...


SOON, LATER, BARE = Retry(), Retry(7), RetryJob()
VALUE = ValueError("no")
CANCELLED = asyncio.CancelledError()
LEASE: Final = lease_of("a")

ENDINGS: Final[list[tuple[str, BaseException, CancelReason | None, Outcome, Outcome]]] = [
    ("an error", VALUE, None, Failed(VALUE), Failed(VALUE)),
    ("Retry at once", SOON, None, Retried(0, SOON), Failed(SOON)),
    ("Retry later", LATER, None, Retried(7, LATER), Failed(LATER)),
    ("RetryJob", BARE, None, Retried(0, BARE), Failed(BARE)),
    ("cancelled by itself", CANCELLED, None, Retried(MIN_RETRY_DELAY_S, CANCELLED), Failed(CANCELLED)),
    ("stopped", CANCELLED, CancelReason.HAND_BACK, HandedBack(is_free=False), Failed(CANCELLED)),
    ("stopped, raised", VALUE, CancelReason.HAND_BACK, HandedBack(is_free=False), Failed(VALUE)),
    ("aborted", CANCELLED, CancelReason.ASKED, Cancelled(CANCELLED), Cancelled(CANCELLED)),
    ("lost", CANCELLED, CancelReason.LOST, Lost(), Lost()),
]


@pytest.mark.parametrize("job_try", [1, 2, 9], ids=lambda job_try: f"try {job_try} of 2")
@pytest.mark.parametrize(
    ("error", "reason", "with_retries", "without"), [row[1:] for row in ENDINGS], ids=[row[0] for row in ENDINGS]
)
def test_outcomes_with_retry_jobs_and_without(
    error: BaseException, reason: CancelReason | None, with_retries: Outcome, without: Outcome, job_try: int
) -> None:
    """Whatever the try: the claim finds that none is left."""
    run = make_run(add, job_try=job_try, cancel_reason=reason)
    assert decide(run, error, ArqOutcomes()) == with_retries
    assert decide(run, error, ArqOutcomes(retry_jobs=False)) == without


def test_a_request_of_another_process_counts() -> None:
    run = make_run(add, raised=RaisedError.of(LATER))
    assert decide(run, VALUE, ArqOutcomes()) == Retried(7, VALUE)
    assert decide(run, VALUE, ArqOutcomes(retry_jobs=False)) == Failed(VALUE)


def test_a_timeout_is_the_error_of_the_job() -> None:
    outcome = decide(make_run(add, cancel_reason=CancelReason.TIMEOUT), CANCELLED, ArqOutcomes())
    assert isinstance(outcome, Failed)
    assert isinstance(outcome.error, TimeoutError)


@pytest.mark.parametrize(
    ("tries", "crashes", "first", "number"), [(0, 0, None, 1), (2, 0, None, 3), (2, 1, None, 4), (0, 1, 4, 5)]
)
def test_a_crash_costs_a_try(tries: int, crashes: int, first: int | None, number: int) -> None:
    run = make_run(add)
    run.lease.tries, run.lease.crashes, run.payload.job_try = tries, crashes, first
    assert ArqOutcomes().next_try(run.lease, run.payload) == number


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ArqRejections().dead("max 5 retries exceeded"), "max 5 retries exceeded"),
        (ArqRejections().gone(LEASE), "job expired"),
        (ArqRejections().unknown("new", 0.0, ["known"]), "function 'new' not found"),
        (ArqRejections().unknown("it's", 5.0, []), 'function "it\'s" not found'),
        (
            ArqRejections().too_large(LEASE, 5000, 1000),
            str(PayloadTooLargeError("job a", 5000, 1000)),
        ),
    ],
    ids=["dead", "gone", "unknown", "quoted", "too large"],
)
def test_rejections_are_of_a_class_that_every_arq_client_has(error: Exception, text: str) -> None:
    assert type(error) is JobExecutionFailed
    assert str(error) == text


def test_a_payload_that_cannot_be_read() -> None:
    cause = PayloadError("no pickle")
    error = ArqRejections().undecodable(cause)
    assert (type(error), str(error), error.__cause__) == (DeserializationError, "unable to deserialize job", cause)


@pytest.mark.parametrize(("waited_s", "keep_s"), [(0.0, 3600.0), (5.0, 3600.0), (0.0, 0.0)])
def test_no_job_waits_for_a_worker_that_knows_it(waited_s: float, keep_s: float) -> None:
    assert not ArqRejections().may_wait(waited_s, keep_s)


@pytest.mark.parametrize("zone", [None, ZoneInfo("Asia/Dubai")], ids=["none", "one"])
def test_what_a_run_is_in_ctx(monkeypatch: pytest.MonkeyPatch, zone: ZoneInfo | None) -> None:
    monkeypatch.setattr("arq.utils.get_tz", lambda: zone)  # arq reads its variables once, and by pytz alone
    run = make_run(add, lease=make_lease("policies.add", due_ms=123), job_try=2)
    enqueued = datetime.fromtimestamp(ENQUEUED_MS / 1000, tz=zone or UTC)
    described = describe_run(run)
    assert described == {"job_id": "id", "job_try": 2, "enqueue_time": enqueued, "score": 123}
    assert described["enqueue_time"].utcoffset() == enqueued.utcoffset()
