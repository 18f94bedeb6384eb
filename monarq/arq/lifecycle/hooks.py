"""The start-up and shut-down hooks of a worker with arq's settings, and the other parts that it is built from.

At startup, in arq's order: the client for ``ctx["redis"]``, the log lines about it, the user's ``on_startup``, then the
first health-check line and the first cron jobs, all before the first claim. At the end: the user's ``on_shutdown``,
then the client is closed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from arq.connections import ArqRedis, log_redis_info
from redis.exceptions import RedisError

from monarq.arq.client.arq_redis import ArqRedis as OwnArqRedis
from monarq.arq.client.pool import create_pool
from monarq.arq.lifecycle.health_check import HealthCheckWriter
from monarq.arq.runs.log import ArqLog
from monarq.arq.settings.reader import ArqTarget, arq_queue_of
from monarq.shared.redis.connection import RedisSource
from monarq.workers.config.settings import Hooks, WorkerSettings
from monarq.workers.cron.scheduler import CronScheduler
from monarq.workers.events.dispatcher import Dispatcher
from monarq.workers.process.lifecycle import BackgroundTask


class ArqHooks:
    """The start-up and shut-down hooks of a worker, which call the user's.

    Attributes:
        started: whether the start-up hook has returned.

    Args:
        names: the names of the worker's jobs.
        log: writes arq's log lines.
        health: writes the health-check key.
        cron: the scheduler of its cron jobs, or None.
        open_pool: returns the client for ``ctx["redis"]``.
        hooks: the user's hooks.
    """

    def __init__(
        self,
        names: list[str],
        log: ArqLog,
        health: HealthCheckWriter,
        cron: CronScheduler | None,
        open_pool: Callable[[], Awaitable[ArqRedis]],
        hooks: Hooks,
    ) -> None:
        self._names = names
        self._log = log
        self._health = health
        self._cron = cron
        self._open_pool = open_pool
        self._hooks = hooks
        self._pool: ArqRedis | None = None
        self.started = False

    async def startup(self, ctx: dict[Any, Any]) -> None:
        """Does everything that precedes the first claim.

        Raises:
            RedisError: Redis cannot be reached.
            Exception: raised by the user's hook.
        """
        pool = self._pool = await self._open_pool()
        try:
            self._log.starting(self._names)
            with suppress(RedisError):  # a user may not be allowed to call INFO
                await log_redis_info(pool, self._log.redis_info)
            ctx["redis"] = pool
            if self._hooks.startup:
                await self._hooks.startup(ctx)
        except BaseException:
            await pool.aclose(close_connection_pool=True)
            raise
        # If one of these fails, its background task does it later.
        with suppress(RedisError, OSError):
            await self._health.record(pool)
        if self._cron is not None:
            with suppress(RedisError, OSError):
                await self._cron.run_once(pool)
        self.started = True

    async def shutdown(self, ctx: dict[Any, Any]) -> None:
        """Does everything that follows the last job."""
        try:
            if self._hooks.shutdown:
                await self._hooks.shutdown(ctx)
        finally:
            if self._pool is not None:
                await self._pool.aclose(close_connection_pool=True)


@dataclass(frozen=True, slots=True)
class ArqParts:
    """The arguments of a core worker that arq's settings determine, besides functions, source and ctx."""

    settings: WorkerSettings
    events: Dispatcher
    background: list[BackgroundTask]


def make_parts(
    target: ArqTarget,
    settings: WorkerSettings | None = None,
    source: RedisSource | None = None,
    started: datetime | None = None,
) -> ArqParts:
    """Creates the parts of a core worker with arq's settings.

    Args:
        target: the settings.
        settings: the worker's settings, with some replaced. Default: those of the target.
        source: the Redis, if not the one that the settings name.
        started: see `CronScheduler`.
    """
    settings = settings or target.settings
    log = ArqLog(log_results=target.log_results)
    events = Dispatcher(log, *settings.listeners)
    health = HealthCheckWriter(settings, log, events, key=target.health_check_key, interval_s=target.health_check_s)
    cron = make_cron_scheduler(target, settings, events, started)
    own = ArqHooks(
        target.names, log, health, cron, lambda: open_pool(target, arq_queue_of(settings).name, source), settings.hooks
    )
    hooks = replace(settings.hooks, startup=own.startup, shutdown=own.shutdown)
    return ArqParts(replace(settings, hooks=hooks), events, [health] if cron is None else [health, cron])


def make_cron_scheduler(
    target: ArqTarget, settings: WorkerSettings, events: Dispatcher, started: datetime | None = None
) -> CronScheduler | None:
    """Creates the scheduler of the target's cron jobs, if it has any."""
    if not target.crons:
        return None
    return CronScheduler(
        target.crons,
        queue=arq_queue_of(settings),
        codecs=settings.codecs,
        events=events,
        ttl_ms=target.expires_extra_ms,
        started=started,
    )


async def open_pool(target: ArqTarget, queue: str, source: RedisSource | None = None) -> ArqRedis:
    """The client for ``ctx["redis"]``: for the given source, else the user's own, else from the user's settings.

    Raises:
        RedisError: Redis cannot be reached, after as many attempts as the user's settings allow.
    """
    own: dict[str, Any] = {
        "job_serializer": target.job_serializer,
        "job_deserializer": target.job_deserializer,
        "default_queue_name": queue,
        "expires_extra_ms": target.expires_extra_ms,
    }
    if source is not None:
        pool: ArqRedis = OwnArqRedis(source.client().connection_pool, **own)
    else:
        pool = target.redis_pool or await create_pool(target.redis_settings, **own)
    if isinstance(pool, OwnArqRedis):
        pool.signer = target.settings.codecs.signer
    return pool
