"""The work of `monarq enqueue`: puts jobs in and, where that is wanted, waits for each and prints its result."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from monarq.cli.command_line.arguments import Call
from monarq.cli.enqueue.line_reader import Line, Lines
from monarq.cli.enqueue.output import Output
from monarq.cli.terminal.console import FAILED, say
from monarq.producer import Handle, Producer, RedisRefusedError
from monarq.shared.commands.queues.counts import counts
from monarq.shared.commands.workers.know import is_known
from monarq.shared.errors import MonarqError, PayloadError, RedisUnavailableError
from monarq.shared.jobs.job import Job
from monarq.shared.redis.connection import UrlSource, check_redis
from monarq.shared.redis.keys import DEFAULT_QUEUE, QueueKeys
from monarq.shared.text.error_text import error_text
from monarq.shared.text.json_lines import json_line

if TYPE_CHECKING:
    from redis.asyncio import Redis

WINDOW: Final = 10_000
"""The most jobs that are waited for at once: a million handles would take a gigabyte."""


class StoppedError(MonarqError):
    """A line could not be enqueued, and those after it were not read."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be enqueued.

    Attributes:
        job: the job, with its options.
        call: its arguments; where there are lines, what all of them begin with.
        lines: a job each, or None for one job.
        wait: whether results are waited for.
        timeout_s: how long each is waited for; None for ever.
        pickle: write and read pickle, as stock arq workers do.
    """

    job: Job[..., Any]
    call: Call
    lines: Lines | None = None
    wait: bool = False
    timeout_s: float | None = None
    pickle: bool = False


async def enqueue_jobs(source: UrlSource, order: Order) -> int:
    """Carries the order out; gives the exit code, 1 where a job that was waited for failed.

    Raises:
        StoppedError: a line could not be enqueued.
        MonarqError: Redis is not there, or the job could not be enqueued.
    """
    await _check(source, order)
    size = order.lines.size if order.lines else None
    async with Producer(source.url, codec="pickle" if order.pickle else "msgpack") as producer:
        output = Output(shows_bar=order.wait or order.lines is not None, waits=order.wait, total_bytes=size)
        try:
            with output:
                await _carry_out(order, Feeder(producer, order, output), output)
        except asyncio.CancelledError:
            output.summarize()
            raise
    if order.lines is not None:
        output.summarize()
    return FAILED if output.failed else 0


async def _carry_out(order: Order, feeder: Feeder, output: Output) -> None:
    if not order.wait:
        await feeder.run(None)
        return
    try:
        async with asyncio.TaskGroup() as group:
            await feeder.run(Results(group, order.timeout_s, output))
    except BaseExceptionGroup as errors:
        # The first one has cancelled the others; one cause is enough.
        raise errors.exceptions[0] from None


async def _check(source: UrlSource, order: Order) -> None:
    """Says at once when Redis is not there, where a producer would try again for some time."""
    redis = source.client()
    try:
        await check_redis(redis, source.shown)
        if order.wait:
            await _tell_of_missing_worker(redis, order.job)
    finally:
        await redis.aclose()


async def _tell_of_missing_worker(redis: Redis, job: Job[..., Any]) -> None:
    keys = QueueKeys.of(job.enqueue_options.queue or job.declared.queue or DEFAULT_QUEUE)
    if not (await counts(redis, keys)).workers:
        say(f"monarq: no monarq worker serves {keys.queue} now; waiting until one has run the job")
    elif not await is_known(redis, keys, job.name):
        say(f"monarq: no monarq worker of {keys.queue} has told of a job {job.name!r}; waiting until one has run it")


class Feeder:
    """Puts the jobs of an order in."""

    def __init__(self, producer: Producer, order: Order, output: Output) -> None:
        self._producer = producer
        self._order = order
        self._output = output

    async def run(self, results: Results | None) -> None:
        """Puts all of them in; hands them to `results`, or prints their ids where there is none."""
        if self._order.lines is None:
            await self._pass_on([await self._put_one()], results)
            return
        async for batch in self._order.lines.batches():
            if batch:
                await self._pass_on(await self._put_lines(batch), results)

    async def _pass_on(self, handles: Sequence[Handle[Any]], results: Results | None) -> None:
        lines = self._order.lines
        self._output.note_enqueued(len(handles), lines.bytes_read if lines else 0)
        if results is None:
            self._output.write(handle.job_id for handle in handles)
            return
        for handle in handles:
            await results.follow(handle)

    async def _put_one(self) -> Handle[Any]:
        call = self._order.call
        try:
            handle = await self._producer.enqueue(self._order.job, *call.args, **call.kwargs)
        except TypeError as error:
            raise PayloadError(str(error)) from error
        if handle.existed:
            self._output.tell(f"monarq: job {handle.job_id} was already there; nothing was put in")
        return handle

    async def _put_lines(self, batch: Sequence[Line]) -> list[Handle[Any]]:
        calls = [self._read(line) for line in batch]
        job = self._order.job
        try:
            if not any(call.kwargs for call in calls):
                return await self._producer.enqueue_many(job, [call.args for call in calls])
            # Jobs with keyword arguments go in one by one, many at the same time.
            return list(
                await asyncio.gather(*(self._producer.enqueue(job, *call.args, **call.kwargs) for call in calls))
            )
        except MonarqError as error:
            raise self._stopped(f"lines {batch[0].number:,} to {batch[-1].number:,}", error) from error

    def _read(self, line: Line) -> Call:
        call = self._order.call.extended(line.text)
        try:
            self._order.job.check_arguments(call.args, call.kwargs)
        except TypeError as error:
            raise self._stopped(f"line {line.number:,}", error) from error
        return call

    def _stopped(self, where: str, error: Exception) -> StoppedError:
        name = self._order.lines.name if self._order.lines else ""
        return StoppedError(
            f"{where} of {name}: {error}; the jobs of the lines before are in: {self._output.enqueued:,}"
        )


class Results:
    """Prints the result of each job as it ends, as one line of JSON."""

    def __init__(self, group: asyncio.TaskGroup, timeout_s: float | None, output: Output) -> None:
        self._group = group
        self._timeout_s = timeout_s
        self._output = output
        self._room = asyncio.Semaphore(WINDOW)

    async def follow(self, handle: Handle[Any]) -> None:
        """Has the job's result printed when it ends; waits while too many are waited for."""
        await self._room.acquire()
        self._group.create_task(self._print(handle))

    async def _print(self, handle: Handle[Any]) -> None:
        stop_showing = self._show(handle) if self._output.shows_jobs else None
        try:
            outcome: dict[str, Any] = {"success": True, "result": await handle.result(self._timeout_s)}
        except (RedisUnavailableError, RedisRefusedError):
            raise
        except Exception as error:  # noqa: BLE001 - a job may raise anything
            text = str(error) if isinstance(error, MonarqError) else error_text(error)
            outcome = {"success": False, "error": text}
        finally:
            self._room.release()
            if stop_showing is not None:
                stop_showing()
        self._output.note_ended(handle.job_id, success=outcome["success"])
        self._output.write([json_line({"job_id": handle.job_id} | outcome)])

    def _show(self, handle: Handle[Any]) -> Callable[[], None]:
        return handle.on_progress(partial(self._output.note_progress, handle.job_id))
