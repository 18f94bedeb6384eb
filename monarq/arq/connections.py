"""``arq.connections``: a client whose `enqueue_job` is one reliable call; `RedisSettings` is arq's."""

from __future__ import annotations

from arq.connections import RedisSettings as RedisSettings
from arq.connections import log_redis_info as log_redis_info

from monarq.producer.arq_pool import create_pool as create_pool
from monarq.producer.arq_redis import ArqRedis as ArqRedis
