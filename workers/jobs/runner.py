"""The runner: checks a claimed job, calls its function in its lane, and hands its acknowledgement to the acker.

A short pipeline: check -> call -> decide -> acknowledge. Nothing that a job does or raises gets out of it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from typing import Any

from monarq.shared.lane import Lane, LaneQueue
from monarq.shared.payloads.codec import MSGPACK
from monarq.shared.protocol.acks import Requeue
from monarq.shared.protocol.lease import Lease
from monarq.shared.text.traceback_text import user_traceback
from monarq.workers.config.settings import Hook, WorkerSettings
from monarq.workers.events.dispatcher import Dispatcher
from monarq.workers.jobs.acker import Acker
from monarq.workers.jobs.precheck import AbortedBeforeStart, Precheck, Rejected, Unknown
from monarq.workers.jobs.requeue import crashed, handed_back, retried
from monarq.workers.jobs.results import ResultBuilder, read_name_and_time
from monarq.workers.jobs.slots import Slots
from monarq.workers.jobs.unknown_jobs import UnknownJobs
from monarq.workers.lanes.cpu_progress import FOR_CHILD
from monarq.workers.lanes.lanes import Lanes
from monarq.workers.leases.table import LeaseTable
from monarq.workers.reporting.progress import ProgressReporter
from monarq.workers.reporting.worker_record import RunCounters
from monarq.workers.runs.current_job import CURRENT_JOB
from monarq.workers.runs.outcome import Aborted, Completed, Crashed, Failed, HandedBack, Lost, Outcome, Retried, decide
from monarq.workers.runs.registered_job import FirstArgument
from monarq.workers.runs.run import CancelReason, Run


def wall_ms() -> int:
    """The time by this machine's clock in unix ms: for people to read, and never to decide by."""
    return time.time_ns() // 1_000_000


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
        state: the dict for contexts, hooks and arq's jobs.
        counters: count the outcomes.
        maybe_idle: set at each end of a run.

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
        acker: Acker,
        results: ResultBuilder,
        progress_reporter: ProgressReporter,
        events: Dispatcher,
        state: dict[Any, Any],
        counters: RunCounters,
        maybe_idle: asyncio.Event,
    ) -> None:
        self._settings = settings
        self._hooks = settings.hooks
        self._precheck = precheck
        self._unknown = unknown
        self._lanes = lanes
        self._slots = slots
        self._table = table
        self._acker = acker
        self._results = results
        self._progress_reporter = progress_reporter
        self._events = events
        self._state = state
        self._maybe_idle = maybe_idle
        self._loop = asyncio.get_running_loop()
        self.running: dict[Lease, Run] = {}
        self.counters = counters
        self._handed_back: list[Requeue] = []

    def start(self, lease: Lease) -> None:
        """Starts the run of a claimed job, or acknowledges at once that it is not run."""
        self._table.add(lease)
        checked = self._precheck.check(lease)
        if isinstance(checked, Run):
            self._start_run(checked)
        elif isinstance(checked, Rejected):
            self._reject(checked)
        elif isinstance(checked, Unknown):
            self._requeue_unknown(checked)
        else:
            self._abort_before_start(checked)

    def _start_run(self, run: Run) -> None:
        slots = self._slots[run.job.lane_queue]
        if slots.free <= 0:
            # A cpu job that was claimed from the io set: it is moved to the set where the next free cpu lane finds it.
            self._acker.add(Requeue(run.lease, run.job.lane_queue, due_ms=run.lease.due_ms, name=run.job.name))
            return
        slots.take()
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

    def hand_back(self, run: Run) -> None:
        """Hands back a job whose run does not end although it was cancelled; the process must exit soon after."""
        run.cancel_reason = CancelReason.LOST
        self._acknowledge(run, self._settings.outcomes.handed_back())

    def acknowledge_handed_back(self) -> None:
        """Requeues the jobs that are handed back; call it when no process works for them any more."""
        for ack in self._handed_back:
            self._acker.add(ack)
        self._handed_back.clear()

    async def _run(self, run: Run, slots: Slots) -> None:
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
            self._maybe_idle.set()

    async def _call(self, run: Run) -> Outcome:
        run.start_ms = wall_ms()
        if run.cancel_reason is not None:
            return self._decide_unstarted(run)
        timer = self._start_timer(run)
        try:
            if self._hooks.job_start:
                await self._hooks.job_start(self._ctx_dict(run))
                run.start_ms = wall_ms()
            self._events.job_started(run)
            self._convert_arguments(run)
            value = await self._lanes.call(run, self._first_arguments(run))
        except BaseException as error:  # noqa: BLE001 - a job may raise anything, SystemExit too; none of it may get out
            return self._decide(run, error)
        finally:
            if timer is not None:
                timer.cancel()
        run.finish_ms = wall_ms()
        # It may have ignored its cancellation.
        return Lost() if run.cancel_reason is CancelReason.LOST else Completed(value)

    def _convert_arguments(self, run: Run) -> None:
        payload, converter = run.payload, run.job.converter
        if converter is not None and payload.codec is MSGPACK:
            payload.args, payload.kwargs = converter.convert(payload.args, payload.kwargs)

    def _decide(self, run: Run, error: BaseException) -> Outcome:
        run.finish_ms = wall_ms()
        # For all that read it: log, spans, the user's listeners.
        BaseException.with_traceback(error, user_traceback(error))
        return decide(run, error, self._settings.outcomes)

    def _decide_unstarted(self, run: Run) -> Outcome:
        """The outcome of a run that was cancelled before its function was called, which counts as no try."""
        outcome = self._decide(run, asyncio.CancelledError())
        return HandedBack() if run.cancel_reason is CancelReason.HAND_BACK else outcome

    def _start_timer(self, run: Run) -> asyncio.TimerHandle | None:
        """None for the cpu lane, which has a timer of its own: it kills the process, which cannot be cancelled."""
        if run.job.timeout_s is None or run.job.lane is Lane.CPU:
            return None
        return self._loop.call_later(run.job.timeout_s, run.cancel, CancelReason.TIMEOUT)

    def _first_arguments(self, run: Run) -> tuple[object, ...]:
        """The arguments that the function gets before the job's own."""
        first = run.job.first_argument
        if first is FirstArgument.NOTHING:
            return ()
        if first is FirstArgument.CONTEXT:
            run.progress = self._progress_reporter.open(run.lease)
            if run.job.lane is Lane.CPU:
                return (run.context({}, FOR_CHILD),)
            return (run.context(self._state, run.progress),)
        return (self._ctx_dict(run),)

    def _ctx_dict(self, run: Run) -> dict[Any, Any]:
        """The ctx dict of the job, the same for hooks and function; the user's keys win over ours."""
        if run.ctx is None:
            run.progress = self._progress_reporter.open(run.lease)
            run.progress.closed = run.finish_ms > 0  # a hook may be the first to need it, after a run that never began
            run.ctx = {
                "progress": run.progress.progress,
                **self._state,
                **self._hooks.describe(run),
            }
        return run.ctx

    async def _run_hook(self, name: str, hook: Hook, run: Run) -> None:
        """Runs a hook; one that raises, or is cancelled, does not prevent the job's end from being recorded."""
        try:
            await hook(self._ctx_dict(run))
        except BaseException as error:  # noqa: BLE001
            self._events.hook_failed(name, error)

    def _acknowledge(self, run: Run, outcome: Outcome) -> None:
        match outcome:
            case Completed(value):
                self._complete(run, value)
            case Failed(error):
                self.counters.failed += 1
                self._acker.add(self._results.of_error(run, error))
                self._events.job_failed(run, error)
            case Retried(delay_s, error, is_free):
                self.counters.retried += 1
                self._acker.add(retried(run, error, delay_s, is_free))
                self._events.job_retried(run, error, delay_s)
            case Aborted(error):
                self.counters.failed += 1
                self._acker.add(self._results.of_error(run, error, dead=False))
                self._events.job_aborted(run)
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

    def _complete(self, run: Run, value: object) -> None:
        finished, problem = self._results.of_value(run, value)
        self._acker.add(finished)
        if problem is None:
            self.counters.complete += 1
            self._events.job_completed(run, value)
        else:
            self.counters.failed += 1
            self._events.result_not_serialized(run, problem)

    def _reject(self, rejected: Rejected) -> None:
        self.counters.failed += 1
        lease, payload, error = rejected.lease, rejected.payload, rejected.error
        self._acker.add(self._results.of_rejection(lease, payload, error, wall_ms(), dead=True))
        name, enqueue_ms = read_name_and_time(lease, payload)
        self._events.job_refused(lease, name, error, enqueue_ms)

    def _requeue_unknown(self, unknown: Unknown) -> None:
        lease, name = unknown.lease, unknown.name
        self._acker.add(self._unknown.requeue(lease, name))
        if self._unknown.should_log(name):
            self._events.job_unknown(lease, name)

    def _abort_before_start(self, aborted: AbortedBeforeStart) -> None:
        self.counters.failed += 1
        lease, payload = aborted.lease, aborted.payload
        error = asyncio.CancelledError()
        self._acker.add(self._results.of_rejection(lease, payload, error, wall_ms(), dead=False))
        self._events.aborted_before_start(lease, payload.name, payload.enqueue_ms)
