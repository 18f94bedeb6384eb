"""What an arq worker does around its jobs, and the parts of an engine that runs by arq's settings.

At the start, in arq's order: the client for ``ctx["redis"]``, the lines about it, the user's ``on_startup``, then the
first health line and the first cron jobs, all before the first claim. At the end ``on_shutdown``, and the client.
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
from monarq.arq.lifecycle.health_check import ArqHealth
from monarq.arq.runs.log import ArqLog
from monarq.arq.settings.reader import ArqTarget
from monarq.shared.redis.connection import RedisSource
from monarq.workers.config.settings import Hook, WorkerSettings
from monarq.workers.cron.scheduler import CronScheduler
from monarq.workers.events.dispatcher import Dispatcher
from monarq.workers.process.lifecycle import BackgroundTask


class ArqLife:
    """A worker's start and end.

    Attributes:
        started: whether the start is over.

    Args:
        names: the names of its jobs.
        log: writes arq's lines.
        health: the health-check key.
        cron: the scheduler of its cron jobs, or None.
        open_pool: gives the client for ``ctx["redis"]``.
        on_startup: the user's hook.
        on_shutdown: the user's hook.
    """

    def __init__(
        self,
        names: list[str],
        log: ArqLog,
        health: ArqHealth,
        cron: CronScheduler | None,
        open_pool: Callable[[], Awaitable[ArqRedis]],
        on_startup: Hook | None,
        on_shutdown: Hook | None = None,
    ) -> None:
        self._names = names
        self._log = log
        self._health = health
        self._cron = cron
        self._open_pool = open_pool
        self._on_startup = on_startup
        self._on_shutdown = on_shutdown
        self._pool: ArqRedis | None = None
        self.started = False

    async def startup(self, ctx: dict[Any, Any]) -> None:
        """Everything before the first claim.

        Raises:
            RedisError: Redis cannot be reached.
            Exception: what the user's hook raised.
        """
        pool = self._pool = await self._open_pool()
        try:
            self._log.starting(self._names)
            with suppress(RedisError):  # a user may not be allowed to ask
                await log_redis_info(pool, self._log.redis_info)
            ctx["redis"] = pool
            if self._on_startup:
                await self._on_startup(ctx)
        except BaseException:
            await pool.aclose(close_connection_pool=True)
            raise
        # What fails here is done later, by the parts themselves.
        with suppress(RedisError, OSError):
            await self._health.record(pool)
        if self._cron is not None:
            with suppress(RedisError, OSError):
                await self._cron.run_once(pool)
        self.started = True

    async def shutdown(self, ctx: dict[Any, Any]) -> None:
        """Everything after the last job."""
        try:
            if self._on_shutdown:
                await self._on_shutdown(ctx)
        finally:
            if self._pool is not None:
                await self._pool.aclose(close_connection_pool=True)


@dataclass(frozen=True, slots=True)
class ArqParts:
    """What an engine takes beside functions, source and ctx."""

    settings: WorkerSettings
    events: Dispatcher
    background: list[BackgroundTask]


def arq_parts(
    target: ArqTarget,
    settings: WorkerSettings | None = None,
    source: RedisSource | None = None,
    started: datetime | None = None,
) -> ArqParts:
    """The parts of a worker process that runs by arq's settings.

    Args:
        target: the settings, read.
        settings: the same with some replaced.
        source: another Redis than the settings name.
        started: see `CronScheduler`.
    """
    settings = settings or target.settings
    log = ArqLog(log_results=target.log_results)
    events = Dispatcher(log, *settings.listeners)
    health = ArqHealth(settings, log, events, key=target.health_check_key, interval_s=target.health_check_s)
    cron = make_scheduler(target, settings, events, started)
    life = ArqLife(
        target.names,
        log,
        health,
        cron,
        lambda: open_pool(target, settings.queues[0], source),
        settings.hooks.startup,
        settings.hooks.shutdown,
    )
    hooks = replace(settings.hooks, startup=life.startup, shutdown=life.shutdown)
    return ArqParts(replace(settings, hooks=hooks), events, [health] if cron is None else [health, cron])


def make_scheduler(
    target: ArqTarget, settings: WorkerSettings, events: Dispatcher, started: datetime | None = None
) -> CronScheduler | None:
    """The scheduler of the target's cron jobs, if it has any."""
    if not target.crons:
        return None
    return CronScheduler(
        target.crons,
        queue=settings.queues[0],
        codecs=settings.codecs,
        events=events,
        ttl_ms=target.expires_extra_ms,
        started=started,
    )


async def open_pool(target: ArqTarget, queue: str, source: RedisSource | None = None) -> ArqRedis:
    """The client for ``ctx["redis"]``: the user's own, else one by the user's settings, else one to the given source.

    Raises:
        RedisError: Redis cannot be reached, after as many attempts as the user's settings say.
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
