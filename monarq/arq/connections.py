"""``arq.connections``: a client whose `enqueue_job` is one reliable call, and `RedisSettings` that read a whole URL."""

from __future__ import annotations

from arq.connections import BaseRedis as BaseRedis
from arq.connections import log_redis_info as log_redis_info
from arq.connections import logger as logger
from arq.constants import default_queue_name as default_queue_name
from arq.constants import expires_extra_ms as expires_extra_ms
from arq.constants import job_key_prefix as job_key_prefix
from arq.constants import result_key_prefix as result_key_prefix
from arq.jobs import Deserializer as Deserializer
from arq.jobs import JobDef as JobDef
from arq.jobs import JobResult as JobResult
from arq.jobs import Serializer as Serializer
from arq.jobs import deserialize_job as deserialize_job
from arq.jobs import serialize_job as serialize_job
from arq.utils import timestamp_ms as timestamp_ms
from arq.utils import to_ms as to_ms
from arq.utils import to_unix_ms as to_unix_ms

from monarq.arq.client.arq_redis import ArqRedis as ArqRedis
from monarq.arq.client.arq_redis import Job as Job
from monarq.arq.client.pool import create_pool as create_pool
from monarq.arq.client.redis_settings import RedisSettings as RedisSettings
