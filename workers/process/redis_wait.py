"""How a worker waits at its start for a Redis that is not there yet: not up, not in DNS, or loading its data.

The service calls it before anything else. What no waiting mends, such as a wrong password, ends the start at once.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import Final

from redis.asyncio import Redis

from monarq.shared.redis.backoff import Backoff
from monarq.shared.redis.redis_errors import REDIS_ERRORS, CommandFailure, classify_failure, explain
from monarq.workers.config.settings import WorkerSettings
from monarq.workers.events.dispatcher import Dispatcher

TOLD_EACH_S: Final = 5.0
"""How often it is told of while it lasts."""

_LASTING: Final = (CommandFailure.DENIED, CommandFailure.REFUSED)


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
        except REDIS_ERRORS as error:
            now_s = time.monotonic()
            waited_s = now_s - began_s
            if classify_failure(error) in _LASTING or waited_s >= settings.redis_wait_s:
                raise explain(error, shown) from error
            if settings.audit and (not told or now_s - told_s >= TOLD_EACH_S):
                told, told_s = True, now_s
                events.redis_awaited(str(explain(error, shown)), waited_s)
        with suppress(TimeoutError):
            async with asyncio.timeout(backoff.next_s()):
                await stopping.wait()
    return False
