"""`monarq enqueue`: enqueues one job, or one for each line of a file, and waits for results if asked to."""

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
The job's id; with --from, one id per line. If the queue's workers do not know the
job's name, a warning on stderr says so, and the job waits for one that does.
With --wait, one line of JSON per job, in the order in which they end:
  {"job_id": ..., "state": "succeeded", "result": ...}
  {"job_id": ..., "state": "failed", "error": "ValueError: ..."}
The state is cancelled for a job that was cancelled, and unknown if it did not end
in time or its result was not kept.
On a terminal, progress bars show how many jobs have ended, and each job that reports
its progress (ctx.progress) has a bar of its own.
The exit code is 1 if any job failed, and 2 if the command could not do its work.
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
    help="Enqueue one job for each line of this file (-: stdin); blank lines are skipped. A JSON list gives positional"
    " arguments, a JSON object keyword arguments, and any other line one argument: its JSON value, else its text. ARGs"
    " and --kwargs come before those of each line.",
)
@target_queue_options("A native queue. Default: the job's own, else default.")
@click.option(
    "--defer-by", type=parse_duration, metavar="DURATION", help="Run it only after this delay: 30, 10s, 5m, 2h, 1d."
)
@click.option(
    "--job-id", metavar="ID", help="An id of your own; nothing is enqueued while a job or result with this id exists."
)
@click.option("--expires", type=parse_duration, metavar="DURATION", help="Do not start it after this time.")
@click.option("--wait", is_flag=True, help="Wait for the jobs, and print each result as its job ends.")
@click.option("--timeout", type=parse_duration, metavar="DURATION", help="With --wait: how long to wait for each job.")
@click.option("--pickle", is_flag=True, help="Pickle the arguments, as arq does, for stock arq workers.")
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
    """Enqueue a job and print its id.

    TARGET:JOB, such as examples.jobs:add, is imported, so that its arguments can be checked. If it belongs to an App,
    the App's Redis, queue and middleware are used. A NAME is the job's name in the worker; nothing is imported. Each
    ARG is read as JSON if it is valid JSON, else as text: 1 is a number, '"1"' is text. Put ARGs that begin with a dash
    after --.
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
    """The job at ``module:name`` or ``module.name``, or a job of which only the name is known.

    A name with a dot is a path if its first part can be imported.

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
        raise click.UsageError(
            "--job-id names one job, but --from enqueues many: give only one of them", click.get_current_context()
        )
    if timeout is not None and not wait:
        raise click.UsageError("--timeout limits --wait: give --wait too", click.get_current_context())
