"""The Redis preflight of a worker: waits until Redis answers, then checks its version and whether it can lose jobs.

The worker runs it once, at its start, before anything else. What no waiting mends, such as a wrong password, ends the
start at once. A server that does not answer INFO is taken as it is.
"""

from __future__ import annotations

import asyncio
import math
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from monarq.shared.errors import RedisUnavailableError
from monarq.shared.redis.backoff import Backoff
from monarq.shared.redis.redis_errors import REDIS_ERRORS, CommandFailure, classify_failure, explain
from monarq.workers.config.settings import WorkerSettings
from monarq.workers.events.dispatcher import Dispatcher

LEAST_VERSION: Final = (6, 2)

_VERSION: Final = re.compile(r"(\d+)\.(\d+)")

REPORT_EVERY_S: Final = 5.0
"""How often the wait is reported while it lasts."""

_PERMANENT: Final = (CommandFailure.DENIED, CommandFailure.REFUSED)


async def wait_for_redis(
    redis: Redis, shown: str, events: Dispatcher, settings: WorkerSettings, stopping: asyncio.Event
) -> bool:
    """Waits until Redis answers.

    Args:
        redis: a client.
        shown: the server, as people may read it.
        events: the wait is reported to it if ``settings.preflight_warnings`` is set: one worker warns for its pool.
        settings: its ``redis_wait_s`` says how long to wait.
        stopping: set when the worker must stop.

    Returns:
        Whether Redis answers; False if the worker must stop before it does.

    Raises:
        RedisUnavailableError: Redis was away for too long, or refuses the login.
        RedisRefusedError: Redis refuses the request and always will, for instance as there is no such database.
    """
    began_s = time.monotonic()
    reported_s = -math.inf
    backoff = Backoff()
    while not stopping.is_set():
        try:
            await redis.ping()
            return True
        except REDIS_ERRORS as error:
            now_s = time.monotonic()
            waited_s = now_s - began_s
            if classify_failure(error) in _PERMANENT or waited_s >= settings.redis_wait_s:
                raise explain(error, shown) from error
            if settings.preflight_warnings and now_s - reported_s >= REPORT_EVERY_S:
                reported_s = now_s
                events.redis_awaited(str(explain(error, shown)), waited_s)
        with suppress(TimeoutError):
            async with asyncio.timeout(backoff.next_s()):
                await stopping.wait()
    return False


async def check_server(redis: Redis, shown: str, events: Dispatcher, *, warns: bool) -> None:
    """Checks the server's version, and warns where it can lose jobs.

    Args:
        redis: a client.
        shown: the server, as people may read it.
        events: gets a warning for each danger, of one line.
        warns: whether to warn; one worker of a pool is enough.

    Raises:
        RedisUnavailableError: the server is too old.
    """
    try:
        info = await redis.info()
    except (RedisError, OSError):
        # Not every user may call INFO, and the worker's components notice by themselves when Redis is away.
        return
    _check_version(info, shown)
    if warns:
        for danger in dangers_of(info):
            events.redis_warning(danger)


def dangers_of(info: Mapping[str, Any]) -> list[str]:
    """How the server can lose jobs, by its reply to INFO, a line each; a field that is missing counts as safe."""
    dangers = []
    policy = info.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        dangers.append(
            f"its maxmemory-policy is {policy}: when its memory is full it drops queued jobs;"
            " set maxmemory-policy noeviction"
        )
    if info.get("aof_enabled", 1) == 0:
        dangers.append(
            "its appendonly is off: a crash or restart loses the jobs since its last snapshot, or all;"
            " set appendonly yes, or start `monarq redis` with --data-dir"
        )
    return dangers


def _check_version(info: Mapping[str, Any], shown: str) -> None:
    version = str(info.get("redis_version", ""))
    found = _VERSION.match(version)
    if found is not None and (int(found[1]), int(found[2])) < LEAST_VERSION:
        least = ".".join(map(str, LEAST_VERSION))
        raise RedisUnavailableError(f"Redis at {shown} is version {version}: monarq needs {least} or newer")
