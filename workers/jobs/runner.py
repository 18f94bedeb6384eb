"""The runner: checks a claimed job, calls its function in its lane, and hands its acknowledgement to the acker.

A short pipeline: check -> call -> decide -> acknowledge. Nothing that a job does or raises gets out of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from typing import Any

from monarq.shared.clock import wall_ms
from monarq.shared.jobs.middleware import run_functions
from monarq.shared.lane import Lane, LaneQueue
from monarq.shared.payloads.remote_error import inspectable
from monarq.shared.protocol.acks import Requeue
from monarq.shared.protocol.lease import Lease
from monarq.shared.text.traceback_text import user_traceback
from monarq.workers.config.settings import Hook, WorkerSettings
from monarq.workers.events.dispatcher import Dispatcher
from monarq.workers.jobs.acker import Acker
from monarq.workers.jobs.middleware import with_middleware
from monarq.workers.jobs.precheck import CancelledBeforeStart, Precheck, Rejected, Unknown
from monarq.workers.jobs.requeue import crashed, handed_back, retried
from monarq.workers.jobs.results import ResultBuilder, read_name_and_time
from monarq.workers.jobs.server_ackers import ServerAckers
from monarq.workers.jobs.slots import Slots
from monarq.workers.jobs.unknown_jobs import UnknownJobs
from monarq.workers.lanes.child_protocol import Lead as CpuLead
from monarq.workers.lanes.lanes import Lanes
from monarq.workers.leases.table import LeaseTable
from monarq.workers.reporting.progress import ProgressReporter
from monarq.workers.reporting.server_progress import ServerProgressReporters
from monarq.workers.reporting.worker_record import RunCounters
from monarq.workers.runs.current_job import CURRENT_JOB
from monarq.workers.runs.outcome import (
    Cancelled,
    Crashed,
    Failed,
    HandedBack,
    Lost,
    Outcome,
    Retried,
    Succeeded,
    decide,
)
from monarq.workers.runs.registered_job import FirstArgument
from monarq.workers.runs.run import ActiveRun, CancelReason
from monarq.workers.runs.time_limits import TimeLimits
from monarq.workers.runs.worker_scope import WorkerScope


class Runner:
    """Runs the jobs of one worker, each in a task of its own.

    Args:
        settings: the worker's settings.
        precheck: decides which claimed jobs can be run.
        unknown: requeues those that the worker does not know.
        lanes: call the functions.
        slots: the slots of each set's lanes.
        table: the leases that the worker holds.
        acker: sends the acknowledgements.
        results: builds those of jobs that have ended.
        progress_reporter: sends the progress of runs.
        events: hears of all that happens.
        scope: what all runs share: makes their contexts.
        counters: count the outcomes.
        maybe_idle: set when no run is left.

    Attributes:
        running: the runs that have not ended.
        counters: the number of runs by outcome.
    """

    def __init__(
        self,
        *,
        settings: WorkerSettings,
        precheck: Precheck,
        unknown: UnknownJobs,
        lanes: Lanes,
        slots: Mapping[LaneQueue, Slots],
        table: LeaseTable,
        acker: Acker | ServerAckers,
        results: ResultBuilder,
        progress_reporter: ProgressReporter | ServerProgressReporters,
        events: Dispatcher,
        scope: WorkerScope,
        counters: RunCounters,
        maybe_idle: asyncio.Event,
    ) -> None:
        self._settings = settings
        self._hooks = settings.hooks
        self._precheck = precheck
        self._unknown = unknown
        functions = run_functions(settings.app.middleware)
        self._call_function = with_middleware(functions, self._call_lane) if functions else lanes.call
        self._has_middleware = bool(functions)
        self._lanes = lanes
        self._slots = slots
        self._table = table
        self._acker = acker
        self._results = results
        self._progress_reporter = progress_reporter
        self._events = events
        self._scope = scope
        self._maybe_idle = maybe_idle
        self._loop = asyncio.get_running_loop()
        self._time_limits = TimeLimits(self._loop)
        self.running: dict[Lease, ActiveRun] = {}
        self.counters = counters
        self._handed_back: list[Requeue] = []

    def start(self, leases: Sequence[Lease]) -> None:
        """Starts the runs of claimed jobs, or acknowledges at once that they are not run."""
        self._table.add_all(leases)
        for lease in leases:
            checked = self._precheck.check(lease)
            if isinstance(checked, ActiveRun):
                self._start_run(checked)
            else:
                self._end_unstarted(checked)

    def _end_unstarted(self, checked: Rejected | Unknown | CancelledBeforeStart) -> None:
        if isinstance(checked, Rejected):
            self._reject(checked)
        elif isinstance(checked, Unknown):
            self._requeue_unknown(checked)
        else:
            self._cancel_before_start(checked)

    def _start_run(self, run: ActiveRun) -> None:
        slots = self._slots[run.job.lane_queue]
        if not slots.take():
            # A cpu job that was claimed from the io set: it is moved to the set where the next free cpu lane finds it.
            # Or, on a cluster, a job of a claim whose reply came so late that others have taken the slots.
            self._acker.add(Requeue(run.lease, run.job.lane_queue, due_ms=run.lease.due_ms, name=run.job.name))
            return
        self.running[run.lease] = run
        self.counters.started += 1
        run.task = self._loop.create_task(self._run(run, slots))

    def cancel_lost(self, leases: Iterable[Lease]) -> None:
        """Cancels the runs of leases that this worker has lost; nothing of them is written."""
        for lease in leases:
            if not self._table.holds(lease):
                continue
            self._table.remove(lease)
            run = self.running.get(lease)
            if run is not None:
                run.cancel(CancelReason.LOST)

    def hand_back(self, run: ActiveRun) -> None:
        """Hands back a job whose run does not end although it was cancelled; the process must exit soon after."""
        run.cancel_reason = CancelReason.LOST
        self._acknowledge(run, self._settings.outcomes.handed_back())

    def acknowledge_handed_back(self) -> None:
        """Requeues the jobs that are handed back; call it when no process works for them any more."""
        for ack in self._handed_back:
            self._acker.add(ack)
        self._handed_back.clear()

    async def _run(self, run: ActiveRun, slots: Slots) -> None:
        CURRENT_JOB.set(run)
        try:
            outcome = await self._call(run)
            if run.progress is not None:
                await self._progress_reporter.close(run.progress)
            if self._hooks.job_end:
                await self._run_hook("on_job_end", self._hooks.job_end, run)
            self._acknowledge(run, outcome)
            if self._hooks.after_job_end:
                await self._run_hook("after_job_end", self._hooks.after_job_end, run)
        except BaseException:
            # The job's own code prevents an outcome: its lease is left to expire, which counts as a crash.
            self._table.remove(run.lease)
            raise
        finally:
            self.running.pop(run.lease, None)
            # The task's context holds the run: the cycle would be left to the garbage collector.
            run.task = None
            slots.give()
            if not self.running:
                self._maybe_idle.set()

    async def _call(self, run: ActiveRun) -> Outcome:
        run.start_ms = wall_ms()
        if run.cancel_reason is not None:
            return self._decide_unstarted(run)
        job = run.job
        limit_s = job.timeout_s if self._has_middleware else job.limit_s
        if limit_s is not None:
            self._time_limits.start(run, limit_s)
        try:
            if self._hooks.job_start:
                await self._hooks.job_start(self._ctx_dict(run))
                run.start_ms = wall_ms()
            self._events.job_started(run)
            first = () if job.is_called_alone else (self._first_argument(run),)
            value = await self._call_function(run, first)
        except BaseException as error:  # noqa: BLE001 - a job may raise anything, SystemExit too; none of it may get out
            return self._decide(run, error)
        finally:
            if limit_s is not None:
                self._time_limits.stop(run, limit_s)
        run.finish_ms = wall_ms()
        return Succeeded(value) if run.cancel_reason is None else self._decide_returned(run, value)

    def _call_lane(self, run: ActiveRun, lead: tuple[object, ...]) -> Awaitable[object]:
        """Calls the function behind middleware."""
        job = run.job
        if job.limit_s is not None or job.timeout_s is None:
            return self._lanes.call(run, lead)
        return self._call_cpu_lane(run, lead, job.timeout_s)

    async def _call_cpu_lane(self, run: ActiveRun, lead: tuple[object, ...], timeout_s: float) -> object:
        # The cpu lane counts its own time, in which the start of a process is not included.
        self._time_limits.stop(run, timeout_s)
        try:
            return await self._lanes.call(run, lead)
        finally:
            self._time_limits.start(run, timeout_s)

    def _decide_returned(self, run: ActiveRun, value: object) -> Outcome:
        """The outcome of a run that was cancelled and has returned all the same."""
        if run.cancel_reason is CancelReason.LOST:
            return Lost()
        return Succeeded(value) if run.outlived else self._decide(run, asyncio.CancelledError())

    def _decide(self, run: ActiveRun, error: BaseException) -> Outcome:
        run.finish_ms = wall_ms()
        error = inspectable(error)
        # For all that read it: log, spans, the user's listeners.
        BaseException.with_traceback(error, user_traceback(error))
        if error is not run.arrived:
            run.forget_raised()  # middleware has raised another exception than the job
        run.arrived = None  # its traceback may hold the run
        return decide(run, error, self._settings.outcomes)

    def _decide_unstarted(self, run: ActiveRun) -> Outcome:
        """The outcome of a run that was cancelled before its function was called, which counts as no try."""
        outcome = self._decide(run, asyncio.CancelledError())
        return HandedBack() if run.cancel_reason is CancelReason.HAND_BACK else outcome

    def _first_argument(self, run: ActiveRun) -> object:
        """The argument that the function gets before the job's own."""
        if run.job.first_argument is FirstArgument.CTX_DICT:
            return self._ctx_dict(run)
        if run.job.lane is Lane.CPU:
            return CpuLead.CONTEXT
        return self._scope.context_of(run)

    def _ctx_dict(self, run: ActiveRun) -> dict[Any, Any]:
        """The ctx dict of the job, the same for hooks and function; the user's keys win over ours."""
        if run.ctx is None:
            run.ctx = {
                "progress": self._scope.progress_of(run).progress,
                **self._scope.resources,
                **self._hooks.describe(run),
            }
        return run.ctx

    async def _run_hook(self, name: str, hook: Hook, run: ActiveRun) -> None:
        """Runs a hook; one that raises, or is cancelled, does not prevent the job's end from being recorded."""
        try:
            await hook(self._ctx_dict(run))
        except BaseException as error:  # noqa: BLE001
            self._events.hook_failed(name, error)

    def _acknowledge(self, run: ActiveRun, outcome: Outcome) -> None:
        if isinstance(outcome, Succeeded):
            self._complete(run, outcome.value)
            return
        match outcome:
            case Failed(error):
                self.counters.failed += 1
                self._acker.add(self._results.of_error(run, error))
                self._events.job_failed(run, error)
            case Retried(delay_s, error, is_free):
                self.counters.retried += 1
                self._acker.add(retried(run, error, delay_s, self._results.worker_id, is_free=is_free))
                self._events.job_retried(run, error, delay_s)
            case Cancelled(error):
                self.counters.cancelled += 1
                self._acker.add(self._results.of_error(run, error, dead=False))
                self._events.job_cancelled(run)
            case Crashed(error):
                self.counters.crashed += 1
                self._acker.add(crashed(run, error))
                self._events.job_crashed(run, error)
            case HandedBack(is_free):
                self.counters.handed_back += 1
                self._handed_back.append(handed_back(run, self._results.worker_id, is_free))
                self._events.job_handed_back(run)
            case Lost():
                self.counters.lost += 1
                self._events.job_lost(run)

    def _complete(self, run: ActiveRun, value: object) -> None:
        finished, problem = self._results.of_value(run, value)
        self._acker.add(finished)
        if problem is None:
            self.counters.succeeded += 1
            self._events.job_succeeded(run, value)
        else:
            self.counters.failed += 1
            self._events.result_not_serialized(run, problem)

    def _reject(self, rejected: Rejected) -> None:
        self.counters.failed += 1
        lease, payload, error = rejected.lease, rejected.payload, rejected.error
        self._acker.add(self._results.of_rejection(lease, payload, error, wall_ms(), dead=True))
        name, enqueue_ms = read_name_and_time(lease, payload)
        self._events.job_rejected(lease, name, error, enqueue_ms, payload)

    def _requeue_unknown(self, unknown: Unknown) -> None:
        lease, name = unknown.lease, unknown.name
        self._acker.add(self._unknown.requeue(lease, name))
        if self._unknown.should_log(name):
            self._events.job_unknown(lease, name)

    def _cancel_before_start(self, cancelled: CancelledBeforeStart) -> None:
        self.counters.cancelled += 1
        lease, payload = cancelled.lease, cancelled.payload
        error = asyncio.CancelledError()
        self._acker.add(self._results.of_rejection(lease, payload, error, wall_ms(), dead=False))
        self._events.cancelled_before_start(lease, payload.name, payload.enqueue_ms, payload)
