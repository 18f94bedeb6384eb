"""``arq.cron``, unchanged: monarq's workers compute the ticks with their own schedules."""

from __future__ import annotations

from arq.cron import CronJob as CronJob
from arq.cron import Options as Options
from arq.cron import cron as cron
from arq.cron import next_cron as next_cron
from arq.typing import WEEKDAYS as WEEKDAYS
from arq.typing import OptionType as OptionType
from arq.typing import SecondsTimedelta as SecondsTimedelta
from arq.typing import WeekdayOptionType as WeekdayOptionType
from arq.typing import WorkerCoroutine as WorkerCoroutine
from arq.utils import import_string as import_string
from arq.utils import to_seconds as to_seconds
