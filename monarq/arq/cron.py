"""``arq.cron``, as it is: a worker of monarq's finds the ticks by its own schedules."""

from __future__ import annotations

from arq.cron import CronJob as CronJob
from arq.cron import Options as Options
from arq.cron import cron as cron
from arq.cron import next_cron as next_cron
