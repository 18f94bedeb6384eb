"""The outcome of a run: whether it succeeded, failed, is retried, cancelled, crashed, handed back or lost.

It is decided once, here, as a value without I/O, so that every rule can be tested as a table.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from monarq.shared.errors import JobDeadError, StandInError
from monarq.shared.jobs.retry_exception import RETRY_REQUESTS, is_retry, is_retry_request
from monarq.shared.lane import Lane
from monarq.shared.parsing import MAX_DURATION_S
from monarq.shared.payloads.payload import Payload
from monarq.shared.payloads.remote_error import as_stand_in
from monarq.shared.protocol.lease import Lease
from monarq.shared.text.error_text import error_text
from monarq.shared.text.traceback_text import RemoteTraceback, user_traceback
from monarq.workers.runs.cpu_errors import CpuJobDied, CpuPickleError, CpuStartError
from monarq.workers.runs.raised_error import retry_delay_ms
from monarq.workers.runs.run import ActiveRun, CancelReason

MIN_RETRY_DELAY_S: Final = 0.1
"""The shortest delay before a retry by monarq's own rules: a job that always asks for a retry at once must not spin."""

MAX_DELAY_MS: Final = round(MAX_DURATION_S * 1000)

NO_CHILD_DELAY_S: Final = 2.0
"""The delay before a retry of a cpu job whose child process could not start: another worker may have one."""

_TIMED_OUT: Final = {
    Lane.IO: "was cancelled",
    Lane.THREAD: "is abandoned in its thread, where nothing can stop it",
    Lane.CPU: "was killed",
}


class Succeeded(msgspec.Struct, frozen=True):
    """It returned. Most runs do, and creating a frozen dataclass would take three times as long."""

    value: Any


@dataclass(frozen=True, slots=True)
class Failed:
    """It raised and is not retried."""

    error: BaseException


@dataclass(frozen=True, slots=True)
class Retried:
    """It is retried.

    Attributes:
        delay_s: seconds until the next try.
        error: what it raised, or what prevented its call.
        is_free: whether this run does not count as a try, because its function was not called.
    """

    delay_s: float
    error: BaseException
    is_free: bool = False


@dataclass(frozen=True, slots=True)
class Cancelled:
    """It was cancelled on request."""

    error: asyncio.CancelledError


@dataclass(frozen=True, slots=True)
class Crashed:
    """The process that it ran in died unexpectedly: it runs again, and a crash is counted."""

    error: CpuJobDied


@dataclass(frozen=True, slots=True)
class HandedBack:
    """The worker stops, and another one runs the job.

    Attributes:
        is_free: whether this run does not count as a try.
    """

    is_free: bool = True


@dataclass(frozen=True, slots=True)
class Lost:
    """Its lease is lost: its outcome must not be written."""


Outcome = Succeeded | Failed | Retried | Cancelled | Crashed | HandedBack | Lost


class OutcomePolicy:
    """Decides the outcome of a run that raised, was cancelled, or asks for a retry: monarq's own rules.

    Another set of rules, such as arq's, is a subclass, and part of a worker's settings.
    """

    def is_retry(self, run: ActiveRun, error: BaseException) -> bool:
        """Whether the run asks for a retry."""
        if run.raised is None or run.raised.arrived_as(error):
            return is_retry_request(error)
        return not RETRY_REQUESTS.isdisjoint(run.raised.classes)

    def retry(self, run: ActiveRun, error: BaseException, delay_s: float) -> Outcome:
        """The outcome of a run that asks for a retry after `delay_s` seconds."""
        if run.job_try < run.job.policy.limit:
            return Retried(max(delay_s, MIN_RETRY_DELAY_S), error)
        dead = JobDeadError(
            f"{run.job.name} asked for a retry, but try {run.job_try} was its last{_reason_of_retry(error)}"
        )
        dead.__cause__ = error
        return Failed(dead)

    def wait_s(self, run: ActiveRun, error: BaseException) -> float | None:
        """Seconds until the next try of a run that raised an exception for which its job is retried; None for no retry.

        Raises:
            BaseException: raised by a user's function.
        """
        return run.job.policy.wait_s(run.job_try, error)

    def cancelled_itself(self, run: ActiveRun, error: BaseException) -> Outcome:
        """The outcome of a run that raised CancelledError although nobody had cancelled it."""
        if run.job_try < run.job.policy.limit:
            return Retried(MIN_RETRY_DELAY_S, error)
        # Raised unchanged, it would cancel the program that waits for the result.
        return Failed(error if isinstance(error, StandInError) else as_stand_in(error))

    def stopped(self, error: BaseException) -> Outcome:
        """The outcome of a run that was cancelled because the worker stops, whatever it raised."""
        return self.handed_back()

    def handed_back(self) -> HandedBack:
        """The outcome of a run that was cancelled while running and goes back to its queue."""
        return HandedBack()

    def crash_tries(self, lease: Lease) -> int:
        """How many of a job's tries were crashes, which Redis counts separately; called if it has crashed."""
        return 0

    def next_try(self, lease: Lease, payload: Payload | None) -> int:
        """The number of a claimed job's current try, from 1."""
        number = lease.tries + 1
        if payload is not None and payload.job_try:
            number = max(number, payload.job_try)
        return number + self.crash_tries(lease) if lease.crashes else number


