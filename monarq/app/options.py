"""The options that an app was made with: plain values, for monarq's own use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from monarq.shared.queue import Queue

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from monarq.shared.jobs.middleware import AnyMiddleware
    from monarq.shared.settings.defaults import Defaults
    from monarq.workers.config.app_parts import CpuLifespan, Lifespan
    from monarq.workers.events.listener import Listener


@dataclass(frozen=True, slots=True)
class AppOptions:
    """The options of an `App`, which documents them. `include` has modules, their dotted names, and apps."""

    lifespan: Lifespan | None
    cpu_lifespan: CpuLifespan | None
    middleware: tuple[AnyMiddleware, ...]
    listeners: tuple[Listener, ...]
    redis: str | Redis | None
    queue: str | Queue | None
    queues: tuple[str | Queue, ...]
    defaults: Defaults | None
    include: tuple[object, ...]
    prefix: str
