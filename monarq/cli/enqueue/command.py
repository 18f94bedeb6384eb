"""`monarq enqueue`: enqueues one job, or one for each line of a file, and waits for the results if asked to."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from monarq.cli.command_line.arguments import parse_duration, parse_job_arguments
from monarq.cli.command_line.help import SectionedCommand
from monarq.cli.command_line.options import verbose_option
from monarq.cli.command_line.queue_names import target_queue_options
from monarq.cli.command_line.redis_source import open_source, redis_option

if TYPE_CHECKING:
    from monarq.shared.jobs.job import Job


SECTIONS: Final = {
    "Examples": """
monarq enqueue examples.jobs:add 1 2 --wait
monarq enqueue examples.jobs:fetch http://localhost:8000/ --defer-by 10m
monarq enqueue send_email --kwargs '{"to": "me@example.com"}' -q emails
monarq enqueue send_email me@example.com --arq-queue arq:queue --pickle
seq 1000 | monarq enqueue examples.jobs:sleep_ms --from - --wait
""",
    "Output": """
The job's id; with --from one a line. With --wait a line of JSON for each job,
in the order in which they end:
  {"job_id": ..., "state": "succeeded", "result": ...}
  {"job_id": ..., "state": "failed", "error": "ValueError: ..."}
The state is cancelled for a job that was cancelled, and unknown where it did not end
in time, or its result was not kept.
On a terminal, bars below it show how far the jobs are, and each job that reports
its progress (ctx.progress) has a bar of its own.
The exit code is 1 if any of them failed, and 2 if the command could not do its work.
""",
}


@click.command(cls=SectionedCommand, sections=SECTIONS)
@click.argument("job", metavar="TARGET:JOB|NAME")
@click.argument("arguments", metavar="[ARG]...", nargs=-1)
@click.option("--kwargs", metavar="JSON", help="Keyword arguments, as a JSON object.")
@click.option(
    "--from",
    "lines_from",
    metavar="FILE|-",
    envvar="MONARQ_ENQUEUE_FROM",
    help="One job for each line of the file, or of stdin; blank lines are passed over. A line that is a JSON list"
    " gives positional arguments, a JSON object keyword arguments, any other line one argument: its JSON value, else"
    " its text. ARGs and --kwargs come before those of each line.",
)
@target_queue_options("A native queue. Default: the job's own, else default.")
@click.option("--defer-by", type=parse_duration, metavar="DURATION", help="Not due before: 30, 10s, 5m, 2h, 1d.")
@click.option(
    "--job-id", metavar="ID", help="An id of your own: while a job or result of it is there, nothing is put in."
)
@click.option("--expires", type=parse_duration, metavar="DURATION", help="Not started any more after this time.")
@click.option("--wait", is_flag=True, help="Wait, and print each result as its job ends.")
@click.option("--timeout", type=parse_duration, metavar="DURATION", help="With --wait: how long for each job.")
@click.option("--pickle", is_flag=True, help="Write the arguments as arq does, for stock arq workers.")
@redis_option
@verbose_option
def enqueue(
    job: str,
    arguments: tuple[str, ...],
    kwargs: str | None,
    lines_from: str | None,
    redis: str | None,
    wait: bool,
    timeout: float | None,
    pickle: bool,
    **options: Any,
) -> int:
    """Put a job into its queue and print its id.

    TARGET:JOB is imported, so that its arguments are checked: examples.jobs:add. If it belongs to an App, the App's
    Redis, queue and middleware count. A NAME is what the worker knows the
    job by, and nothing is imported. Each ARG is JSON where it is any, else text: 1 is a number, '"1"'
    is text. ARGs that begin with a dash go after --.
    """
    import uvloop

    from monarq.app.finding import enqueued_by_app
    from monarq.cli.enqueue.actions import EnqueueRequest, enqueue_jobs
    from monarq.cli.enqueue.line_reader import open_line_reader

    _check_options(lines_from, options["job_id"], wait, timeout)
    call = parse_job_arguments(arguments, kwargs)
    named = find_named_job(job)
    found, middleware, app_url = enqueued_by_app(named, job)
    found = found.options(**options)
    with ExitStack() as stack:
        lines = stack.enter_context(open_line_reader(lines_from)) if lines_from else None
        source = stack.enter_context(open_source(redis or app_url))
        request = EnqueueRequest(found, call, lines, wait, timeout, pickle, middleware)
        return uvloop.run(enqueue_jobs(source, request))


def find_named_job(path: str) -> Job[..., Any]:
    """The job at ``module:name`` or ``module.name``, or a job that only its name is known of.

    A name with a dot is a path where its first part can be imported.

    Raises:
        TargetError: there is no job at this path.
    """
    if _is_path(path):
        from monarq.workers.process.target_loader import find_job

        return find_job(path)
    from monarq.producer import named

    return named(path)


def _is_path(name: str) -> bool:
    first, dot, _ = name.partition(".")
    return ":" in name or bool(dot and PathFinder.find_spec(first, [str(Path.cwd()), *sys.path]))


def _check_options(lines_from: str | None, job_id: str | None, wait: bool, timeout: float | None) -> None:
    if lines_from and job_id:
        raise click.UsageError("--job-id is for one job, and --from gives many", click.get_current_context())
    if timeout is not None and not wait:
        raise click.UsageError("--timeout is how long --wait waits: give both", click.get_current_context())
