"""``arq.jobs``: a `Job` that also reads msgpack and aborts in one step; the rest is arq's."""

from __future__ import annotations

from arq.constants import abort_jobs_ss as abort_jobs_ss
from arq.constants import default_queue_name as default_queue_name
from arq.constants import in_progress_key_prefix as in_progress_key_prefix
from arq.constants import job_key_prefix as job_key_prefix
from arq.constants import result_key_prefix as result_key_prefix
from arq.jobs import DeserializationError as DeserializationError
from arq.jobs import Deserializer as Deserializer
from arq.jobs import JobDef as JobDef
from arq.jobs import JobResult as JobResult
from arq.jobs import JobStatus as JobStatus
from arq.jobs import ResultNotFound as ResultNotFound
from arq.jobs import SerializationError as SerializationError
from arq.jobs import Serializer as Serializer
from arq.jobs import deserialize_job as deserialize_job
from arq.jobs import deserialize_job_raw as deserialize_job_raw
from arq.jobs import deserialize_result as deserialize_result
from arq.jobs import logger as logger
from arq.jobs import serialize_job as serialize_job
from arq.jobs import serialize_result as serialize_result
from arq.utils import ms_to_datetime as ms_to_datetime
from arq.utils import poll as poll
from arq.utils import timestamp_ms as timestamp_ms

from monarq.arq.client.arq_redis import Job as Job
