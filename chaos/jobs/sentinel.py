"""The jobs of `chaos.jobs.plain` for workers that ask sentinels for their Redis, as arq's settings can say it."""

from __future__ import annotations

import os
from typing import Any, ClassVar

from arq.connections import RedisSettings

from chaos.jobs.plain import retried, work
from chaos.processes.failover import NAME, PORTS_VARIABLE

PORTS = [int(port) for port in os.environ.get(PORTS_VARIABLE, "").split(",") if port]


class WorkerSettings:
    """``monarq worker chaos.jobs.sentinel.WorkerSettings``."""

    functions: ClassVar[list[Any]] = [work, retried]
    redis_settings = RedisSettings(host=[("127.0.0.1", port) for port in PORTS], sentinel=True, sentinel_master=NAME)
