"""``arq.logs``, unchanged: a worker with arq's settings logs to arq's loggers."""

from __future__ import annotations

from arq.logs import default_log_config as default_log_config
