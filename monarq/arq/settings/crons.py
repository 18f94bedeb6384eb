"""Converts arq's cron jobs to cron entries, with the time zone of their fields."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from arq.cron import CronJob

from monarq.shared.jobs.cron_schedule import from_arq_fields
from monarq.workers.cron.entry import CronEntry

_LOCALTIME: Final = Path("/etc/localtime")


def arq_entries(cron_jobs: Iterable[CronJob], zone: tzinfo) -> list[CronEntry]:
    """The entries of arq's cron jobs; ticks that were missed while no worker ran are skipped, as in arq.

    Raises:
        ScheduleError: a field of a cron job is invalid.
    """
    return [
        CronEntry(
            job_name=cron.name,
            name=cron.name,
            schedule=from_arq_fields(
                month=cron.month,
                day=cron.day,
                weekday=cron.weekday,
                hour=cron.hour,
                minute=cron.minute,
                second=cron.second,
                microsecond=cron.microsecond,
                zone=zone,
            ),
            unique=cron.unique,
            job_id=cron.job_id,
            run_at_startup=cron.run_at_startup,
        )
        for cron in cron_jobs
    ]


def local_zone() -> tzinfo:
    """This machine's time zone including its summer time; if it has no name, the current offset.

    arq always uses the offset, so its cron jobs are an hour off after a clock change.
    """
    offset = datetime.now().astimezone().tzinfo
    assert offset is not None
    zone = _named_zone()
    now = datetime.now(offset)
    # A zone file that disagrees with the C library is not the machine's.
    return zone if zone is not None and now.astimezone(zone).utcoffset() == now.utcoffset() else offset


def _named_zone() -> ZoneInfo | None:
    name = os.environ.get("TZ")
    try:
        if name is not None:
            return ZoneInfo(name.removeprefix(":") or "UTC")
        path = str(_LOCALTIME.resolve(strict=True))
        _, found, name = path.rpartition("zoneinfo/")
        if found:
            return ZoneInfo(name)
        with _LOCALTIME.open("rb") as file:
            return ZoneInfo.from_file(file, key="localtime")
    except (OSError, ValueError, KeyError):
        return None