def decide(run: ActiveRun, error: BaseException, policy: OutcomePolicy) -> Outcome:
    """Decides the outcome of a run that raised `error`."""
    if run.cancel_reason is CancelReason.LOST:
        return Lost()
    if run.cancel_reason is CancelReason.HAND_BACK:
        return policy.stopped(error)
    if isinstance(error, asyncio.CancelledError):
        return _decide_cancelled(run, error, policy)
    if _is_a(run, error, (asyncio.CancelledError,)):
        return policy.cancelled_itself(run, error)
    if policy.is_retry(run, error):
        return policy.retry(run, error, _requested_delay_s(run, error))
    if isinstance(error, CpuStartError):
        return Retried(NO_CHILD_DELAY_S, error, is_free=True)
    if isinstance(error, CpuJobDied) and error.is_crash:
        return Crashed(error)
    if isinstance(error, CpuPickleError):
        return Failed(error)  # like a result that cannot be serialized: a retry would not help
    return _by_policy(run, error, policy)


def _is_a(run: ActiveRun, error: BaseException, kinds: tuple[type[BaseException], ...]) -> bool:
    """Whether the job raised one of these, in this process or another, whatever class it arrived as."""
    if run.raised is None or run.raised.arrived_as(error):
        return isinstance(error, kinds)
    return run.raised.is_a(kinds)


def _requested_delay_s(run: ActiveRun, error: BaseException) -> float:
    """The requested delay, limited to times that Redis can store, since a larger number may not even be a float."""
    given_ms = retry_delay_ms(error) if run.raised is None else run.raised.defer_ms
    return min(max(given_ms or 0, 0), MAX_DELAY_MS) / 1000


def _by_policy(run: ActiveRun, error: BaseException, outcomes: OutcomePolicy) -> Outcome:
    policy = run.job.policy
    if policy.retry is None or not _is_a(run, error, policy.retry_on) or _is_a(run, error, policy.give_up_on):
        return Failed(error)
    try:
        wait_s = outcomes.wait_s(run, error)
    except BaseException as broken:  # noqa: BLE001 - a user's function may raise anything
        return Failed(_of_retry_function(broken, error))
    return Failed(error) if wait_s is None else Retried(wait_s, error)


def _of_retry_function(broken: BaseException, error: BaseException) -> BaseException:
    """The exception of the function given as ``retry=``, as the job's error, with the job's own error as its cause."""
    shown = broken if isinstance(broken, Exception) else as_stand_in(broken)
    BaseException.with_traceback(shown, user_traceback(broken))
    BaseException.__setattr__(shown, "__cause__", error)
    return shown


def _decide_cancelled(run: ActiveRun, error: asyncio.CancelledError, policy: OutcomePolicy) -> Outcome:
    if run.cancel_reason is CancelReason.ASKED:
        return Cancelled(error)
    if run.cancel_reason is CancelReason.TIMEOUT:
        return _timed_out(run, policy)
    return policy.cancelled_itself(run, error)


def _timed_out(run: ActiveRun, policy: OutcomePolicy) -> Outcome:
    error = TimeoutError(
        f"{run.job.name} exceeded its timeout of {run.job.timeout_s:g} s and {_TIMED_OUT[run.job.lane]}"
    )
    return _by_policy(run, error, policy)


def _reason_of_retry(error: BaseException) -> str:
    """Why a run asked for a retry, as far as it said: `Retry` has no text, but may be raised from another error."""
    reason = error.__cause__ if is_retry(error) else error
    return "" if reason is None or isinstance(reason, RemoteTraceback) else f": {error_text(reason)}"
