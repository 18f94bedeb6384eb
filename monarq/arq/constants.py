"""``arq.constants``, unchanged."""

from __future__ import annotations

from arq.constants import abort_job_max_age as abort_job_max_age
from arq.constants import abort_jobs_ss as abort_jobs_ss
from arq.constants import default_queue_name as default_queue_name
from arq.constants import expires_extra_ms as expires_extra_ms
from arq.constants import health_check_key_suffix as health_check_key_suffix
from arq.constants import in_progress_key_prefix as in_progress_key_prefix
from arq.constants import job_key_prefix as job_key_prefix
from arq.constants import keep_cronjob_progress as keep_cronjob_progress
from arq.constants import result_key_prefix as result_key_prefix
from arq.constants import retry_key_prefix as retry_key_prefix
from arq.constants import timezone_env_vars as timezone_env_vars
