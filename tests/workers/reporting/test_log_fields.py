"""Log fields: the current job's on each record, and records as lines of JSON."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

import pytest

from monarq.workers.reporting.log_fields import JobLogFilter, JsonFormatter
from monarq.workers.runs.current_job import CURRENT_JOB, WORKER_ID, JobFields


def record_of(message: str = "done", **extra: Any) -> logging.LogRecord:
    record = logging.getLogger("app").makeRecord("app", logging.INFO, "app.py", 7, message, (), None, extra=extra)
    assert JobLogFilter().filter(record)
    return record


@pytest.fixture
def _in_a_job() -> Any:
    tokens = CURRENT_JOB.set(JobFields("id-1", "a\ndd", "mail", 2)), WORKER_ID.set("host:1")
    yield
    CURRENT_JOB.reset(tokens[0])
    WORKER_ID.reset(tokens[1])


def test_outside_of_jobs_the_fields_are_empty_and_json_leaves_them_out() -> None:
    record = record_of()
    fields = ("worker", "queue", "job_id", "job_name", "job_try", "job_prefix")
    assert [getattr(record, name) for name in fields] == [""] * len(fields)
    assert set(json.loads(JsonFormatter().format(record))) == {"time", "level", "logger", "pid", "message"}


@pytest.mark.usefixtures("_in_a_job")
def test_in_a_job_each_record_has_its_fields_with_control_characters_escaped() -> None:
    record = record_of()
    assert vars(record)["job_prefix"] == "[id-1:a\\ndd] "
    line = JsonFormatter().format(record)
    assert "\n" not in line
    read = json.loads(line)
    del read["time"], read["pid"]
    assert read == {
        "level": "info",
        "logger": "app",
        "worker": "host:1",
        "queue": "mail",
        "job_id": "id-1",
        "job": "a\\ndd",
        "try": 2,
        "message": "done",
    }


@pytest.mark.usefixtures("_in_a_job")
def test_a_field_that_a_record_has_already_stays() -> None:
    assert vars(record_of(job_id="another", queue=""))["job_id"] == "another"


def test_a_traceback_is_a_field() -> None:
    record = record_of()
    try:
        raise ValueError("wrong")
    except ValueError:
        record.exc_info = sys.exc_info()
    assert json.loads(JsonFormatter().format(record))["traceback"].endswith("ValueError: wrong")
