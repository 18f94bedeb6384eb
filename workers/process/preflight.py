"""The Redis preflight of a worker: waits until Redis answers, then checks its version and whether it can lose jobs.

The worker runs it once, at its start, before anything else. What no waiting mends, such as a wrong password, ends the
start at once. A server that does not answer INFO is taken as it is.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from monarq.shared.errors import RedisUnavailableError
from monarq.shared.redis.backoff import Backoff
from monarq.shared.redis.redis_errors import WIRE_ERRORS, Fault, explain, fault_of
from monarq.workers.config.settings import WorkerSettings
from monarq.workers.events.dispatcher import Dispatcher

LEAST_VERSION: Final = (6, 2)

_VERSION: Final = re.compile(r"(\d+)\.(\d+)")

TOLD_EACH_S: Final = 5.0
"""How often it is told of while it lasts."""

_LASTING: Final = (Fault.DENIED, Fault.REFUSED)


async def wait_for_redis(
    redis: Redis, shown: str, events: Dispatcher, settings: WorkerSettings, stopping: asyncio.Event
) -> bool:
    """Waits until Redis answers.

    Args:
        redis: a client.
        shown: the server, fit for people.
        events: hears of the wait; where ``settings.audit`` is set, as one worker tells for its pool.
        settings: say how long to wait: ``redis_wait_s``.
        stopping: set where the worker is to stop.

    Returns:
        False where it is to stop before.

    Raises:
        RedisUnavailableError: it was away for too long, or does not let us in.
        RedisRefusedError: it refuses to answer, and will again: there is no such database, say.
    """
    began_s = told_s = time.monotonic()
    told = False
    backoff = Backoff()
    while not stopping.is_set():
        try:
            await redis.ping()
            return True
        except WIRE_ERRORS as error:
            now_s = time.monotonic()
            waited_s = now_s - began_s
            if fault_of(error) in _LASTING or waited_s >= settings.redis_wait_s:
                raise explain(error, shown) from error
            if settings.audit and (not told or now_s - told_s >= TOLD_EACH_S):
                told, told_s = True, now_s
                events.redis_awaited(str(explain(error, shown)), waited_s)
        with suppress(TimeoutError):
            async with asyncio.timeout(backoff.next_s()):
                await stopping.wait()
    return False


async def check_redis(redis: Redis, shown: str, events: Dispatcher, *, tells: bool) -> None:
    """Looks at the server.

    Args:
        redis: a client.
        shown: the server, fit for people.
        events: hears of each danger, in one line.
        tells: whether it hears of any; of a pool of workers one is enough.

    Raises:
        RedisUnavailableError: the server is too old.
    """
    try:
        told = await redis.info()
    except (RedisError, OSError):
        # Not every user may ask, and whether Redis is there is found out by those who need it.
        return
    _check_version(told, shown)
    if tells:
        for danger in dangers_of(told):
            events.redis_warning(danger)


def dangers_of(told: Mapping[str, Any]) -> list[str]:
    """How jobs can be lost, a line each, from what INFO tells; of what it does not tell, nothing is said."""
    dangers = []
    policy = told.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        dangers.append(
            f"its maxmemory-policy is {policy}: when its memory is full it drops queued jobs;"
            " set maxmemory-policy noeviction"
        )
    if told.get("aof_enabled", 1) == 0:
        dangers.append(
            "its appendonly is off: a crash or restart loses the jobs since its last snapshot, or all;"
            " set appendonly yes, or start `monarq redis` with --data-dir"
        )
    return dangers


def _check_version(told: Mapping[str, Any], shown: str) -> None:
    version = str(told.get("redis_version", ""))
    found = _VERSION.match(version)
    if found is not None and (int(found[1]), int(found[2])) < LEAST_VERSION:
        least = ".".join(map(str, LEAST_VERSION))
        raise RedisUnavailableError(f"Redis at {shown} is version {version}: monarq needs {least} or newer")
