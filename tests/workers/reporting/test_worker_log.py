"""The worker's log: the line of each event, and no handlers for events that would not be logged."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import pytest
from arq.worker import Retry as ArqRetry
from arq.worker import RetryJob

from monarq.shared.formats.arq.keys import QueueKeys
from monarq.shared.jobs.retry_exception import Retry
from monarq.shared.protocol.acks import Requeue
from monarq.shared.protocol.lease import Lease
from monarq.shared.redis.redis_errors import NotSentError
from monarq.workers.events.dispatcher import Dispatcher
from monarq.workers.reporting import worker_log as log_module
from monarq.workers.reporting.worker_log import DebugWorkerLog, WorkerLog, worker_log
from tests.support.leases import lease_of

QUEUE = QueueKeys.of("mail")


LEASE = Lease(QUEUE.ref, b"one", "one", "token", "io", None, 0, 0, "", 0, None, 0)
TRIED = Lease(QUEUE.ref, b"one", "one", "token", "io", None, 1, 0, "", 0, None, 0)

LINES: list[tuple[str, tuple[Any, ...], str, str]] = [
    ("worker_started", ("host:1", ["mail", "text"], ["a"]), "INFO", "worker host:1 serves mail, text with 1 job: a"),
    (
        "worker_started",
        ("host:1", ["mail"], list("abcdefghij")),
        "INFO",
        "worker host:1 serves mail with 10 jobs: a, b, c, d, e, f, g, h and 2 more",
    ),
    (
        "worker_draining",
        (1, 5.0),
        "INFO",
        "draining: 1 running job has 5 s to end; jobs still running then go back to their queues",
    ),
    ("job_rejected", (LEASE, "add", OSError("no"), 0), "ERROR", "one:add is dead and has never run: OSError: no"),
    ("job_rejected", (TRIED, "add", OSError("no"), 0), "ERROR", "one:add is dead: OSError: no"),
    ("cancelled_before_start", (LEASE, "add", 0), "INFO", "one:add was cancelled before it started"),
    (
        "ack_refused",
        ([Requeue(lease_of(name), "io") for name in "abcdefg"],),
        "WARNING",
        "the outcomes of 7 jobs were not written because their leases had been lost: a, b, c, d, e …",
    ),
    ("redis_awaited", ("away", 0.2), "WARNING", "waiting for Redis: away"),
    ("redis_awaited", ("away", 5.2), "WARNING", "still waiting for Redis after 5 s: away"),
    (
        "redis_lost",
        ("claiming", ConnectionRefusedError("refused")),
        "WARNING",
        "Redis: claiming fails (ConnectionRefusedError: refused); retrying until it works",
    ),
    (
        "redis_lost",
        ("claiming", NotSentError("Error 111 connecting")),
        "WARNING",
        "Redis: claiming fails (Error 111 connecting); retrying until it works",
    ),
    ("redis_back", ("claiming",), "INFO", "Redis: claiming works again"),
]


@pytest.mark.parametrize(("event", "args", "level", "line"), LINES)
def test_the_line_of_an_event(
    event: str, args: tuple[Any, ...], level: str, line: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "monarq.worker"):
        getattr(Dispatcher(WorkerLog()), event)(*args)
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [(level, line)]


def test_the_line_of_a_job_without_a_task_has_its_fields(caplog: pytest.LogCaptureFixture) -> None:
    WorkerLog().job_unknown(LEASE, "a\x1bdd")
    [record] = caplog.records
    fields = vars(record)
    assert (fields["job_id"], fields["job_name"], fields["queue"]) == ("one", "a\\x1bdd", "mail")


@pytest.mark.parametrize(
    ("error", "level", "reason"),
    [
        (Retry(2), "INFO", "as it requested"),
        (ArqRetry(2), "INFO", "as it requested"),
        (RetryJob("busy"), "WARNING", "arq.worker.RetryJob: busy"),
        (OSError("away"), "WARNING", "OSError: away"),
    ],
    ids=repr,
)
def test_a_retry_is_a_warning_with_its_error_unless_it_is_a_plain_retry(
    error: Exception, level: str, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    run: Any = SimpleNamespace(lease=LEASE, job=SimpleNamespace(name="add"), job_try=1)
    with caplog.at_level(logging.INFO, "monarq.worker"):
        WorkerLog().job_retried(run, error, 2.0)
    [record] = caplog.records
    assert record.levelname == level
    assert record.getMessage().endswith(f"is retried in 2.00 s{', ' if level == 'INFO' else ': '}{reason}")


def test_a_cron_that_fires_is_logged_for_debugging_only(caplog: pytest.LogCaptureFixture) -> None:
    for listener, lines in ((WorkerLog(), []), (DebugWorkerLog(), [("DEBUG", "cron: tick is enqueued as cron:1")])):
        caplog.clear()
        with caplog.at_level(logging.DEBUG, "monarq.worker"):
            Dispatcher(listener).schedule_fired("tick", "cron:1")
        assert [(record.levelname, record.getMessage()) for record in caplog.records] == lines


def test_events_of_each_job_are_handled_only_where_they_are_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_module.logger, "level", logging.INFO)
    assert type(worker_log()) is WorkerLog
    log_module.logger.setLevel(logging.DEBUG)
    assert type(worker_log()) is DebugWorkerLog
    assert "job_succeeded" not in vars(Dispatcher(WorkerLog()))
