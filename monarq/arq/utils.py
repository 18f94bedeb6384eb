"""``arq.utils``, unchanged."""

from __future__ import annotations

from arq.constants import timezone_env_vars as timezone_env_vars
from arq.utils import DEFAULT_CURTAIL as DEFAULT_CURTAIL
from arq.utils import args_to_string as args_to_string
from arq.utils import as_int as as_int
from arq.utils import get_tz as get_tz
from arq.utils import import_string as import_string
from arq.utils import logger as logger
from arq.utils import ms_to_datetime as ms_to_datetime
from arq.utils import poll as poll
from arq.utils import timestamp_ms as timestamp_ms
from arq.utils import to_ms as to_ms
from arq.utils import to_seconds as to_seconds
from arq.utils import to_unix_ms as to_unix_ms
from arq.utils import truncate as truncate
