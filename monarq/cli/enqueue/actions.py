"""Implements `monarq enqueue`: enqueues jobs and, if asked to, waits for each and prints its result."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal

from monarq.cli.command_line.arguments import JobArguments
from monarq.cli.enqueue.known_jobs import unknown_job_warning
from monarq.cli.enqueue.line_reader import Line, LineReader
from monarq.cli.enqueue.output import Output
from monarq.cli.terminal.console import FAILED, say
from monarq.producer import Handle, JobState, Producer, RedisRefusedError
from monarq.producer.results.handle import wait_for_end
from monarq.producer.results.job_info import ended_state
from monarq.shared.calls.parameters import Arguments
from monarq.shared.errors import ArgumentsError, MonarqError, RedisUnavailableError
from monarq.shared.formats.choice.namesakes import find_namesakes
from monarq.shared.jobs.job import Job, declared_options, enqueue_options, types_of
from monarq.shared.protocol.namesake import option_of
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.queue import to_ref
from monarq.shared.redis.connection import UrlSource, check_redis
from monarq.shared.settings.lookup import chosen
from monarq.shared.text.error_text import error_text
from monarq.shared.text.json_lines import json_line

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from monarq.shared.jobs.middleware import AnyMiddleware
    from monarq.shared.payloads.result import Result

MAX_AWAITED: Final = 10_000
"""The most jobs awaited at once: a million handles would take a gigabyte."""


class StoppedError(MonarqError):
    """A line could not be enqueued, and those after it were not read."""


@dataclass(frozen=True, slots=True)
class EnqueueRequest:
    """The jobs to enqueue.

    Attributes:
        job: the job, with its options.
        call: its arguments; with `lines`, those that precede the arguments of each line.
        lines: one job for each line; None for a single job.
        wait: whether to wait for results.
        timeout_s: how long to wait for each; None for forever.
        pickle: write and read pickle, as stock arq workers do.
        middleware: the middleware of the job's app, which wraps each enqueue.
    """

    job: Job[..., Any]
    call: JobArguments
    lines: LineReader | None = None
    wait: bool = False
    timeout_s: float | None = None
    pickle: bool = False
    middleware: Sequence[AnyMiddleware] = ()


async def enqueue_jobs(source: UrlSource, request: EnqueueRequest) -> int:
    """Enqueues the jobs; returns the exit code, 1 if a job that was awaited failed.

    Raises:
        StoppedError: a line could not be enqueued.
        MonarqError: Redis cannot be reached, or the job could not be enqueued.
    """
    await _check_redis(source, request)
    size = request.lines.size if request.lines else None
    codec: Literal["pickle", "msgpack"] = "pickle" if request.pickle else "msgpack"
    async with Producer(source.url, codec=codec, middleware=request.middleware) as producer:
        output = Output(shows_bar=request.wait or request.lines is not None, waits=request.wait, total_bytes=size)
        try:
            with output:
                await _run(request, Submitter(producer, request, output), output)
        except asyncio.CancelledError:
            output.summarize()
            raise
    if request.lines is not None:
        output.summarize()
    return FAILED if output.failed else 0


async def _run(request: EnqueueRequest, submitter: Submitter, output: Output) -> None:
    if not request.wait:
        await submitter.run(None)
        return
    try:
        async with asyncio.TaskGroup() as group:
            await submitter.run(ResultPrinter(group, request.timeout_s, output))
    except BaseExceptionGroup as errors:
        # The first error is the cause; it has cancelled the other tasks.
        raise errors.exceptions[0] from None


async def _check_redis(source: UrlSource, request: EnqueueRequest) -> None:
    """Raises at once if Redis cannot be reached; a producer would retry for some time."""
    redis = source.client()
    try:
        await check_redis(redis, source.shown)
        await _warn_of_namesakes(redis, request.job)
        await _warn_if_unknown(redis, request)
    finally:
        await redis.aclose()


def _queue_of(job: Job[..., Any]) -> QueueRef:
    return enqueue_options(job).queue_ref or declared_options(job).queue_ref or to_ref(chosen("", "queue"))


async def _warn_of_namesakes(redis: Redis, job: Job[..., Any]) -> None:
    """Says where the job goes if a queue of the same name in the other format has jobs."""
    for found in await find_namesakes(redis, [_queue_of(job)]):
        say(f"monarq: {found}; this job goes into {found.meant}; to put it there too: {option_of(found.queue)}")


async def _warn_if_unknown(redis: Redis, request: EnqueueRequest) -> None:
    job = request.job
    warning = await unknown_job_warning(redis, _queue_of(job), job.name, request.call.args, waits=request.wait)
    if warning:
        say(f"monarq: {warning}")


class Submitter:
    """Enqueues the jobs of a request."""

    def __init__(self, producer: Producer, request: EnqueueRequest, output: Output) -> None:
        self._producer = producer
        self._request = request
        self._output = output

    async def run(self, results: ResultPrinter | None) -> None:
        """Enqueues all jobs; passes them to `results`, or prints their ids if that is None."""
        if self._request.lines is None:
            await self._hand_over([await self._enqueue_one()], results)
            return
        async for batch in self._request.lines.batches():
            if batch:
                await self._hand_over(await self._enqueue_lines(batch), results)

    async def _hand_over(self, handles: Sequence[Handle[Any]], results: ResultPrinter | None) -> None:
        lines = self._request.lines
        self._output.note_enqueued(len(handles), lines.bytes_read if lines else 0)
        if results is None:
            self._output.write(handle.job_id for handle in handles)
            return
        for handle in handles:
            await results.print_when_done(handle)

    async def _enqueue_one(self) -> Handle[Any]:
        args, kwargs = self._typed(self._request.call)
        handle = await self._producer.enqueue(self._request.job, *args, **kwargs)
        if handle.existed:
            self._output.say(f"monarq: job {handle.job_id} already exists; nothing was enqueued")
        return handle

    async def _enqueue_lines(self, batch: Sequence[Line]) -> list[Handle[Any]]:
        calls = [self._read(line) for line in batch]
        job: Any = self._request.job
        try:
            if not any(kwargs for _, kwargs in calls):
                handles: list[Handle[Any]] = await self._producer.enqueue_many(job, [args for args, _ in calls])
                return handles
            # Jobs with keyword arguments are enqueued one by one, concurrently.
            return list(await asyncio.gather(*(self._producer.enqueue(job, *args, **kwargs) for args, kwargs in calls)))
        except MonarqError as error:
            raise self._stopped_error(f"lines {batch[0].number:,} to {batch[-1].number:,}", error) from error

    def _read(self, line: Line) -> Arguments:
        try:
            return self._typed(self._request.call.with_line(line.text))
        except ArgumentsError as error:
            raise self._stopped_error(f"line {line.number:,}", error) from error

    def _typed(self, call: JobArguments) -> Arguments:
        """The arguments, converted from JSON's plain values to the job's parameter types if its code is available."""
        self._request.job.check_arguments(call.args, call.kwargs)
        return types_of(self._request.job).arguments.decode(call.args, call.kwargs)

    def _stopped_error(self, where: str, error: Exception) -> StoppedError:
        name = self._request.lines.name if self._request.lines else ""
        return StoppedError(
            f"{where} of {name}: {error}; jobs enqueued from the lines before: {self._output.enqueued:,}"
        )


class ResultPrinter:
    """Prints the result of each job as it ends, as one line of JSON."""

    def __init__(self, group: asyncio.TaskGroup, timeout_s: float | None, output: Output) -> None:
        self._group = group
        self._timeout_s = timeout_s
        self._output = output
        self._room = asyncio.Semaphore(MAX_AWAITED)

    async def print_when_done(self, handle: Handle[Any]) -> None:
        """Prints the job's result when it ends; returns once fewer than `MAX_AWAITED` jobs are awaited."""
        await self._room.acquire()
        self._group.create_task(self._print(handle))

    async def _print(self, handle: Handle[Any]) -> None:
        stop_showing = self._show(handle) if self._output.shows_jobs else None
        try:
            outcome = _outcome_of(await wait_for_end(handle, self._timeout_s))
        except (RedisUnavailableError, RedisRefusedError):
            raise
        except MonarqError as error:
            outcome = {"state": JobState.UNKNOWN, "error": str(error)}
        finally:
            self._room.release()
            if stop_showing is not None:
                stop_showing()
        self._output.note_ended(handle.job_id, success=outcome["state"] == "succeeded")
        self._output.write([json_line({"job_id": handle.job_id} | outcome)])

    def _show(self, handle: Handle[Any]) -> Callable[[], None]:
        return handle.on_progress(partial(self._output.note_progress, handle.job_id))


def _outcome_of(result: Result) -> dict[str, Any]:
    """The fields that say how a job ended."""
    state = ended_state(result)
    try:
        return {"state": state, "result": result.unwrap()}
    except Exception as error:  # noqa: BLE001 - a job may raise anything
        return {"state": state, "error": str(error) if isinstance(error, MonarqError) else error_text(error)}
