"""Who runs one job: admits it, calls its function in its lane, and hands over what it came to.

A short pipeline: admit -> call -> decide -> settle. Nothing that a job does or raises leaves it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Any

from monarq.shared.commands.jobs.claim import Lease
from monarq.shared.commands.jobs.requeue import Requeue
from monarq.shared.lane import Lane
from monarq.shared.payloads.codec import MSGPACK
from monarq.shared.text.traceback_text import user_traceback
from monarq.workers.config.settings import Hook, WorkerSettings
from monarq.workers.events.dispatcher import Dispatcher
from monarq.workers.jobs.acker import Acker
from monarq.workers.jobs.peek import name_and_time
from monarq.workers.jobs.precheck import AbortedBeforeStart, Precheck, Rejected, Unknown
from monarq.workers.jobs.requeue import crashed, handed_back, tried_again
from monarq.workers.jobs.results import Results
from monarq.workers.jobs.slots import Slots
from monarq.workers.jobs.unknown_jobs import UnknownJobs
from monarq.workers.lanes.cpu_progress import FOR_CHILD
from monarq.workers.lanes.lanes import Lanes
from monarq.workers.leases.keeper import LeaseTable
from monarq.workers.reporting.progress import ProgressReporter
from monarq.workers.reporting.record import RunCounters
from monarq.workers.runs.current_job import JOB
from monarq.workers.runs.outcome import Aborted, Completed, Crashed, Failed, HandedBack, Lost, Outcome, Retried, decide
from monarq.workers.runs.registered import FirstArgument
from monarq.workers.runs.run import CancelReason, Run


def wall_ms() -> int:
    """This machine's clock, for what people read; nothing is decided by it."""
    return time.time_ns() // 1_000_000


