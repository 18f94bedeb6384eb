"""`MonarqBackend`: Django's Tasks as jobs of monarq, whose name is the task's module path."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from inspect import iscoroutinefunction
from typing import Any

from django.core import checks
from django.utils import timezone

from monarq.django.calls import check_call
from monarq.django.declared import find_task, note_task
from monarq.django.framework import (
    BaseTaskBackend,
    TaskResult,
    TaskResultDoesNotExist,
    TaskResultStatus,
    plain_json,
    task_enqueued,
)
from monarq.django.options import lane_of, wrong_options
from monarq.django.producers import shared_producer
from monarq.django.result_ids import new_result_id, read_result_id
from monarq.django.results import cancelled_before_start, fill_result
from monarq.producer import JobState, SyncProducer, named
from monarq.producer.per_process import ProcessProducer
from monarq.producer.results.job_record import JobRecord, read_record
from monarq.producer.sync import call_on_loop
from monarq.shared.clock import wall_now
from monarq.shared.errors import SettingsError


class MonarqBackend(BaseTaskBackend):
    """A backend of Django's Tasks, for ``TASKS[alias]["BACKEND"]``. `monarq.django.options` has its OPTIONS.

    A task is enqueued at once, whatever the transaction; `monarq.django.enqueue_on_commit` waits for the commit.
    """

    supports_defer = True
    supports_async_task = True
    supports_get_result = True
    supports_priority = False

    def __init__(self, alias: str, params: dict[str, Any]) -> None:
        super().__init__(alias, params)
        self._shared: ProcessProducer | None = None

    @property
    def producer(self) -> SyncProducer:
        """The producer of this process for this backend.

        Raises:
            SettingsError: something is wrong with OPTIONS or QUEUES; the message is that of `manage.py check`.
        """
        if self._shared is None:
            if wrong := self._wrong():
                raise SettingsError("; ".join(wrong))
            self._shared = shared_producer(self.options)
        return self._shared.get()

    def validate_task(self, task: Any) -> None:
        """Checks that the backend can run the task.

        Raises:
            InvalidTask: it cannot.
        """
        super().validate_task(task)
        if task.func is not cancelled_before_start:
            note_task(task)

    def enqueue(self, task: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Enqueues a task; returns its result, which is READY.

        Raises:
            InvalidTask: the backend cannot run it.
            ArgumentsError: (a TypeError) the function cannot be called with these arguments.
            TypeError: an argument is not one that JSON can hold.
            SettingsError: something is wrong with the backend's OPTIONS or QUEUES; nothing was enqueued.
            MonarqError: Redis cannot be reached, or refuses; see `monarq.Producer.enqueue`.
        """
        result = self._new_result(task, args, kwargs)
        self._send(result)
        task_enqueued.send(type(self), task_result=result)
        return result

    async def aenqueue(self, task: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """See `enqueue`."""
        result = self._new_result(task, args, kwargs)
        await asyncio.to_thread(self._send, result)
        await task_enqueued.asend(type(self), task_result=result)
        return result

    def get_result(self, result_id: str) -> Any:
        """What is known of a task: its status, attempts, return value or errors.

        Raises:
            TaskResultDoesNotExist: there is none of this id, or it was not kept for so long.
            MonarqError: Redis cannot be reached.
        """
        try:
            known = read_result_id(str(result_id))
        except ValueError:
            raise TaskResultDoesNotExist(result_id) from None
        producer = self.producer
        record: JobRecord | None = call_on_loop(
            producer, lambda inner: read_record(inner.handle(known.text, known.queue))
        )
        if record is None or record.info.state is JobState.UNKNOWN:
            raise TaskResultDoesNotExist(result_id)
        try:
            task = self._task_of(record)
        except LookupError:
            raise TaskResultDoesNotExist(result_id) from None
        if task.queue_name != known.queue:
            task = task.using(queue_name=known.queue)
        return fill_result(self._result(task, known.text, (), {}, known.enqueued_at), record)

    async def aget_result(self, result_id: str) -> Any:
        """See `get_result`."""
        return await asyncio.to_thread(self.get_result, result_id)

    def check(self, **kwargs: Any) -> Iterable[checks.CheckMessage]:
        """Django's system checks of the backend's settings."""
        for wrong in self._wrong():
            yield checks.Error(wrong, id="monarq.E001")

    def _wrong(self) -> list[str]:
        return [f"TASKS[{self.alias!r}]: {wrong}" for wrong in wrong_options(self.options, self.queues)]

    def _task_of(self, record: JobRecord) -> Any:
        if record.info.name is None:
            return self.task_class(
                func=cancelled_before_start,
                priority=0,
                backend=self.alias,
                queue_name=record.info.queue,
                run_after=None,
            )
        return find_task(record.info.name)

    def _new_result(self, task: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        self.validate_task(task)
        check_call(task, args, kwargs)
        made = new_result_id(task.queue_name, wall_now())
        return self._result(task, made.text, args, kwargs, made.enqueued_at)

    def _result(
        self, task: Any, result_id: str, args: Sequence[Any], kwargs: Mapping[str, Any], enqueued_at: Any
    ) -> Any:
        return TaskResult(
            task=task,
            id=result_id,
            status=TaskResultStatus.READY,
            enqueued_at=enqueued_at,
            started_at=None,
            finished_at=None,
            last_attempted_at=None,
            args=plain_json(list(args)),
            kwargs=plain_json(dict(kwargs)),
            backend=self.alias,
            errors=[],
            worker_ids=[],
        )

    def _send(self, result: Any) -> None:
        task, producer = result.task, self.producer
        is_plain = not iscoroutinefunction(task.func)
        job = named(task.module_path, lane=lane_of(self.options) if is_plain else "io", queue=task.queue_name)
        job = job.options(job_id=result.id, defer_until=_aware(task.run_after))
        producer.enqueue(job, *result.args, **result.kwargs)


def _aware(run_after: Any) -> Any:
    """The time at which a task is due: aware, as Django's settings may have naive ones in the current time zone."""
    return timezone.make_aware(run_after) if run_after is not None and timezone.is_naive(run_after) else run_after
