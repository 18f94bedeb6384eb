"""The group of all commands, and the exit codes and messages of their errors."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from typing import Final, NoReturn

import click
from click.core import ParameterSource

from monarq.cli.command_line.help import SectionedGroup
from monarq.cli.command_line.options import verbose_option, version_option
from monarq.cli.command_line.settings import default_map
from monarq.cli.completion.command import completion
from monarq.cli.dead.command import dead
from monarq.cli.demo.command import demo
from monarq.cli.doctor.command import doctor
from monarq.cli.enqueue.command import enqueue
from monarq.cli.init.command import init
from monarq.cli.jobs.command import jobs
from monarq.cli.queues.command import queues
from monarq.cli.redis.command import redis
from monarq.cli.stats.command import stats
from monarq.cli.terminal.console import FAILED, INTERRUPTED, REFUSED, Reporter, discard_output, say
from monarq.cli.web.command import web
from monarq.cli.worker.command import worker
from monarq.cli.workers.command import workers
from monarq.shared.errors import MonarqError
from monarq.shared.extras import missing_extra
from monarq.shared.settings.project import find_project
from monarq.workers.system.output import open_standard_descriptors

SECTIONS: Final = {
    "Examples": """
monarq demo                                       see monarq at work, without any setup
monarq init shop                                  create a small working project
monarq worker examples.jobs                       run the jobs of a module
monarq enqueue examples.jobs:add 1 2 --wait       enqueue a job and wait for its result
monarq stats --watch                              watch the queues
monarq web                                        watch and manage them in a browser
monarq doctor examples.jobs                       check whether a worker could run here
""",
    "Environment": """
Every option can be set by a variable: the worker's --concurrency is MONARQ_WORKER_CONCURRENCY.
MONARQ_REDIS or REDIS_URL names the Redis. [tool.monarq] in pyproject.toml can hold settings too.
""",
}


@click.group(
    cls=SectionedGroup,
    sections=SECTIONS,
    aliases={"queue": "queues"},
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@version_option
@verbose_option
def app() -> None:
    """A distributed worker queue on Redis."""


for command in (worker, enqueue, stats, jobs, queues, workers, dead, web, redis, init, doctor, demo, completion):
    app.add_command(command)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Runs the command line and ends the process with its exit code."""
    open_standard_descriptors()
    code = run(arguments)
    gc.freeze()  # the process is about to exit: a collection would take a tenth of a short command's time
    sys.exit(code)


def run(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Args:
        arguments: without the program's name; by default those of the process.

    Returns:
        The exit code: 0; 1 if a job or another object of the command failed; 2 if the command could not run.
    """
    reporter = Reporter()
    try:
        code = app.main(
            arguments,
            "monarq",
            standalone_mode=False,
            obj=reporter,
            auto_envvar_prefix="MONARQ",
            default_map=default_map(),
        )
        sys.stdout.flush()
        return code or 0
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return REFUSED
    except click.ClickException as error:
        _print_usage_error(error)
        return REFUSED
    except BrokenPipeError:
        # The reader of our output has closed the pipe.
        discard_output(sys.stdout)
        discard_output(sys.stderr)
        return FAILED
    except ModuleNotFoundError as error:
        advice = missing_extra(error, "this command")
        if advice is None:
            reporter.bug(error)
            return FAILED
        reporter.error(advice)
        return REFUSED
    except (MonarqError, OSError) as error:
        reporter.error(error)
        return REFUSED
    except (click.Abort, KeyboardInterrupt):
        say("monarq: interrupted")
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - users should not see a traceback
        reporter.bug(error)
        return FAILED


def _print_usage_error(error: click.ClickException) -> None:
    context = getattr(error, "ctx", None)
    hint = f" (see {context.command_path} --help)" if isinstance(context, click.Context) else ""
    message = " ".join(error.format_message().split()).rstrip(".") + _variable_of(error)
    say(f"monarq: {message[:1].lower()}{message[1:]}{hint}")


def _variable_of(error: click.ClickException) -> str:
    """Names the environment variable or file that a wrong value came from; '' if it was an argument."""
    context, parameter = getattr(error, "ctx", None), getattr(error, "param", None)
    if not isinstance(context, click.Context) or not isinstance(parameter, click.Option) or parameter.name is None:
        return ""
    source = context.get_parameter_source(parameter.name)
    if source is ParameterSource.DEFAULT_MAP:
        return f"; it comes from {find_project().path}"
    if source is not ParameterSource.ENVIRONMENT:
        return ""
    own = parameter.envvar if isinstance(parameter.envvar, str) and os.environ.get(parameter.envvar) else None
    name = own or f"{context.auto_envvar_prefix}_{parameter.name.upper()}"
    return f"; it comes from the environment variable {name}"