class Runner:
    """Runs the jobs of one worker, each in a task of its own.

    Attributes:
        running: the runs that have not ended.
        counters: what the runs came to.
    """

    def __init__(
        self,
        *,
        settings: WorkerSettings,
        precheck: Precheck,
        unknown: UnknownJobs,
        lanes: Lanes,
        io_slots: Slots,
        cpu_slots: Slots,
        table: LeaseTable,
        acker: Acker,
        results: Results,
        progress_reporter: ProgressReporter,
        events: Dispatcher,
        state: dict[Any, Any],
        counters: RunCounters,
        on_ended: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._hooks = settings.hooks
        self._precheck = precheck
        self._unknown = unknown
        self._lanes = lanes
        self._slots = {"io": io_slots, "cpu": cpu_slots}
        self._table = table
        self._acker = acker
        self._results = results
        self._progress_reporter = progress_reporter
        self._events = events
        self._state = state
        self._on_ended = on_ended
        self._loop = asyncio.get_running_loop()
        self.running: dict[Lease, Run] = {}
        self.counters = counters
        self._returns: list[Requeue] = []

    def start(self, lease: Lease) -> None:
        """Takes on a claimed job: starts its run, or says at once what becomes of it."""
        self._table.add(lease)
        admitted = self._precheck.admit(lease)
        if isinstance(admitted, Run):
            self._start_run(admitted)
        elif isinstance(admitted, Rejected):
            self._refuse(admitted)
        elif isinstance(admitted, Unknown):
            self._put_back(admitted)
        else:
            self._abort_before(admitted)

    def _start_run(self, run: Run) -> None:
        slots = self._slots[run.job.lane_queue]
        if slots.free <= 0:
            # A cpu job that was found in the queue: it waits where the next free cpu lane finds it.
            self._acker.add(Requeue(run.lease, run.job.lane_queue, due_ms=run.lease.score, name=run.job.name))
            return
        slots.take()
        self.running[run.lease] = run
        self.counters.started += 1
        run.task = self._loop.create_task(self._run(run, slots))

    def lose(self, leases: Iterable[Lease]) -> None:
        """These leases are somebody else's: their runs are cancelled, and nothing of them is written."""
        for lease in leases:
            if not self._table.holds(lease):
                continue
            self._table.drop(lease)
            run = self.running.get(lease)
            if run is not None:
                run.stop(CancelReason.LOST)

    def hand_back(self, run: Run) -> None:
        """Gives back a job whose run does not end although it was cancelled; the process must end soon after."""
        run.cancel_reason = CancelReason.LOST
        self._settle(run, self._settings.outcomes.handed_back())

    def release_returns(self) -> None:
        """Gives the jobs back whose runs were stopped for it, once nothing is at work for them any more."""
        for back in self._returns:
            self._acker.add(back)
        self._returns.clear()

    async def _run(self, run: Run, slots: Slots) -> None:
        JOB.set(run)
        try:
            outcome = await self._outcome(run)
            if run.progress is not None:
                await self._progress_reporter.close(run.progress)
            if self._hooks.job_end:
                await self._run_hook("on_job_end", self._hooks.job_end, run)
            self._settle(run, outcome)
            if self._hooks.after_job_end:
                await self._run_hook("after_job_end", self._hooks.after_job_end, run)
        except BaseException:
            # Code of the job's own stands in the way of a verdict: its lease is left to end, which counts as a crash.
            self._table.drop(run.lease)
            raise
        finally:
            self.running.pop(run.lease, None)
            # The task's context holds the run: together they would be a ring, left to the garbage collector.
            run.task = None
            slots.give()
            self._on_ended()

    async def _outcome(self, run: Run) -> Outcome:
        run.start_ms = wall_ms()
        if run.cancel_reason is not None:
            return self._unstarted(run)
        timer = self._start_timer(run)
        try:
            if self._hooks.job_start:
                await self._hooks.job_start(self._ctx_dict(run))
                run.start_ms = wall_ms()
            self._events.job_started(run)
            self._convert_arguments(run)
            value = await self._lanes.call(run, self._lead(run))
        except BaseException as error:  # noqa: BLE001 - a job may raise anything, SystemExit too; none of it may get out
            return self._verdict(run, error)
        finally:
            if timer is not None:
                timer.cancel()
        run.finish_ms = wall_ms()
        # It may have ignored its cancelling.
        return Lost() if run.cancel_reason is CancelReason.LOST else Completed(value)

    def _convert_arguments(self, run: Run) -> None:
        payload, converter = run.payload, run.job.converter
        if converter is not None and payload.codec is MSGPACK:
            payload.args, payload.kwargs = converter.convert(payload.args, payload.kwargs)

    def _verdict(self, run: Run, error: BaseException) -> Outcome:
        run.finish_ms = wall_ms()
        # For whoever looks at it: log, spans, the user's listeners.
        BaseException.with_traceback(error, user_traceback(error))
        return decide(run, error, self._settings.outcomes)

    def _unstarted(self, run: Run) -> Outcome:
        """The verdict on a run that was stopped before its function was called, which is no try in any count."""
        verdict = self._verdict(run, asyncio.CancelledError())
        return HandedBack() if run.cancel_reason is CancelReason.HAND_BACK else verdict

    def _start_timer(self, run: Run) -> asyncio.TimerHandle | None:
        """The cpu lane minds the clock itself: it kills the process, which takes no cancelling."""
        if run.job.timeout_s is None or run.job.lane is Lane.CPU:
            return None
        return self._loop.call_later(run.job.timeout_s, run.stop, CancelReason.TIMEOUT)

    def _lead(self, run: Run) -> tuple[object, ...]:
        """What the function gets before the job's own arguments."""
        passes = run.job.passes
        if passes is FirstArgument.NOTHING:
            return ()
        if passes is FirstArgument.CONTEXT:
            run.progress = self._progress_reporter.open(run.lease)
            if run.job.lane is Lane.CPU:
                return (run.context({}, FOR_CHILD),)
            return (run.context(self._state, run.progress),)
        return (self._ctx_dict(run),)

    def _ctx_dict(self, run: Run) -> dict[Any, Any]:
        """The ctx dict of the job, the same for hooks and function; the user's own keys win over ours."""
        if run.ctx is None:
            run.progress = self._progress_reporter.open(run.lease)
            run.progress.closed = run.finish_ms > 0  # a hook may be the first to ask, after a run that never began
            run.ctx = {
                "progress": run.progress.progress,
                **self._state,
                **self._hooks.describe(run),
            }
        return run.ctx

    async def _run_hook(self, name: str, hook: Hook, run: Run) -> None:
        """A hook that raises, or is cancelled, does not keep the job's end from being recorded."""
        try:
            await hook(self._ctx_dict(run))
        except BaseException as error:  # noqa: BLE001
            self._events.hook_failed(name, error)

    def _settle(self, run: Run, outcome: Outcome) -> None:
        match outcome:
            case Completed(value):
                self._complete(run, value)
            case Failed(error):
                self.counters.failed += 1
                self._acker.add(self._results.of_error(run, error))
                self._events.job_failed(run, error)
            case Retried(delay_s, error, is_free):
                self.counters.retried += 1
                self._acker.add(tried_again(run, error, delay_s, is_free))
                self._events.job_retried(run, error, delay_s)
            case Aborted(error):
                self.counters.failed += 1
                self._acker.add(self._results.of_error(run, error, bury=False))
                self._events.job_aborted(run)
            case Crashed(error):
                self.counters.crashed += 1
                self._acker.add(crashed(run, error))
                self._events.job_crashed(run, error)
            case HandedBack(is_free):
                self.counters.handed_back += 1
                self._returns.append(handed_back(run, self._results.worker_id, is_free))
                self._events.job_handed_back(run)
            case Lost():
                self.counters.lost += 1
                self._events.job_lost(run)

    def _complete(self, run: Run, value: object) -> None:
        ending, problem = self._results.of_value(run, value)
        self._acker.add(ending)
        if problem is None:
            self.counters.complete += 1
            self._events.job_completed(run, value)
        else:
            self.counters.failed += 1
            self._events.result_not_serialized(run, problem)

    def _refuse(self, refused: Rejected) -> None:
        self.counters.failed += 1
        lease, payload, error = refused.lease, refused.payload, refused.error
        self._acker.add(self._results.of_refusal(lease, payload, error, wall_ms(), bury=True))
        name, enqueue_ms = name_and_time(lease, payload)
        self._events.job_refused(lease, name, error, enqueue_ms)

    def _put_back(self, unknown: Unknown) -> None:
        lease, name = unknown.lease, unknown.name
        self._acker.add(self._unknown.put_back(lease, name))
        if self._unknown.is_news(name):
            self._events.job_unknown(lease, name)

    def _abort_before(self, aborted: AbortedBeforeStart) -> None:
        self.counters.failed += 1
        lease, payload = aborted.lease, aborted.payload
        error = asyncio.CancelledError()
        self._acker.add(self._results.of_refusal(lease, payload, error, wall_ms(), bury=False))
        self._events.aborted_before_start(lease, payload.name, payload.enqueue_ms)
