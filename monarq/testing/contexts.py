"""Contexts for calling a job directly, without Redis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from monarq.producer import Producer, SyncProducer
from monarq.shared.calls.context import Context, SyncContext
from monarq.shared.clock import wall_now
from monarq.shared.lane import Lane
from monarq.shared.payloads.progress import NO_YIELD, Progress, ProgressAwaitable, ProgressReport

C = TypeVar("C", Context, SyncContext)


@dataclass(frozen=True, slots=True)
class _State:
    """The parts of a context that come from the worker, as set by the test."""

    should_stop: bool
    made: Producer | SyncProducer | None

    @property
    def producer(self) -> Any:
        """The producer given by the test.

        Raises:
            RuntimeError: it gave none.
        """
        if self.made is None:
            raise RuntimeError("this context has no producer: pass one, as in context(producer=producer)")
        return self.made


@dataclass(frozen=True, slots=True)
class _Reports:
    """Collects a job's reports for its test; see `monarq.shared.payloads.progress.ProgressSink`."""

    kept: list[Progress]

    def send(self, report: ProgressReport) -> ProgressAwaitable:
        """Appends the report."""
        done, total, message = report
        self.kept.append(Progress(done, total, message, wall_now()))
        return NO_YIELD


def context(
    *,
    job_id: str = "test",
    job_name: str = "test",
    job_try: int = 1,
    crashes: int = 0,
    queue: str = "default",
    enqueued_at: datetime | None = None,
    deadline: datetime | None = None,
    headers: Mapping[str, str] | None = None,
    resources: Mapping[str, Any] | None = None,
    worker_id: str = "test",
    should_stop: bool = False,
    producer: Producer | None = None,
    reports: list[Progress] | None = None,
) -> Context:
    """A context for calling an `async def` job directly: ``await job(context(job_try=2), "argument")``.

    Args:
        job_id: the job's id.
        job_name: the name that the job is enqueued by.
        job_try: the number of this try, from 1.
        crashes: how often the job's worker or process died while it was running.
        queue: the queue's name.
        enqueued_at: when the job was enqueued. Default: now.
        deadline: when the run times out. Default: none.
        headers: the headers sent with the job. Default: none.
        resources: the worker's resources, by name. Default: none.
        worker_id: the worker's name in Redis.
        should_stop: whether the worker is stopping or the run is cancelled.
        producer: the producer. Default: none; a job that uses it gets a RuntimeError.
        reports: a list to which the job's progress reports are appended. Default: they are dropped.
    """
    return _make(Context, Lane.IO, **locals())


def sync_context(
    *,
    job_id: str = "test",
    job_name: str = "test",
    job_try: int = 1,
    crashes: int = 0,
    queue: str = "default",
    enqueued_at: datetime | None = None,
    deadline: datetime | None = None,
    headers: Mapping[str, str] | None = None,
    resources: Mapping[str, Any] | None = None,
    worker_id: str = "test",
    should_stop: bool = False,
    producer: SyncProducer | None = None,
    reports: list[Progress] | None = None,
) -> SyncContext:
    """A context for calling a plain `def` job directly; the arguments are those of `context`."""
    return _make(SyncContext, Lane.THREAD, **locals())


def _make(
    kind: type[C],
    lane: Lane,
    *,
    enqueued_at: datetime | None,
    headers: Mapping[str, str] | None,
    resources: Mapping[str, Any] | None,
    should_stop: bool,
    producer: Producer | SyncProducer | None,
    reports: list[Progress] | None,
    **fields: Any,
) -> C:
    made = kind(
        lane=lane,
        enqueued_at=enqueued_at or wall_now(),
        headers=dict(headers or {}),
        resources=dict(resources or {}),
        _state=_State(should_stop, producer),
        **fields,
    )
    if reports is not None:
        made._sink = _Reports(reports)  # noqa: SLF001 - not for jobs
    return made
