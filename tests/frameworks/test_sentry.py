"""`monarq.sentry`: what Sentry hears of runs and errors."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
import sentry_sdk

from monarq import Delays, Producer, Retry, job
from monarq.sentry import MonarqIntegration
from monarq.shared.jobs import middleware
from monarq.workers.events import listener
from tests.support.slowness import patience_s
from tests.support.workers import make_worker, run_burst, running


@job
async def reported_fine() -> str:
    with sentry_sdk.start_span(op="work", name="a step"):
        sentry_sdk.add_breadcrumb(message="seen")
    return "fine"


@job
async def reported_broken(secret: str) -> None:
    deeper(secret)


@job(lane="thread")
def broken_in_a_thread(secret: str) -> None:
    deeper(secret)


@job
def broken_in_a_process(secret: str) -> None:
    deeper(secret)


def deeper(secret: str) -> None:
    raise ValueError("as asked")


@job(retry=Delays([0.1]))
async def works_the_second_time(seen: list[int] = []) -> None:  # noqa: B006
    seen.append(1)
    if len(seen) == 1:
        raise ValueError("once")


@job
async def asks_again() -> None:
    if not ASKED:
        ASKED.append(1)
        raise Retry(0)


ASKED: list[int] = []


@job
def dies() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


ALL = [reported_fine, reported_broken, broken_in_a_thread, broken_in_a_process, works_the_second_time, asks_again, dies]


class Heard:
    """What was sent to Sentry."""

    def __init__(self) -> None:
        self.errors: list[Any] = []
        self.transactions: list[Any] = []

    def of(self, name: str) -> list[Any]:
        """The transactions of a job."""
        return [event for event in self.transactions if event["transaction"] == name]


def connect(heard: Heard, **options: Any) -> None:
    def note(kept: list[Any]) -> Any:
        def send(event: Any, hint: Any) -> None:
            kept.append(event)

        return send

    sentry_sdk.init(
        "http://key@127.0.0.1:9/1",
        traces_sample_rate=1.0,
        before_send=note(heard.errors),
        before_send_transaction=note(heard.transactions),
        default_integrations=True,
        auto_enabling_integrations=False,
        integrations=[MonarqIntegration(**options.pop("own", {}))],
        **options,
    )


@pytest.fixture
def heard() -> Iterator[Heard]:
    before = logging.Logger.callHandlers, list(middleware.INSTALLED), list(listener.INSTALLED)
    made = Heard()
    connect(made)
    if not listener.INSTALLED:  # Sentry sets an integration up once a process
        MonarqIntegration.setup_once()
    yield made
    sentry_sdk.get_client().close()
    sentry_sdk.get_global_scope().set_client(None)
    middleware.INSTALLED[:], listener.INSTALLED[:] = before[1], before[2]


async def run(url: str, declared: Any, *args: Any, traced: bool = False) -> str:
    async with Producer(url) as producer:
        if traced:
            with sentry_sdk.start_transaction(op="http.server", name="a request"):
                handle = await producer.enqueue(declared, *args)
        else:
            handle = await producer.enqueue(declared, *args)
    await run_burst(url, ALL)
    return handle.job_id


async def test_a_run_is_a_transaction_of_the_trace_of_its_enqueue(redis_url: str, heard: Heard) -> None:
    job_id = await run(redis_url, reported_fine, traced=True)
    [request], [done] = heard.of("a request"), heard.of("reported_fine")
    assert done["contexts"]["trace"]["trace_id"] == request["contexts"]["trace"]["trace_id"]
    assert done["contexts"]["trace"]["parent_span_id"] == request["contexts"]["trace"]["span_id"]
    assert (done["contexts"]["trace"]["op"], done["contexts"]["trace"]["status"]) == ("queue.task.monarq", "ok")
    assert done["tags"] | {"monarq.job_id": job_id, "monarq.queue": "default", "monarq.try": 1} == done["tags"]
    assert [span["description"] for span in done["spans"]] == ["a step"]
    assert heard.errors == []


@pytest.mark.parametrize(
    "declared", [reported_broken, broken_in_a_thread, broken_in_a_process], ids=lambda job: job.name
)
async def test_an_error_has_the_users_frames_and_the_tags_of_its_job(
    redis_url: str, heard: Heard, declared: Any
) -> None:
    job_id = await run(redis_url, declared, "a secret")
    [error] = heard.errors
    [value] = error["exception"]["values"]
    assert (value["type"], value["value"]) == ("ValueError", "as asked")
    assert [frame["function"] for frame in value["stacktrace"]["frames"]] == [declared.name, "deeper"]
    assert value["stacktrace"]["frames"][-1]["context_line"].strip() == 'raise ValueError("as asked")'
    assert value["stacktrace"]["frames"][-1]["in_app"]
    assert error["tags"]["monarq.job_id"] == job_id
    assert error["tags"]["monarq.lane"] in ("io", "thread", "cpu")
    assert "args" not in error["contexts"]["monarq job"], "send_default_pii is not set"
    [done] = heard.of(declared.name)
    assert done["contexts"]["trace"]["status"] == "internal_error"
    assert error["contexts"]["trace"]["trace_id"] == done["contexts"]["trace"]["trace_id"]


@pytest.mark.filterwarnings("ignore:The send_default_pii option:DeprecationWarning")
async def test_arguments_are_sent_where_pii_is(redis_url: str, heard: Heard) -> None:
    connect(heard, send_default_pii=True)
    await run(redis_url, reported_broken, "a secret")
    [error] = heard.errors
    assert error["contexts"]["monarq job"]["args"] == ["a secret"]


@pytest.mark.parametrize("declared", [works_the_second_time, asks_again], ids=lambda job: job.name)
async def test_a_try_that_is_followed_by_another_is_no_error(redis_url: str, heard: Heard, declared: Any) -> None:
    await run(redis_url, declared)
    assert heard.errors == []
    assert [done["contexts"]["trace"]["status"] for done in heard.of(declared.name)] == ["aborted", "ok"]
    assert [done["tags"]["monarq.try"] for done in heard.of(declared.name)] == [1, 2]


async def test_the_death_of_a_cpu_process_is_an_error(redis_url: str, heard: Heard) -> None:
    await run(redis_url, dies)
    assert len(heard.errors) >= 3, "each death is reported"
    assert "SIGKILL" in heard.errors[0]["exception"]["values"][-1]["value"]
    assert {error["tags"]["monarq.job"] for error in heard.errors} == {"dies"}


async def test_traces_end_at_the_enqueue_where_that_is_asked_for(redis_url: str, heard: Heard) -> None:
    connect(heard, own={"continue_traces": False})
    await run(redis_url, reported_fine, traced=True)
    [request], [done] = heard.of("a request"), heard.of("reported_fine")
    assert done["contexts"]["trace"]["trace_id"] != request["contexts"]["trace"]["trace_id"]


async def test_without_the_integration_nothing_is_told(redis_url: str, heard: Heard) -> None:
    sentry_sdk.init("http://key@127.0.0.1:9/1", traces_sample_rate=1.0, default_integrations=False)
    async with Producer(redis_url) as producer, running(make_worker(redis_url, ALL)):
        handle = await producer.enqueue(reported_fine)
        assert await handle.result(patience_s(20)) == "fine"
    assert (heard.errors, heard.transactions) == ([], [])
