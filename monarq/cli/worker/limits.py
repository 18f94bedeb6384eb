"""The options of `monarq worker` that set limits: of jobs, of workers, of their child processes and of what is kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

from monarq.cli.command_line.arguments import parse_duration, parse_size

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])

_COUNT: Final[dict[str, Any]] = {"type": click.IntRange(1), "metavar": "N"}
_SIZE: Final[dict[str, Any]] = {"type": parse_size, "metavar": "SIZE"}
_DURATION: Final[dict[str, Any]] = {"type": parse_duration, "metavar": "DURATION"}

_OPTIONS: Final = (
    click.option(
        "--max-jobs-per-worker",
        **_COUNT,
        help="Replace a worker by a new one when it has run so many jobs. Default: never.",
    ),
    click.option(
        "--max-memory-per-worker",
        **_SIZE,
        help="Replace a worker by a new one when its jobs make it take more memory, such as 512MB. Default: never.",
    ),
    click.option(
        "--max-abandoned-threads",
        type=click.IntRange(1, 1000),
        default=100,
        show_default=True,
        metavar="N",
        help="Replace a worker by a new one when so many of its threads go on after their jobs' timeouts.",
    ),
    click.option(
        "--max-jobs-per-child",
        **_COUNT,
        help="Replace the process of the cpu lane when it has run so many jobs. Default: the target's, else 1000.",
    ),
    click.option(
        "--cpu-memory",
        **_SIZE,
        help="What a cpu job may take that has no limit of its own, such as 256MB. Default: the target's, else any.",
    ),
    click.option(
        "--max-payload",
        **_SIZE,
        help="A job with a larger payload is dead; producers have a limit of their own. Default: the"
        " target's, else 8MB.",
    ),
    click.option(
        "--max-result",
        **_SIZE,
        help="A job with a larger result has failed. Default: the target's, else 64MB.",
    ),
    click.option(
        "--max-error-text",
        **_SIZE,
        help="How much is kept of an error's text, in logs, results and dead letters. Default: the target's,"
        " else 20KB.",
    ),
    click.option(
        "--keep-result",
        **_DURATION,
        help="How long results are kept of jobs that do not say; 0 not at all. Default: the target's, else 1h.",
    ),
    click.option(
        "--max-crashes",
        **_COUNT,
        help="A job that so often was running when its worker died is dead. Default: the target's, else 3.",
    ),
    click.option(
        "--keep-unknown",
        **_DURATION,
        help="How long a job of an unknown name waits for a worker that knows it, before it is dead. Default: 1h.",
    ),
    click.option(
        "--keep-dead",
        **_DURATION,
        help="How long dead letters are kept. Default: the target's, else 7d.",
    ),
    click.option(
        "--max-dead",
        **_COUNT,
        help="How many dead letters a queue keeps, the newest. Default: the target's, else 10000.",
    ),
)


def limit_options(function: FunctionT) -> FunctionT:
    """Adds all of them to a command."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function
