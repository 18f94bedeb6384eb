"""What becomes of a run: decided once, here, as a value; the acker carries it out.

No I/O, so that every rule can be tested as a table.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Final

from arq.worker import RetryJob

from monarq.shared.errors import JobDeadError, StandInError
from monarq.shared.jobs.retry import Retry
from monarq.shared.lane import Lane
from monarq.shared.parsing import LONGEST_S
from monarq.shared.payloads.remote_error import as_stand_in
from monarq.workers.runs.cpu_errors import CpuJobDied, CpuPickleError, CpuStartError
from monarq.workers.runs.raised import asked_ms
from monarq.workers.runs.run import Halt, Run

RETRY_FLOOR_S: Final = 0.1
"""The shortest wait before another try that monarq's own rules give: a job that always asks at once must not spin."""

LONGEST_MS: Final = round(LONGEST_S * 1000)

NO_CHILD_S: Final = 2.0
"""When a cpu job is tried again that met no child process to run in: another worker may have one."""


@dataclass(frozen=True, slots=True)
class Completed:
    """It returned."""

    value: Any


@dataclass(frozen=True, slots=True)
class Failed:
    """It raised, and is not tried again."""

    error: BaseException


@dataclass(frozen=True, slots=True)
class Again:
    """It is tried again after a while. `error` is what it raised, or what kept it from being called.

    Attributes:
        delay_s: the while.
        error: the error.
        is_free: whether that costs the job no try, as its function was not called.
    """

    delay_s: float
    error: BaseException
    is_free: bool = False


@dataclass(frozen=True, slots=True)
class Aborted:
    """Somebody wanted it stopped."""

    error: asyncio.CancelledError


@dataclass(frozen=True, slots=True)
class Crashed:
    """The process that it ran in died, and nobody here wanted that: it runs again, at the cost of a crash."""

    error: CpuJobDied


@dataclass(frozen=True, slots=True)
class HandedBack:
    """The worker stops: somebody else runs it.

    Attributes:
        is_free: whether this run costs it no try, as by monarq's own rules; arq counts what its worker has begun.
    """

    is_free: bool = True


@dataclass(frozen=True, slots=True)
class Lost:
    """It is not this worker's any more: nothing of it may be written."""


Outcome = Completed | Failed | Again | Aborted | Crashed | HandedBack | Lost


def decide(run: Run, error: BaseException, *, arq_style: bool, retry_jobs: bool) -> Outcome:
    """The verdict on a run that raised.

    Args:
        run: the run.
        error: what it raised.
        arq_style: keep to arq's rules for `Retry`: it always leads to another claim, which then finds the tries
            used up. There a run that a stop cancels is a try.
        retry_jobs: whether `Retry` and a cancelled run lead to another try at all.
    """
    if run.halt is Halt.LOST:
        return Lost()
    if run.halt is Halt.HAND_BACK:
        return _decide_stopped(error, arq_style, retry_jobs)
    if isinstance(error, asyncio.CancelledError):
        return _decide_cancelled(run, error, arq_style, retry_jobs)
    if _is_a(run, error, (asyncio.CancelledError,)):
        return _cancelled_itself(run, error, arq_style, retry_jobs)
    if retry_jobs and _is_a(run, error, (Retry, RetryJob)):
        return _again(run, error, _asked_s(run, error), arq_style)
    if isinstance(error, CpuStartError):
        return Again(NO_CHILD_S, error, is_free=True)
    if isinstance(error, CpuJobDied) and error.is_crash:
        return Crashed(error)
    if isinstance(error, CpuPickleError):
        return Failed(error)  # as what a result format cannot hold, which no other try makes better
    return _by_policy(run, error)


def _is_a(run: Run, error: BaseException, kinds: tuple[type[BaseException], ...]) -> bool:
    """Whether the job raised one of these, in whichever process that was and whatever arrived of it."""
    if run.raised is None or run.raised.arrived_as(error):
        return isinstance(error, kinds)
    return run.raised.is_a(kinds)


def _asked_s(run: Run, error: BaseException) -> float:
    """Within what a wait may be: a number beyond that is no time that Redis keeps, and may be no float either."""
    given_ms = asked_ms(error) if run.raised is None else run.raised.defer_ms
    return min(max(given_ms or 0, 0), LONGEST_MS) / 1000


def _by_policy(run: Run, error: BaseException) -> Outcome:
    policy = run.job.policy
    if policy.has_another(run.job_try) and _is_a(run, error, policy.retry_on):
        return Again(policy.delay_s(run.job_try), error)
    return Failed(error)


def _decide_stopped(error: BaseException, arq_style: bool, retry_jobs: bool) -> Outcome:
    if arq_style and not retry_jobs:
        return Failed(error)
    # What the job, or a library, made of being cancelled is no verdict on it.
    return HandedBack(is_free=not arq_style)


def _decide_cancelled(run: Run, error: asyncio.CancelledError, arq_style: bool, retry_jobs: bool) -> Outcome:
    if run.halt is Halt.ABORT:
        return Aborted(error)
    if run.halt is Halt.TIMEOUT:
        return _timed_out(run)
    return _cancelled_itself(run, error, arq_style, retry_jobs)


def _cancelled_itself(run: Run, error: BaseException, arq_style: bool, retry_jobs: bool) -> Outcome:
    # In arq's style it is the next claim that finds the tries used up: whoever waits must
    # not take the job for an aborted one.
    if retry_jobs and (arq_style or run.job_try < run.job.policy.max_tries):
        return Again(RETRY_FLOOR_S, error)
    # Raised as it is, it would cancel whoever waits for the job; arq's clients are used to it.
    return Failed(error if arq_style or isinstance(error, StandInError) else as_stand_in(error))


def _timed_out(run: Run) -> Outcome:
    end = "is abandoned in its thread, where nothing can stop it" if run.job.lane is Lane.THREAD else "was cancelled"
    return _by_policy(run, TimeoutError(f"{run.job.name} passed its timeout of {run.job.timeout_s:g} s and {end}"))


def _again(run: Run, error: BaseException, asked_s: float, arq_style: bool) -> Outcome:
    if arq_style:
        return Again(asked_s, error)
    if run.job_try < run.job.policy.max_tries:
        return Again(max(asked_s, RETRY_FLOOR_S), error)
    dead = JobDeadError(f"{run.job.name} asked for another try after its last one, number {run.job_try}")
    dead.__cause__ = error
    return Failed(dead)
