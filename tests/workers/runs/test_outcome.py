"""The outcome of a run, by what it raised, why it was cancelled, and how many tries it has."""

from __future__ import annotations

import asyncio
import pickle
from datetime import timedelta
from typing import Any, Final

import pytest

from monarq.shared.errors import JobDeadError, SettingsError, StandInError
from monarq.shared.jobs.decorators import job
from monarq.shared.jobs.retry_exception import Retry, is_retry
from monarq.shared.options.retry import Exponential, Fixed
from monarq.shared.parsing import MAX_DURATION_S
from monarq.workers.runs.cpu_errors import CpuJobDied, CpuJobStopped, CpuPickleError, CpuStartError
from monarq.workers.runs.outcome import (
    MIN_RETRY_DELAY_S,
    NO_CHILD_DELAY_S,
    Cancelled,
    Crashed,
    Failed,
    HandedBack,
    Lost,
    Outcome,
    OutcomePolicy,
    Retried,
    decide,
)
from monarq.workers.runs.raised_error import RaisedError
from monarq.workers.runs.run import CancelReason
from tests.workers.support.runs import make_run


@job(name="outcome.picky", retry=Exponential(1, base=0), max_tries=3, retry_on=LookupError, timeout=5)
async def picky() -> None: ...


@job(name="outcome.resigned", retry=Fixed(2, 7), retry_on=LookupError, give_up_on=(KeyError, NotADirectoryError))
async def resigned() -> None: ...


def decide_alone(error: BaseException, job_try: int) -> str | None:
    if isinstance(error, OSError):
        raise TypeError("it cannot decide")
    if isinstance(error, RuntimeError):
        raise asyncio.CancelledError
    return "3s" if job_try == 1 else None


@job(name="outcome.by_function", retry=decide_alone)
async def by_function() -> None: ...


@job(name="outcome.in_thread", lane="thread", timeout=5)
def in_thread() -> None: ...


KEY = KeyError("k")
VALUE = ValueError("v")
CANCELLED = asyncio.CancelledError()
NO_CHILD = CpuStartError("no memory")
NO_PICKLE = CpuPickleError("picky", "result", "a lock")
DIED = CpuJobDied("picky", None, "SIGSEGV", None)
STOPPED = CpuJobStopped("picky", None, "SIGKILL", None)

RAISED: Final[list[tuple[str, BaseException, int, Outcome]]] = [
    ("one of retry_on, with retries left", KEY, 1, Retried(0, KEY)),
    ("one of retry_on, without retries left", KEY, 2, Failed(KEY)),
    ("another error", VALUE, 1, Failed(VALUE)),
    ("no child process", NO_CHILD, 3, Retried(NO_CHILD_DELAY_S, NO_CHILD, is_free=True)),
    ("a result that cannot be pickled", NO_PICKLE, 1, Failed(NO_PICKLE)),
    ("a child that died", DIED, 3, Crashed(DIED)),
    ("a child that was killed by its worker", STOPPED, 1, Failed(STOPPED)),
    ("a cancellation that nobody ordered", CANCELLED, 1, Retried(MIN_RETRY_DELAY_S, CANCELLED)),
]


@pytest.mark.parametrize(("error", "job_try", "outcome"), [row[1:] for row in RAISED], ids=[row[0] for row in RAISED])
def test_of_a_run_that_raised(error: BaseException, job_try: int, outcome: Outcome) -> None:
    assert decide(make_run(picky, job_try=job_try), error, OutcomePolicy()) == outcome


@pytest.mark.parametrize(
    ("reason", "error", "outcome"),
    [
        (CancelReason.LOST, CANCELLED, Lost()),
        (CancelReason.LOST, KEY, Lost()),
        (CancelReason.HAND_BACK, CANCELLED, HandedBack(is_free=True)),
        (CancelReason.HAND_BACK, VALUE, HandedBack(is_free=True)),
        (CancelReason.ASKED, CANCELLED, Cancelled(CANCELLED)),
        (CancelReason.ASKED, VALUE, Failed(VALUE)),
        (CancelReason.TIMEOUT, KEY, Retried(0, KEY)),
    ],
    ids=lambda value: value.name if isinstance(value, CancelReason) else type(value).__name__,
)
def test_of_a_run_that_was_cancelled(reason: CancelReason, error: BaseException, outcome: Outcome) -> None:
    assert decide(make_run(picky, cancel_reason=reason), error, OutcomePolicy()) == outcome


