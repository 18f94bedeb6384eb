"""What a worker looks at in its Redis before it takes jobs: is it new enough, and can it lose what it is given?

The worker calls it once, at its start. A server that does not let itself be asked is taken as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from monarq.shared.errors import RedisUnavailableError
from monarq.workers.events.dispatcher import Dispatcher

LEAST_VERSION: Final = (6, 2)

_VERSION: Final = re.compile(r"(\d+)\.(\d+)")


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
