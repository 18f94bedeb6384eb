"""`monarq workers`: shows workers, the jobs that they run, and their health."""

from __future__ import annotations

from typing import Final

import click

from monarq.cli.command_line.help import SectionedCommand
from monarq.cli.command_line.options import verbose_option
from monarq.cli.command_line.queue_names import QueueNames, queue_names_option
from monarq.cli.command_line.redis_source import open_source, redis_option

SECTIONS: Final = {
    "Examples": """
monarq workers --jobs
monarq workers --json | jq '.workers[] | select(.loop_lag_s > 1)'
""",
    "JSON": """
{"workers": [...]}; each worker has
  worker_id, host, pid, version, queues, concurrency
  running, running_jobs: [{job_id, name, queue, started_ms, age_s}]   at most 50
  cpu_places, cpu_running                                         of the cpu lane
  succeeded, failed, cancelled, retried                                since its start
  cpu_percent, memory_bytes, loop_lag_s                           in the last seconds
  uptime_s, restarts, draining, alive
  abandoned_threads                                               still running
""",
}


@click.command(cls=SectionedCommand, sections=SECTIONS)
@queue_names_option("Only workers of this queue; may be repeated. Default: every recently used queue.")
@click.option("--jobs", is_flag=True, help="Also show the jobs that they run, longest running first.")
@redis_option
@click.option("--json", is_flag=True, help="Print one JSON object.")
@verbose_option
def workers(queues: QueueNames, jobs: bool, redis: str | None, json: bool) -> int:
    """Show the workers: where they run, how busy they are, and whether they are healthy.

    The numbers are at most a third of a lease (5 seconds) old. `io jobs` and `cpu jobs` are the running jobs and the
    slots for them (a single column, `running`, if no worker has cpu jobs). `cpu` is the share of one core and `lag` the
    longest time that the event loop was blocked, both over the last seconds. `restarts` counts how often the worker in
    this slot died or was killed. `abandoned`, shown if there are any, counts threads that still run although their jobs
    timed out or were cancelled. A worker is `gone` if it has sent no heartbeat for a lease.
    """
    import asyncio

    from monarq.cli.workers.actions import show_workers

    with open_source(redis) as source:
        return asyncio.run(show_workers(source, queues, with_jobs=jobs, as_json=json))
