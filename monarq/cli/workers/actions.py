"""Implements `monarq workers`: reads workers, and shows them and the jobs that they run, or prints JSON."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Final

from rich.console import Group, RenderableType
from rich.text import Text

from monarq.cli.command_line.queue_names import QueueNames
from monarq.cli.command_line.redis_source import open_client
from monarq.cli.terminal.console import open_console
from monarq.cli.terminal.formatting import duration
from monarq.cli.terminal.tables import Column, render_id_table, text_cells
from monarq.cli.terminal.worker_table import render_workers
from monarq.monitor.queues.workers import WorkerStats, read_workers
from monarq.shared.redis.connection import UrlSource
from monarq.shared.text.json_lines import json_line

MIN_NAME_WIDTH: Final = 12


async def show_workers(source: UrlSource, queues: QueueNames, *, with_jobs: bool, as_json: bool) -> int:
    """Prints the workers of these queues, or of all known queues; returns the exit code, 1 if a queue is unknown.

    Raises:
        RedisError: Redis did not answer.
    """
    async with open_client(source) as redis:
        found, code = await queues.find_there(redis)
        workers = await read_workers(redis, found)
    if not found:
        return code
    if as_json:
        sys.stdout.write(json_line({"workers": workers}) + "\n")
        return code
    console = open_console(sys.stdout)
    console.print(render_workers(workers, width=console.width))
    if with_jobs and workers:
        console.print(Text(""), render_jobs(workers, width=console.width))
    return code


def render_jobs(workers: Sequence[WorkerStats], *, width: int) -> RenderableType:
    """The jobs that they run, longest running first."""
    running = [(job, worker) for worker in workers for job in worker.running_jobs]
    if not running:
        return Text("no job is running")
    running.sort(key=lambda each: -each[0].age_s)
    ids = Column("id", text_cells(job.job_id for job, _ in running))
    columns = [
        Column("for", text_cells(duration(job.age_s) for job, _ in running), justify="right"),
        ids,
        Column("job", text_cells(job.name for job, _ in running), min_width=MIN_NAME_WIDTH),
        Column("queue", text_cells(job.queue for job, _ in running), rank=2, min_width=MIN_NAME_WIDTH),
        Column("worker", text_cells(f"{worker.host}:{worker.pid}" for _, worker in running), rank=1),
    ]
    table = render_id_table(ids, columns, width=width)
    unnamed = sum(max(0, worker.running - len(worker.running_jobs)) for worker in workers)
    return Group(table, Text(f"and {unnamed:,} more", style="dim")) if unnamed else table
