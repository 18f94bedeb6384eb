"""A handle of a job, from enqueue to result."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from monarq.producer import Producer
from tests.producer.jobs import fetch
from tests.support.formats import ON_BOTH, current_queue
from tests.support.manual_worker import ManualWorker

pytestmark = ON_BOTH


async def test_a_jobs_life_in_states(producer: Producer, worker: ManualWorker) -> None:
    later = await producer.enqueue(fetch.options(defer_by=60), "u")
    handle = await producer.enqueue(fetch, "u")
    seen = [await later.state(), await handle.state()]
    [lease] = await worker.claim()
    seen.append(await handle.state())
    await worker.end(lease, value=3)
    seen += [await handle.state(), await producer.handle("none").state()]
    assert seen == ["deferred", "queued", "running", "succeeded", "unknown"]


@pytest.mark.parametrize(
    ("value", "state"),
    [(3, "succeeded"), (KeyError("gone"), "failed"), (asyncio.CancelledError(), "cancelled")],
    ids=["succeeded", "failed", "cancelled"],
)
async def test_how_a_job_has_ended_is_its_state(
    producer: Producer, worker: ManualWorker, value: object, state: str
) -> None:
    handle = await producer.enqueue(fetch, "u")
    await worker.end(*await worker.claim(), value=value, success=state == "succeeded")
    info = await handle.info()
    assert info is not None
    assert (await handle.state(), info.state) == (state, state)
    assert info.error == ("KeyError: 'gone'" if state == "failed" else "")


async def test_what_is_known_of_a_job_while_it_waits_and_runs_and_once_it_has_ended(
    producer: Producer, worker: ManualWorker
) -> None:
    later = await (await producer.enqueue(fetch.options(defer_by=60), "u")).info()
    handle = await producer.enqueue(fetch, "u")
    waits = await handle.info()
    [lease] = await worker.claim()
    runs = await handle.info()
    await worker.end(lease, value=3)
    ended = await handle.info()
    assert later is not None
    assert waits is not None
    assert runs is not None
    assert ended is not None
    assert later.due_at is not None
    assert later.due_at > datetime.now(UTC)
    assert [each.state for each in (later, waits, runs, ended)] == ["deferred", "queued", "running", "succeeded"]
    assert {(each.job_id, each.queue, each.name) for each in (waits, runs, ended)} == {
        (handle.job_id, handle.queue, "fetch_page")
    }
    assert (waits.worker, ended.worker, runs.worker is None) == (None, None, False)
    assert [each.ended_at is None for each in (waits, runs, ended)] == [True, True, False]
    assert waits.enqueued_at == runs.enqueued_at
    assert await producer.handle("none").info() is None


async def test_a_handle_shows_what_it_is_of(producer: Producer) -> None:
    await producer.enqueue(fetch.options(job_id="a"), "u")
    handle = await producer.enqueue(fetch.options(job_id="a"), "u")
    assert repr(handle) == f"<handle of job a in {current_queue()}, which existed>"
