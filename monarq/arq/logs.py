"""``arq.logs``, as it is: monarq's arq side logs to arq's loggers."""

from __future__ import annotations

from arq.logs import default_log_config as default_log_config
