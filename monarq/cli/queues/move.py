"""Implements `monarq queues move`: moves the waiting jobs of a queue to another one."""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Final

from monarq.cli.command_line.queue_names import QueueNames
from monarq.cli.command_line.redis_source import open_client
from monarq.cli.terminal.console import FAILED, INTERRUPTED, TERMINATED, say
from monarq.cli.terminal.progress import ProgressBar, count_columns
from monarq.monitor.admin.mover import MoveCounts, Mover
from monarq.shared.formats.choice.monitors import monitor_queue
from monarq.shared.protocol.counts import Counts
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.redis.connection import UrlSource
from monarq.shared.redis.replies import text
from monarq.shared.text.json_lines import json_line
from monarq.shared.text.printable import printable

_MOST_LISTED: Final = 20
"""How many jobs that were not moved are listed for people; JSON has all of them."""


@dataclass(frozen=True, slots=True)
class MoveOptions:
    """The options of a run.

    Attributes:
        target: the queue to move jobs to.
        per_s: jobs a second.
        is_dry: only count.
        as_json: print the outcome as a line of JSON.
        arq_workers_stopped: whether the user has confirmed that none of arq's own workers serves the source.
    """

    target: QueueRef
    per_s: float
    is_dry: bool
    as_json: bool
    arq_workers_stopped: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome as JSON; `MoveCounts` documents the numbers.

    Attributes:
        source, target: the queues.
        source_format, target_format: their formats.
        is_dry: whether jobs were only counted; then `moved` is how many would be moved.
        is_complete: whether the run finished and no job is half moved.
    """

    source: str
    source_format: str
    target: str
    target_format: str
    is_dry: bool
    is_complete: bool
    moved: int
    was_in: int
    running: int
    cancelling: int
    without_payload: int
    left: list[dict[str, str]]
    taken: list[str]


async def move_jobs(source: UrlSource, name: QueueNames, options: MoveOptions) -> int:
    """Moves jobs; returns the exit code, 1 if some could not be moved.

    Raises:
        MoveRefusedError: see `Mover`.
        SettingsError: see `Mover`.
        UnsupportedError: see `Mover`.
        RedisError: Redis did not answer.
    """
    async with open_client(source) as redis:
        found, code = await name.find_there(redis)
        if not found:
            return code
        [queue] = found
        mover = Mover(
            redis, queue, options.target, per_s=options.per_s, arq_workers_stopped=options.arq_workers_stopped
        )
        await mover.check()
        waiting = await monitor_queue(queue).read_counts(redis)
        if options.is_dry:
            _show_dry(queue, options, waiting)
            return 0
        code = await _move(queue, mover, waiting, options)
        if code in _STOPPED.values():
            _show_stopped(queue, await monitor_queue(queue).read_counts(redis), is_closed=mover.is_closed)
        return code


async def _move(queue: QueueRef, mover: Mover, waiting: Counts, options: MoveOptions) -> int:
    # Handle signals before the first change, so that a signal during the start also ends the move cleanly.
    with _stop_on_signals() as stop:
        try:
            await _move_all(queue, mover, waiting, options, stop)
        except asyncio.CancelledError:
            if not stop.is_impatient:
                raise
    if stop.is_asked:
        return stop.code
    return FAILED if mover.counts.left or mover.counts.taken or not mover.is_closed else 0


async def _move_all(queue: QueueRef, mover: Mover, waiting: Counts, options: MoveOptions, stop: _Stop) -> None:
    begun = await mover.begin()
    name = printable(queue.label)
    if begun.goes_on:
        say(f"monarq: {name} was already being moved; this run continues the move")
    elif not begun.was_paused:
        say(f"monarq: {name} is paused and stays paused; running jobs continue")
    is_through = False
    with ProgressBar(count_columns, total=waiting.queued + waiting.deferred) as bar:
        try:
            async for counts in mover.move(lambda: stop.is_asked):
                done = counts.moved + counts.was_in
                bar.update(done, total=max(done, waiting.queued + waiting.deferred))
            is_through = not stop.is_asked
        finally:
            _show(queue, options, mover, is_through=is_through)
            if not is_through and not stop.is_asked:
                _show_failed(queue, mover)


_STOPPED: Final = {signal.SIGINT: INTERRUPTED, signal.SIGTERM: TERMINATED}
"""The signals that stop it, with their exit codes."""


class _Stop:
    """A request to stop between two pages; a second one stops at once.

    Attributes:
        code: the exit code of the first signal received; 0 if there was none.
        is_impatient: whether a second signal was received.
    """

    def __init__(self) -> None:
        self.code = 0
        self.is_impatient = False
        self._task = asyncio.current_task()

    @property
    def is_asked(self) -> bool:
        return self.code != 0

    def ask(self, number: signal.Signals) -> None:
        if self.is_asked and self._task is not None:
            self.is_impatient = True
            self._task.cancel()
        self.code = self.code or _STOPPED[number]


@contextmanager
def _stop_on_signals() -> Iterator[_Stop]:
    stop, loop = _Stop(), asyncio.get_running_loop()
    # Only the main thread can handle signals.
    numbers = tuple(_STOPPED) if threading.current_thread() is threading.main_thread() else ()
    for number in numbers:
        loop.add_signal_handler(number, stop.ask, number)
    try:
        yield stop
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


def _show_dry(queue: QueueRef, options: MoveOptions, waiting: Counts) -> None:
    total = waiting.queued + waiting.deferred
    if options.as_json:
        counts = MoveCounts(moved=total, running=waiting.running)
        _print_json(queue, options, counts, is_complete=False)
        return
    say(
        f"monarq: {_jobs(total)} of {printable(queue.label)} would be moved to {printable(options.target.label)}"
        f" ({waiting.queued:,} queued, {waiting.deferred:,} deferred); {waiting.running:,} running would stay"
    )


def _show(queue: QueueRef, options: MoveOptions, mover: Mover, *, is_through: bool) -> None:
    counts, source, target = mover.counts, printable(queue.label), printable(options.target.label)
    for job in islice(counts.left.values(), _MOST_LISTED):
        say(f"monarq: {printable(job.job_id)} was not moved: {job.why}")
    if len(counts.left) > _MOST_LISTED:
        say(f"monarq: and {len(counts.left) - _MOST_LISTED:,} more (--json lists all)")
    for raw_id in counts.taken:
        say(
            f"monarq: {printable(text(raw_id))} may run twice: a worker of {source} claimed it while it was being moved"
        )
    if options.as_json:
        _print_json(queue, options, counts, is_complete=mover.is_closed and is_through)
    parts = [
        f"{_jobs(counts.moved)} moved from {source} to {target}",
        f"{counts.was_in:,} moved before" if counts.was_in else "",
        f"{len(counts.left):,} could not be moved" if counts.left else "",
        f"{counts.running:,} running stay" if counts.running else "",
        f"{counts.cancelling:,} about to be cancelled stay" if counts.cancelling else "",
        f"{counts.without_payload:,} expired stay" if counts.without_payload else "",
    ]
    say(f"monarq: {', '.join(filter(None, parts))}")
    if not mover.is_closed:
        say(f"monarq: the move is not finished: run it again, or {source} cannot be resumed")


def _show_failed(queue: QueueRef, mover: Mover) -> None:
    name = printable(queue.label)
    if mover.is_resumed:
        say(f"monarq: nothing was moved, and {name} is resumed")
    elif mover.is_closed:
        say(f"monarq: no job is half moved: run it again, or resume {name}")


def _show_stopped(queue: QueueRef, waiting: Counts, *, is_closed: bool) -> None:
    source, count = printable(queue.label), waiting.queued + waiting.deferred
    say(
        f"monarq: stopped; {_jobs(count)} still {'waits' if count == 1 else 'wait'} in {source}: run it again"
        f"{f', or resume {source}' if is_closed else ''}"
    )


def _print_json(queue: QueueRef, options: MoveOptions, counts: MoveCounts, *, is_complete: bool) -> None:
    outcome = Outcome(
        source=queue.name,
        source_format=queue.format,
        target=options.target.name,
        target_format=options.target.format,
        is_dry=options.is_dry,
        is_complete=is_complete,
        moved=counts.moved,
        was_in=counts.was_in,
        running=counts.running,
        cancelling=counts.cancelling,
        without_payload=counts.without_payload,
        left=[{"job_id": job.job_id, "why": job.why} for job in counts.left.values()],
        taken=sorted(map(text, counts.taken)),
    )
    sys.stdout.write(json_line(outcome) + "\n")
    sys.stdout.flush()


def _jobs(count: int) -> str:
    return "1 job" if count == 1 else f"{count:,} jobs"
