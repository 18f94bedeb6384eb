"""Sentry gets the errors of arq's jobs, though its own integration of arq sees nothing of monarq's workers."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import arq
import pytest

from monarq.arq.runs.sentry import report_to_sentry
from tests.arq import jobs
from tests.arq.workers import burst


class PlayedSentry(ModuleType):
    """As much of ``sentry_sdk`` as is used; notes what it is told, with the tags of the run in which it is told."""

    def __init__(self, *, active: bool = True, send_default_pii: bool = False) -> None:
        super().__init__("sentry_sdk")
        self.active = active
        self.options = {"send_default_pii": send_default_pii}
        self.errors: list[tuple[str, str]] = []
        self.runs: list[tuple[str, Any, str]] = []
        self.tags: dict[str, Any] = {}
        self.extra: list[dict[str, Any]] = []

    def get_client(self) -> PlayedSentry:
        return self

    def get_integration(self, name: str) -> object | None:
        return object() if self.active and name == "arq" else None

    @contextmanager
    def isolation_scope(self) -> Iterator[PlayedSentry]:
        self.tags = {}
        yield self

    def clear_breadcrumbs(self) -> None: ...

    def set_tag(self, name: str, value: Any) -> None:
        self.tags[name] = value

    def set_extra(self, name: str, value: Any) -> None:
        assert name == "arq-job"
        self.extra.append(value)

    @contextmanager
    def start_transaction(self, *, op: str, name: str, source: str) -> Iterator[PlayedSentry]:
        assert (op, source) == ("queue.task.arq", "task")
        self.status = ""
        try:
            yield self
        finally:
            self.runs.append((name, self.tags["arq_task_retry"], self.status))

    def set_status(self, status: str) -> None:
        self.status = status

    def capture_exception(self, error: Exception) -> None:
        self.errors.append((self.tags["arq_task_id"], repr(error)))


@pytest.fixture
def sentry(monkeypatch: pytest.MonkeyPatch) -> PlayedSentry:
    made = PlayedSentry()
    monkeypatch.setitem(sys.modules, "sentry_sdk", made)
    return made


async def test_errors_are_reported_once_and_retries_are_none(stock: arq.ArqRedis, sentry: PlayedSentry) -> None:
    await stock.enqueue_job("fail", "secret", _job_id="a")
    await burst(stock, [jobs.fail])
    await stock.enqueue_job("again", 2, _job_id="b")
    await burst(stock, [jobs.again])
    assert sentry.errors == [("a", "ValueError('secret')")]
    assert sentry.runs == [("fail", False, "ok"), ("again", False, "aborted"), ("again", True, "ok")]
    assert sentry.extra[0] == {"task": "fail", "retry": 1, "args": "[Filtered]", "kwargs": "[Filtered]"}


async def test_cron_jobs_too(stock: arq.ArqRedis, sentry: PlayedSentry) -> None:
    async def tick(ctx: jobs.Ctx) -> None:
        raise KeyError("tick")

    await burst(stock, [], cron_jobs=[arq.cron(tick, name="tick", month=1, day=1, run_at_startup=True)])
    assert [error for _, error in sentry.errors] == ["KeyError('tick')"]


async def test_arguments_are_sent_where_sentry_may_have_them(stock: arq.ArqRedis, sentry: PlayedSentry) -> None:
    sentry.options["send_default_pii"] = True
    await stock.enqueue_job("add", 1, b=2)
    assert (await burst(stock, [jobs.add])).jobs_complete == 1
    assert sentry.extra == [{"task": "add", "retry": 1, "args": (1,), "kwargs": {"b": 2}}]


def test_where_the_integration_is_not_active_nothing_is_done(
    sentry: PlayedSentry, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert report_to_sentry("add", jobs.add) is not jobs.add
    sentry.active = False
    assert report_to_sentry("add", jobs.add) is jobs.add
    monkeypatch.delitem(sys.modules, "sentry_sdk")
    assert report_to_sentry("add", jobs.add) is jobs.add
