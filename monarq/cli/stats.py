"""`monarq stats`: how the queues and their workers stand, once or every second."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

import click

from monarq.cli.documented import DocumentedCommand
from monarq.cli.options import queue_option, verbose_option
from monarq.cli.source import open_source, redis_option

SECTIONS: Final = {
    "Examples": """
monarq stats --watch
monarq stats -q emails --json | jq '.queues[0].queued'
""",
    "JSON": """
{"queues": [...]}, of which each has
  queue, queued, deferred, running, dead         at this moment
  enqueued, done, failed, aborted, retried       since the first job
  handed_back, crashed, lost                     the same, of runs that did not come to their end
  jobs_per_s                                     over the last five seconds
  oldest_s                                       age of the oldest ready job, or null
  health_check                                   arq's, or null
  workers: [{id, host, pid, version, concurrency, running, uptime_s,
             done, failed, retried, draining, alive, queues, cpu_percent,
             memory_bytes, loop_lag_s, restarts, running_jobs}]
""",
}


@click.command(cls=DocumentedCommand, sections=SECTIONS)
@queue_option("A queue to show; may be repeated. Default: arq:queue and every queue that a worker has served lately.")
@redis_option
@click.option("--json", is_flag=True, help="Print one JSON object; with --watch, one a line and second.")
@click.option("--watch", is_flag=True, help="Show it anew every second, until Ctrl-C.")
@verbose_option
def stats(queue: tuple[str, ...], redis: str | None, json: bool, watch: bool) -> None:
    """Show how many jobs wait, run and have ended, and the workers."""
    import asyncio

    from monarq.cli.stats_screen import show_once, watch_stats

    with open_source(redis) as source:
        if not watch:
            asyncio.run(show_once(source, queue, as_json=json))
            return
        with suppress(KeyboardInterrupt):  # which is how a watch ends
            asyncio.run(watch_stats(source, queue, as_json=json))
