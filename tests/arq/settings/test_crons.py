"""arq's cron jobs as entries of monarq's, and the time zone that they are in."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo

import arq
import pytest

from monarq.arq.settings import crons as arq_cron
from monarq.arq.settings.reader import read_arq_settings
from tests.arq import jobs


def test_the_zone_is_the_given_one_or_the_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    fixed = timezone(timedelta(hours=3))
    assert read_arq_settings({"functions": [jobs.add], "timezone": fixed}).zone is fixed
    monkeypatch.setattr(arq_cron, "local_zone", lambda: UTC)
    cron_jobs = [arq.cron(jobs.add, hour=3, minute=0, microsecond=0)]
    read = read_arq_settings({"cron_jobs": cron_jobs, "timezone": ZoneInfo("Europe/Berlin")})
    schedule = read.crons[0].schedule
    assert schedule.next_after(datetime(2026, 1, 10, tzinfo=UTC)) == datetime(2026, 1, 10, 2, tzinfo=UTC)
    # After the clocks changed it is still 3 o'clock; arq's fixed offset would be an hour off.
    assert schedule.next_after(datetime(2026, 7, 10, tzinfo=UTC)) == datetime(2026, 7, 10, 1, tzinfo=UTC)


@pytest.fixture
def local_time(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    yield monkeypatch
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("Europe/Berlin", ZoneInfo("Europe/Berlin")),
        (":America/New_York", ZoneInfo("America/New_York")),
        ("", ZoneInfo("UTC")),
        ("XYZ-5:30", None),  # POSIX, without a name
        ("no/such/zone", None),
    ],
)
def test_the_local_zone_by_its_name_else_by_its_offset(
    local_time: pytest.MonkeyPatch, name: str, found: ZoneInfo | None
) -> None:
    local_time.setenv("TZ", name)
    time.tzset()
    zone = arq_cron.local_zone()
    now = datetime.now(UTC)
    assert zone.utcoffset(now.replace(tzinfo=None)) == datetime.now().astimezone().utcoffset()
    assert zone == found if found else not isinstance(zone, ZoneInfo)


def test_the_local_zone_without_a_variable(local_time: pytest.MonkeyPatch, tmp_path: Path) -> None:
    local_time.delenv("TZ", raising=False)
    time.tzset()
    offset = datetime.now().astimezone().utcoffset()
    plain = tmp_path / "localtime"
    plain.write_bytes((files("tzdata") / "zoneinfo" / "UTC").read_bytes())
    for path in (Path("/etc/localtime"), plain, tmp_path / "missing"):
        local_time.setattr(arq_cron, "_LOCALTIME", path)
        assert arq_cron.local_zone().utcoffset(datetime.now(UTC).replace(tzinfo=None)) == offset
