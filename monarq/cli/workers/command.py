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
{"workers": [...]}, of which each has
  worker_id, host, pid, version, queues, concurrency
  running, running_jobs: [{job_id, name, queue, started_ms, age_s}]   at most 50
  cpu_places, cpu_running                                         of the cpu lane
  succeeded, failed, cancelled, retried                                since its start
  cpu_percent, memory_bytes, loop_lag_s                           in the last seconds
  uptime_s, restarts, draining, alive
  abandoned_threads                                               that go on
""",
}


@click.command(cls=SectionedCommand, sections=SECTIONS)
@queue_names_option("Only workers of this queue; may be repeated. Default: of every queue used lately.")
@click.option("--jobs", is_flag=True, help="Show also what they run, the longest running first.")
@redis_option
@click.option("--json", is_flag=True, help="Print one JSON object.")
@verbose_option
def workers(queues: QueueNames, jobs: bool, redis: str | None, json: bool) -> int:
    """Show the workers: where they run, how busy they are, and whether they are well.

    What is shown is at most a third of a lease old (5 seconds). `io jobs` and `cpu jobs` are the jobs that run and the
    places for them (one column, `running`, where none knows a cpu job). `cpu` is a share of one core and `lag` the
    longest time for which something kept the event loop from turning, both in the last seconds. `restarts` counts how
    often the worker of that place had died or was killed. `abandoned`, where there are any, are threads that go on
    although their jobs have passed their timeout or were cancelled. A worker is `gone` when it was silent for a lease.
    """
    import asyncio

    from monarq.cli.workers.actions import show_workers

    with open_source(redis) as source:
        return asyncio.run(show_workers(source, queues, with_jobs=jobs, as_json=json))
