"""The jobs of `chaos.jobs` for workers that ask sentinels for their Redis, as arq's settings can say it."""

from __future__ import annotations

import os
from typing import Any, ClassVar

from arq.connections import RedisSettings

from chaos.failover import NAME, PORTS_VARIABLE
from chaos.jobs import retried, work

PORTS = [int(port) for port in os.environ.get(PORTS_VARIABLE, "").split(",") if port]


class WorkerSettings:
    """``monarq worker chaos.sentinel_jobs.WorkerSettings``."""

    functions: ClassVar[list[Any]] = [work, retried]
    redis_settings = RedisSettings(host=[("127.0.0.1", port) for port in PORTS], sentinel=True, sentinel_master=NAME)
