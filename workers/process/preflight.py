"""The Redis preflight of a worker: waits until Redis answers, then checks whether it can be used and can lose jobs.

The worker runs it once at startup, before anything else. An error that waiting cannot fix, such as a wrong password,
ends the start at once. A server that does not answer INFO is accepted unchecked.
"""

from __future__ import annotations

import asyncio
import math
import re
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError

from monarq.shared.errors import RedisUnavailableError
from monarq.shared.formats.choice.namesakes import find_namesakes
from monarq.shared.formats.choice.pauses import find_paused
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.redis.backoff import Backoff
from monarq.shared.redis.connection import SOCKET_TIMEOUT_S
from monarq.shared.redis.redis_errors import REDIS_ERRORS, CommandFailure, classify_failure, explain
from monarq.shared.redis.servers import servers_of
from monarq.workers.config.settings import WorkerSettings
from monarq.workers.events.dispatcher import Dispatcher
from monarq.workers.reporting.worker_log import warn_namesake, warn_paused

_CHANNEL: Final = "monarq:n:preflight"
"""Nobody publishes on it."""

_UNKNOWN: Final = ("unknown command", "unsupported", "not supported")

LEAST_VERSION: Final = (6, 2)

_VERSION: Final = re.compile(r"(\d+)\.(\d+)")

REPORT_EVERY_S: Final = 5.0
"""How often the wait is reported."""

_PERMANENT: Final = (CommandFailure.DENIED, CommandFailure.REFUSED)


async def wait_for_redis(
    redis: Redis, shown: str, events: Dispatcher, settings: WorkerSettings, stopping: asyncio.Event
) -> bool:
    """Waits until Redis answers.

    Args:
        redis: a client.
        shown: the server's URL without secrets.
        events: gets reports of the wait if ``settings.preflight_warnings`` is set: one worker warns for its pool.
        settings: its ``redis_wait_s`` says how long to wait.
        stopping: set when the worker must stop.

    Returns:
        Whether Redis answers; False if the worker must stop before it does.

    Raises:
        RedisUnavailableError: Redis was unreachable for too long, or refuses the login.
        RedisRefusedError: Redis permanently refuses the request, for instance because there is no such database.
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
    """Checks the server's version and mode, and warns if it can lose jobs; on a cluster, checks each primary.

    Args:
        redis: a client.
        shown: the server's URL without secrets.
        events: gets a one-line warning for each danger.
        warns: whether to warn; one worker of a pool is enough.

    Raises:
        RedisUnavailableError: the server is too old, or is a sentinel or a cluster node but its URL does not say so.
    """
    dangers: dict[str, list[str]] = {}
    for name, server in servers_of(redis):
        try:
            info = await server.info()
        except (RedisError, OSError):
            # Not every user may call INFO, and the worker's components notice by themselves if Redis is down.
            continue
        if "sentinel" in (info.get("redis_mode"), info.get("server_mode")):  # Valkey may have the second alone
            raise RedisUnavailableError(f"Redis at {shown} is a sentinel: use redis+sentinel://host:port/SERVICE")
        _check_version(info, name or shown)
        if not name and info.get("cluster_enabled") == 1:
            raise RedisUnavailableError(
                f"Redis at {shown} is a node of a Redis Cluster: use redis+cluster://host:port, with native queues"
            )
        for danger in dangers_of(info):
            dangers.setdefault(danger, []).append(name)
    if warns:
        for danger, names in dangers.items():
            where = f" (node{'' if len(names) == 1 else 's'} {', '.join(names)} of the cluster)" if names[0] else ""
            events.redis_warning(danger + where)


async def check_pubsub(redis: Redis, shown: str) -> None:
    """Checks that the server lets clients subscribe. A proxy may not, and then workers would not be woken.

    Raises:
        RedisUnavailableError: it answers, but does not accept SUBSCRIBE.
    """
    # Twice, since the connection may have been closed for another reason.
    for _ in range(2):
        for _, server in servers_of(redis):
            if not await _refuses_to_subscribe(server):
                return
    raise RedisUnavailableError(
        f"Redis at {shown} refuses SUBSCRIBE, like a proxy such as twemproxy: give the address of Redis itself, of its"
        " sentinels, or of its cluster"
    )


async def _refuses_to_subscribe(redis: Redis) -> bool:
    """Whether it closes the connection or does not know the command; other errors are reported elsewhere."""
    pubsub = redis.pubsub()
    try:
        async with asyncio.timeout(SOCKET_TIMEOUT_S):
            await pubsub.subscribe(_CHANNEL)
            await pubsub.get_message(timeout=SOCKET_TIMEOUT_S)
    except ResponseError as error:
        return any(words in str(error).lower() for words in _UNKNOWN)
    except RedisConnectionError:
        with suppress(*REDIS_ERRORS):
            await redis.ping()
            return True
        return False
    except REDIS_ERRORS:
        return False
    finally:
        with suppress(*REDIS_ERRORS):
            await pubsub.aclose()  # type: ignore[no-untyped-call]
    return False


async def warn_of_namesakes(redis: Redis, queues: Iterable[QueueRef]) -> None:
    """Warns if one of these queues is empty while a queue of the same name in the other format has jobs.

    Args:
        redis: a client.
        queues: the queues that the worker serves.
    """
    with suppress(RedisError, OSError):
        for found in await find_namesakes(redis, queues):
            warn_namesake(found)


async def warn_of_paused(redis: Redis, queues: Iterable[QueueRef], *, ends: bool) -> None:
    """Warns of paused queues, in one line for all.

    Args:
        redis: a client.
        queues: the queues that the worker serves.
        ends: whether the worker ends because its burst is done, rather than starts.
    """
    with suppress(RedisError, OSError):
        if paused := await find_paused(redis, queues):
            warn_paused(paused, ends=ends)


def dangers_of(info: Mapping[str, Any]) -> list[str]:
    """How the server can lose jobs according to INFO, one line each; a missing field counts as safe."""
    return [danger for danger in (eviction_danger(info), persistence_danger(info)) if danger]


def eviction_danger(info: Mapping[str, Any]) -> str:
    """How the server can lose jobs when its memory is full; '' if it cannot."""
    policy = info.get("maxmemory_policy", "noeviction")
    if policy == "noeviction":
        return ""
    return (
        f"maxmemory-policy is {policy}: when its memory is full, it drops queued jobs; set maxmemory-policy noeviction"
    )


def persistence_danger(info: Mapping[str, Any]) -> str:
    """How the server can lose jobs when it crashes; '' if it loses at most a second."""
    if info.get("aof_enabled", 1) != 0:
        return ""
    return (
        "appendonly is off: a crash or restart loses the jobs since its last snapshot, or all;"
        " set appendonly yes, or start `monarq redis` with --data-dir"
    )


def _check_version(info: Mapping[str, Any], shown: str) -> None:
    version = str(info.get("redis_version", ""))
    found = _VERSION.match(version)
    if found is not None and (int(found[1]), int(found[2])) < LEAST_VERSION:
        least = ".".join(map(str, LEAST_VERSION))
        raise RedisUnavailableError(f"Redis at {shown} is version {version}: monarq needs {least} or newer")
