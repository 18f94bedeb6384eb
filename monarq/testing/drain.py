"""A drain: workers in the test's own process run due jobs until none is left.

They use the scripts and checks of every worker, and write the same data. To make tests deterministic, three things
differ: jobs run one by one, waits before retries are not random, and a retry without a wait is due at once.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from redis.asyncio import Redis

from monarq.shared.errors import MonarqError, TargetError
from monarq.shared.formats.choice.monitors import known_queues, monitor_queue
from monarq.shared.options.retry import Exponential
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.testing.crons import SandboxCrons
from monarq.testing.jobs import CpuLane, Known, register_all
from monarq.testing.recorder import Recorder
from monarq.testing.records import Ended, raisable
from monarq.testing.resources import Resources, cpu_resources, with_cpu_resources
from monarq.workers.config.app_parts import AppParts
from monarq.workers.config.settings import WorkerSettings
from monarq.workers.events.dispatcher import Dispatcher
from monarq.workers.process.worker import Worker
from monarq.workers.runs.outcome import Outcome, OutcomePolicy, Retried
from monarq.workers.runs.run import ActiveRun

if TYPE_CHECKING:
    from monarq.shared.errors import DeclarationError
    from monarq.shared.redis.connection import RedisSource

_POLL_S: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class DrainPlan:
    """How jobs are run.

    Attributes:
        known: the jobs.
        crons: enqueues the crons that are due.
        source: makes connections to the sandbox's server.
        cpu: where cpu jobs run.
        concurrency: how many io jobs run at once.
        executor: runs the calls of thread jobs; None for the worker's own threads.
    """

    known: Known
    crons: SandboxCrons
    source: RedisSource
    cpu: CpuLane
    concurrency: int
    executor: Executor | None


async def drain(redis: Redis, plan: DrainPlan, max_jobs: int, recorder: Recorder) -> None:
    """Runs jobs until none is due.

    Args:
        redis: a client of the sandbox's server, for this event loop.
        plan: how.
        max_jobs: the maximum number of runs.
        recorder: records what happens.

    Raises:
        TargetError: a due job has a name that is unknown in this process; the others were run.
        MonarqError: jobs are still due after `max_jobs` runs.
    """
    settings = _settings_of(plan)
    await plan.crons.enqueue_due(redis, plan.known, settings)
    queues, left = await _queues_with_work(redis), max_jobs
    if not queues:
        return
    with cpu_resources(settings.app if plan.cpu == "thread" else AppParts()) as for_cpu:
        wrap = partial(with_cpu_resources, resources=for_cpu)
        functions, broken = register_all(plan.known, settings, plan.cpu, wrap)
        while queues:
            if left <= 0:
                raise MonarqError(
                    f"jobs are still due after {max_jobs:,} runs: does one enqueue itself? If this is intended, pass a"
                    " larger max_jobs to drain"
                )
            left -= await _run_worker(functions, settings, plan.source, queues, left, recorder)
            if recorder.unknown:
                raise TargetError(_unknown_text(sorted(recorder.unknown), broken))
            queues = await _queues_with_work(redis)


def raise_first_error(ended: Sequence[Ended]) -> None:
    """Raises the error of the first job that failed, if any.

    Raises:
        Exception: the job's exception.
        JobFailedError: the job raised something that must not be raised in a test, such as SystemExit.
    """
    failed = [job for job in ended if job.error is not None]
    if not failed:
        return
    first = failed[0]
    assert first.error is not None
    error = raisable(first.job_name, first.error)
    # Not if it is the only one: pytest's `match` treats a note as part of the message.
    if len(failed) > 1:
        error.add_note(f"of {first}; {len(failed) - 1} more failed: see the sandbox's .ended")
    raise error


class SandboxOutcomes(OutcomePolicy):
    """monarq's rules, but waits are not random, and a `Retry` without a wait is due although the clock stands still."""

    def retry(self, run: ActiveRun, error: BaseException, delay_s: float) -> Outcome:
        """See `OutcomePolicy`."""
        outcome = super().retry(run, error, delay_s)
        return dataclasses.replace(outcome, delay_s=delay_s) if isinstance(outcome, Retried) else outcome

    def wait_s(self, run: ActiveRun, error: BaseException) -> float | None:
        """See `OutcomePolicy`; returns the longest wait possible."""
        policy = run.job.policy
        if isinstance(policy.retry, Exponential) and policy.retry.jitter:
            policy = dataclasses.replace(policy, retry=dataclasses.replace(policy.retry, jitter=False))
        return policy.wait_s(run.job_try, error)


def _settings_of(plan: DrainPlan) -> WorkerSettings:
    settings = plan.known.settings
    return dataclasses.replace(
        settings,
        burst=True,
        concurrency=plan.concurrency,
        thread_executor=plan.executor,
        poll_s=_POLL_S,
        preflight_warnings=False,
        redis_wait_s=0.0,
        outcomes=SandboxOutcomes() if type(settings.outcomes) is OutcomePolicy else settings.outcomes,
    )


async def _run_worker(
    functions: Sequence[object],
    settings: WorkerSettings,
    source: RedisSource,
    queues: Sequence[QueueRef],
    max_jobs: int,
    recorder: Recorder,
) -> int:
    """Runs a worker until nothing is due in its queues; returns how many runs it started."""

    async def has_work(redis: Redis) -> bool:
        # A job may have been claimed whose reply the worker has not read: it is running, and no run is known here.
        return any([await _has_work(redis, queue, may_run=True) for queue in queues])

    worker = Worker(
        functions,
        dataclasses.replace(settings, queues=tuple(queues), max_burst_jobs=max_jobs),
        source,
        events=Dispatcher(recorder, *settings.listeners),
        ctx=Resources(),
        has_work=has_work,
    )
    ended = len(recorder.ended)
    await _until_ended(worker)
    if not worker.counters.started and len(recorder.ended) == ended and not recorder.unknown:
        shown = ", ".join(map(str, queues))
        raise MonarqError(f"jobs are due on {shown}, but the sandbox's worker could not claim any of them")
    return worker.counters.started


async def _until_ended(worker: Worker) -> None:
    """Runs the worker; if the drain is cancelled, its running jobs are cancelled at once and go back to their queue."""
    running = asyncio.create_task(worker.run())
    try:
        await asyncio.shield(running)
    except asyncio.CancelledError:
        worker.hand_back()
        await asyncio.wait([running])
        raise


async def _queues_with_work(redis: Redis) -> list[QueueRef]:
    return [queue for queue in await known_queues(redis) if await _has_work(redis, queue)]


async def _has_work(redis: Redis, queue: QueueRef, *, may_run: bool = False) -> bool:
    counts = await monitor_queue(queue).read_counts(redis)
    return not counts.paused and counts.queued + (counts.running if may_run else 0) > 0


def _unknown_text(names: Sequence[str], broken: dict[str, DeclarationError]) -> str:
    reasons = [f"{name}: {broken[name]}" for name in names if name in broken]
    if reasons:
        return "some enqueued jobs cannot be run here: " + "; ".join(reasons)
    listed = ", ".join(map(repr, names))
    return (
        f"some enqueued jobs are not declared in this process: {listed}. Import the module that declares them, or"
        " give the application, by the fixture monarq_app or Sandbox(app=...)"
    )