@pytest.mark.parametrize(
    ("declared", "end"),
    [(picky, "was cancelled"), (in_thread, "is abandoned in its thread, where nothing can stop it")],
    ids=["io", "thread"],
)
def test_of_a_timeout(declared: Any, end: str) -> None:
    outcome = decide(make_run(declared, cancel_reason=CancelReason.TIMEOUT), CANCELLED, OutcomePolicy())
    assert isinstance(outcome, Failed)
    assert str(outcome.error) == f"{declared.name} exceeded its timeout of 5 s and {end}"


@pytest.mark.parametrize(
    ("defer", "delay_s"),
    [(None, MIN_RETRY_DELAY_S), (0, MIN_RETRY_DELAY_S), (7, 7), (MAX_DURATION_S, MAX_DURATION_S)],
)
def test_the_delay_of_a_requested_retry(defer: float | None, delay_s: float) -> None:
    request = Retry(defer)
    assert decide(make_run(picky), request, OutcomePolicy()) == Retried(delay_s, request)


@pytest.mark.parametrize("defer", [float("nan"), float("inf"), -1, True, 10**30, "soon", timedelta.max])
def test_a_wait_that_is_none_is_refused_where_it_is_given_and_the_job_is_tried_again(defer: Any) -> None:
    with pytest.raises(SettingsError, match=r"^Retry: defer is .*: give seconds") as caught:
        Retry(defer)
    assert decide(make_run(picky), caught.value, OutcomePolicy()) == Retried(MIN_RETRY_DELAY_S, caught.value)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    assert not is_retry(caught.value), "the log shows its text"


@pytest.mark.parametrize("error", [Retry(), CANCELLED], ids=["a request for a retry", "a cancellation"])
def test_after_the_last_try_it_has_failed(error: BaseException) -> None:
    outcome = decide(make_run(picky, job_try=3), error, OutcomePolicy())
    assert isinstance(outcome, Failed)
    # It must not be a cancellation: that would cancel the program which waits for the result.
    assert isinstance(outcome.error, JobDeadError) == isinstance(error, Retry)
    assert not isinstance(outcome.error, asyncio.CancelledError)


@pytest.mark.parametrize(
    ("raised", "outcome"),
    [(KEY, Retried(0, VALUE)), (VALUE, Failed(VALUE)), (Retry(3), Retried(3, VALUE))],
    ids=["one of retry_on", "another error", "a request for a retry"],
)
def test_of_an_error_of_another_process_its_class_there_counts(raised: BaseException, outcome: Outcome) -> None:
    run = make_run(picky, raised=RaisedError.of(raised))
    arrived = VALUE  # whatever it was there
    assert decide(run, arrived, OutcomePolicy()) == outcome


@pytest.mark.parametrize(
    ("tries", "crashes", "first", "number"), [(0, 0, None, 1), (2, 0, None, 3), (2, 1, None, 3), (0, 0, 4, 4)]
)
def test_the_number_of_a_try(tries: int, crashes: int, first: int | None, number: int) -> None:
    run = make_run(picky)
    run.lease.tries, run.lease.crashes, run.payload.job_try = tries, crashes, first
    assert OutcomePolicy().next_try(run.lease, run.payload) == number


def test_what_is_given_up_on_is_not_retried_though_it_is_one_of_retry_on() -> None:
    for error, outcome in [(IndexError(), Retried), (KEY, Failed), (NotADirectoryError(), Failed), (VALUE, Failed)]:
        assert isinstance(decide(make_run(resigned), error, OutcomePolicy()), outcome)
    elsewhere = make_run(resigned, raised=RaisedError.of(KEY, (LookupError, KeyError)))
    assert decide(elsewhere, VALUE, OutcomePolicy()) == Failed(VALUE), "its class there counts"


def test_a_function_decides() -> None:
    assert decide(make_run(by_function), VALUE, OutcomePolicy()) == Retried(3.0, VALUE)
    assert decide(make_run(by_function, job_try=2), VALUE, OutcomePolicy()) == Failed(VALUE)


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [(OSError("away"), TypeError, "it cannot decide"), (RuntimeError("bad"), StandInError, "CancelledError")],
)
def test_what_a_function_raises_is_the_jobs_error_with_its_own_as_the_cause(
    error: Exception, kind: type[Exception], text: str
) -> None:
    outcome = decide(make_run(by_function), error, OutcomePolicy())
    assert isinstance(outcome, Failed)
    assert isinstance(outcome.error, kind)
    assert text in str(outcome.error)
    assert outcome.error.__cause__ is error
