"""A handle of a job, from enqueue to result."""

from __future__ import annotations

from monarq.producer import Producer
from tests.producer.jobs import fetch
from tests.support.formats import ON_BOTH, current_queue
from tests.support.manual_worker import ManualWorker

pytestmark = ON_BOTH


async def test_a_jobs_life_in_arqs_words(producer: Producer, worker: ManualWorker) -> None:
    later = await producer.enqueue(fetch.options(defer_by=60), "u")
    handle = await producer.enqueue(fetch, "u")
    seen = [await later.status(), await handle.status()]
    [lease] = await worker.claim()
    seen.append(await handle.status())
    assert await handle.result_info() is None
    await worker.end(lease, value=3)
    seen += [await handle.status(), await producer.handle("none").status()]
    assert seen == ["deferred", "queued", "in_progress", "complete", "not_found"]
    info = await handle.result_info()
    assert info is not None
    assert (info.value, info.name, info.job_id) == (3, "fetch_page", handle.job_id)


async def test_a_handle_shows_what_it_is_of(producer: Producer) -> None:
    await producer.enqueue(fetch.options(job_id="a"), "u")
    handle = await producer.enqueue(fetch.options(job_id="a"), "u")
    assert repr(handle) == f"<handle of job a in {current_queue()}, which existed>"
