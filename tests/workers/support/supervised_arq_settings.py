"""The same jobs under arq's settings, whose Redis has no URL that the supervisor could use."""

from __future__ import annotations

import os

from arq.connections import RedisSettings

from tests.workers.support import supervised_jobs


class Settings:
    """As arq has them."""

    functions = (supervised_jobs.wait_for_first_run,)
    redis_settings = RedisSettings.from_dsn(os.environ["TEST_REDIS_URL"])
