"""The main function of the examples' scripts: options, pool, comparison, table, exit code."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from typing import Final

from redis.exceptions import RedisError
from rich.console import Console

from monarq.examples.harness.comparison import compare
from monarq.examples.harness.pool import LocalPool, PoolError, count_workers
from monarq.examples.harness.rows import summarize
from monarq.examples.harness.workload import Workload
from monarq.shared.errors import MonarqError
from monarq.shared.redis.connection import redacted_url, redis_url
from monarq.shared.redis.redis_errors import explain

JOBS: Final = "monarq.examples.jobs"
"""The examples' jobs by a name that workers can load in any folder; in a checkout, `examples.jobs` is the same."""


def run_script(make_workload: Callable[[], AbstractContextManager[Workload]], description: str | None) -> int:
    """Does an example's workload both ways and prints the figures.

    Args:
        make_workload: opens the workload for the duration of a block.
        description: the example's docstring, for `--help`.

    Returns:
        The exit code: 0; 1 if the results of the two ways differ; 2 if there are no workers.
    """
    arguments = make_parser(description).parse_args()
    console = Console()
    with ExitStack() as stack:
        try:
            url = open_pool(stack, arguments, console)
        except MonarqError as error:
            return refuse(error)
        measured = compare(stack.enter_context(make_workload()), url, console)
    console.print(summarize([measured]))
    return 0 if measured.same else 1


def refuse(error: MonarqError) -> int:
    """Prints why there is no pool; returns the exit code."""
    Console(stderr=True).print(str(error), highlight=False, markup=False)
    return 2


def make_parser(description: str | None) -> argparse.ArgumentParser:
    """The options that all examples have: `pool` and `redis`."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pool", action="store_true", help="start a private Redis and a pool of workers")
    parser.add_argument("--redis", metavar="URL", help="the Redis of running workers; by default that of REDIS_URL")
    return parser


def open_pool(stack: ExitStack, arguments: argparse.Namespace, console: Console) -> str:
    """The URL of a Redis with workers: running ones, or a pool that ends with the stack.

    Raises:
        PoolError: there are no workers, or they do not start.
        RedisUnavailableError: Redis cannot be reached.
        SettingsError: it is not the URL of a Redis.
    """
    if arguments.pool or arguments.redis == "embedded":
        pool = stack.enter_context(LocalPool(JOBS))
        console.print(f"{pool.workers} workers on {pool.redis.description}", highlight=False)
        return pool.url
    url = redis_url(arguments.redis)
    try:
        workers = asyncio.run(count_workers(url))
    except (RedisError, OSError) as error:
        raise explain(error, redacted_url(url)) from error
    if not workers:
        raise PoolError("no worker is running: start `monarq worker examples.jobs` in another terminal, or give --pool")
    console.print(f"{workers} workers on {redacted_url(url)}", highlight=False)
    return url
