"""Contexts for the direct call of a job, and its call as a worker makes it, both without Redis."""

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
    """What a context asks its worker for, as the test has set it."""

    should_stop: bool
    made: Producer | SyncProducer | None

    @property
    def producer(self) -> Any:
        """The producer that the test gave.

        Raises:
            RuntimeError: it gave none.
        """
        if self.made is None:
            raise RuntimeError("this context has no producer: give it one, as in context(producer=producer)")
        return self.made


@dataclass(frozen=True, slots=True)
class _Reports:
    """Keeps a job's reports for its test; see `monarq.shared.payloads.progress.ProgressSink`."""

    kept: list[Progress]

    def send(self, report: ProgressReport) -> ProgressAwaitable:
        """Keeps it."""
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
    """A context for the direct call of an `async def` job: ``await job(context(job_try=2), "argument")``.

    Args:
        job_id: the job's id.
        job_name: the name that it is enqueued by.
        job_try: which try this is, from 1.
        crashes: how often its worker or process has died before.
        queue: the queue's name.
        enqueued_at: when it was enqueued. Default: now.
        deadline: when the run passes its timeout. Default: none.
        headers: what was sent with the job. Default: nothing.
        resources: what the worker has opened, by name. Default: nothing.
        worker_id: the worker's name in Redis.
        should_stop: whether the worker stops, or the run is cancelled.
        producer: the producer. Default: none, and the job that asks for it gets a RuntimeError.
        reports: a list that gets the job's reports of its progress. Default: they are dropped.
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
    """A context for the direct call of a plain `def` job; the arguments are those of `context`."""
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
