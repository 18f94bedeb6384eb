"""Jobs that a sandbox runs."""

from __future__ import annotations

import asyncio
import os
import threading
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from monarq import App, Context, Defaults, Exponential, JobFailedError, MonarqError, Producer, Retry, SyncProducer, job
from monarq.shared.errors import JobDeadError, TargetError
from monarq.testing import Sandbox, SyncSandbox
from monarq.workers.jobs.claimer import Claimer
from tests.support.slowness import in_time
from tests.testing import shop
from tests.testing.shop import export, send, signup, thumbnail

CALLS: list[object] = []
PARENT = os.getpid()


@pytest.fixture(autouse=True)
def _no_calls() -> None:
    CALLS.clear()
    shop.SENT.clear()


@job
async def note(what: object) -> object:
    CALLS.append(what)
    return what


@job
async def fail_with(what: str) -> None:
    CALLS.append(what)
    raise ValueError(what)


@job(max_tries=3)
async def try_again(ctx: Context, wait_s: float = 0.0) -> int:
    CALLS.append(ctx.job_try)
    if ctx.job_try < 3:
        raise Retry(wait_s or None)
    return ctx.job_try


@job
async def order_more(left: int) -> None:
    CALLS.append(left)
    if left:
        async with Producer() as producer:
            await producer.enqueue(order_more, left - 1)


@job
def process_id() -> int:
    return os.getpid()


@job
def calling_thread() -> str:
    return threading.current_thread().name


async def test_a_drain_runs_what_is_enqueued_in_every_lane(monarq: Sandbox) -> None:
    await signup("a@b")
    async with Producer() as producer:
        small, big = await producer.enqueue(thumbnail, 10), await producer.enqueue(export, "a")
        ended = await monarq.drain()
        assert (await small.result(), await big.result()) == (5, "A")
    assert shop.SENT == ["a@b"]
    assert {(each.job_name, each.state, each.value, each.job_try) for each in ended} == {
        ("send", "succeeded", "sent to a@b", 1),
        ("thumbnail", "succeeded", 5, 1),
        ("export", "succeeded", "A", 1),
    }
    assert monarq.ended == ended
    assert monarq.enqueued() == []


async def test_jobs_run_one_by_one_in_the_order_of_their_enqueue(monarq: Sandbox) -> None:
    async with Producer() as producer:
        await producer.enqueue_many(note, [(at,) for at in range(20)])
    await monarq.drain()
    assert list(range(20)) == CALLS


async def test_jobs_that_jobs_enqueue_are_run_too(monarq: Sandbox) -> None:
    async with Producer() as producer:
        await producer.enqueue(order_more, 3)
    assert [each.args for each in await monarq.drain()] == [(3,), (2,), (1,), (0,)]


async def test_nothing_to_run_is_no_error(monarq: Sandbox) -> None:
    assert await monarq.drain() == []


async def test_the_error_of_the_first_job_that_failed_is_raised_with_the_jobs_own_traceback(monarq: Sandbox) -> None:
    async with Producer() as producer:
        for what in ("first", "second"):
            await producer.enqueue(fail_with, what)
        await producer.enqueue(note, "after")
    with pytest.raises(ValueError, match="first") as raised:
        await monarq.drain()
    assert traceback.extract_tb(raised.tb)[-1].name == "fail_with"
    assert "monarq/workers" not in "".join(traceback.format_tb(raised.tb))
    [noted] = raised.value.__notes__
    assert noted.startswith("of fail_with('first'), job ")
    assert noted.endswith("; 1 more failed: see the sandbox's .ended")
    assert CALLS == ["first", "second", "after"]
    assert [each.state for each in monarq.ended] == ["failed", "failed", "succeeded"]


async def test_errors_are_only_recorded_where_that_is_asked_for(monarq: Sandbox) -> None:
    async with Producer() as producer:
        handle = await producer.enqueue(fail_with, "x")
        [ended] = await monarq.drain(raise_errors=False)
        with pytest.raises(ValueError, match=r"^x$"):
            await handle.result()
    assert isinstance(ended.error, ValueError)


@job
async def quit_python() -> None:
    raise SystemExit("bye")


async def test_an_error_that_would_end_the_tests_is_raised_as_another(monarq: Sandbox) -> None:
    async with Producer() as producer:
        await producer.enqueue(quit_python)
    with pytest.raises(JobFailedError, match="quit_python raised SystemExit: bye"):
        await monarq.drain()


STARTED: asyncio.Event


@job
async def hang() -> None:
    STARTED.set()
    try:
        await asyncio.Event().wait()
    finally:
        CALLS.append("cut short")


async def test_a_drain_that_is_cancelled_cancels_its_jobs_at_once_and_leaves_them_enqueued() -> None:
    global STARTED
    STARTED = asyncio.Event()
    patient = App("patient", defaults=Defaults(grace="1h"))
    async with Sandbox(patient) as sandbox, Producer() as producer:
        handle = await producer.enqueue(hang)
        draining = asyncio.create_task(sandbox.drain())
        async with in_time(20):
            await STARTED.wait()
            draining.cancel()
            await asyncio.wait([draining])
        assert draining.cancelled()
        assert CALLS == ["cut short"]
        assert sandbox.ended == []
        assert [each.job_id for each in sandbox.enqueued()] == [handle.job_id]
        assert await handle.cancel()
        await producer.enqueue(note, "after")
        assert [each.value for each in await sandbox.drain()] == ["after"]


async def test_two_drains_at_once_are_refused_by_name(monarq: Sandbox) -> None:
    async with Producer() as producer:
        await producer.enqueue(note, "once")
    first, second = await asyncio.gather(monarq.drain(), monarq.drain(), return_exceptions=True)
    assert [each.value for each in first] == ["once"]  # type: ignore[union-attr]
    assert isinstance(second, MonarqError)
    assert str(second).startswith("this sandbox is already being drained")
    assert await monarq.drain() == []


async def test_retries_without_a_wait_belong_to_the_same_drain(monarq: Sandbox) -> None:
    async with Producer() as producer:
        await producer.enqueue(try_again)
    [ended] = await monarq.drain()
    assert (ended.job_try, ended.value, CALLS) == (3, 3, [1, 2, 3])


async def test_jobs_wait_for_their_time_whether_deferred_or_retried(monarq: Sandbox) -> None:
    async with Producer() as producer:
        await producer.enqueue(try_again, 30)
        await producer.enqueue(note.options(defer_by="1h"), "deferred")
    await monarq.drain()
    assert CALLS == [1]
    monarq.travel(29)
    await monarq.drain()
    assert CALLS == [1]
    monarq.travel(2)
    await monarq.drain()
    assert CALLS == [1, 2]
    monarq.travel("1h")
    await monarq.drain()
    assert sorted(map(str, CALLS)) == ["1", "2", "3", "deferred"]


@job(retry=Exponential(3, base=10))
async def unlucky(ctx: Context) -> None:
    CALLS.append(ctx.job_try)
    raise OSError(f"try {ctx.job_try}")


async def test_waits_before_retries_are_as_long_as_they_can_be_and_the_last_error_is_raised(monarq: Sandbox) -> None:
    async with Producer() as producer:
        await producer.enqueue(unlucky)
    for tries, wait_s in enumerate((10, 20, 40), start=1):
        assert await monarq.drain() == []
        assert list(range(1, tries + 1)) == CALLS
        monarq.travel(wait_s - 1)
        assert await monarq.drain() == []
        assert list(range(1, tries + 1)) == CALLS
        monarq.travel(1)
    with pytest.raises(OSError, match="try 4"):
        await monarq.drain()


@job(renamed_from="before")
async def has_a_new_name() -> str:
    return "after"


async def test_a_job_is_run_by_the_names_that_it_had(monarq: Sandbox) -> None:
    async with Producer() as producer:
        handle = await producer.enqueue("before")
        await monarq.drain()
        assert await handle.result() == "after"


async def test_a_job_that_no_function_is_declared_for_is_named(monarq: Sandbox) -> None:
    async with Producer() as producer:
        await producer.enqueue("nobody's", 1)
        await producer.enqueue(note, 1)
    with pytest.raises(TargetError, match="not declared in this process"):
        await monarq.drain()
    assert CALLS == [1]


async def test_jobs_that_enqueue_each_other_for_ever_end_at_the_limit(monarq: Sandbox) -> None:
    async with Producer() as producer:
        await producer.enqueue(order_more, 1000)
    with pytest.raises(MonarqError, match="jobs are still due after 5 runs"):
        await monarq.drain(max_jobs=5)
    assert len(CALLS) == 5


async def test_a_job_that_is_cancelled_while_it_waits_is_not_run(monarq: Sandbox) -> None:
    async with Producer() as producer:
        handle = await producer.enqueue(note, 1)
        assert await handle.cancel()
    assert await monarq.drain() == []
    assert CALLS == []


@job
async def cancel_its_own(ctx: Context) -> None:
    async with Producer() as producer:
        await producer.handle(ctx.job_id).cancel(timeout=0)
    await asyncio.Event().wait()


async def test_a_job_that_is_cancelled_while_it_runs_has_ended_so(monarq: Sandbox) -> None:
    async with Producer() as producer:
        await producer.enqueue(cancel_its_own)
    [ended] = await monarq.drain()
    assert (ended.state, ended.error) == ("cancelled", None)


async def test_progress_is_there_after_the_drain(monarq: Sandbox) -> None:
    @job
    async def work(ctx: Context) -> None:
        await ctx.progress(1, 2)
        await ctx.progress(2, 2, "all of it")

    async with Producer() as producer:
        handle = await producer.enqueue(work)
        await monarq.drain()
        progress = await handle.progress()
    assert progress is not None
    assert (progress.done, progress.total, progress.message) == (2, 2, "all of it")


async def test_cpu_jobs_run_in_this_process_or_in_a_child_of_it() -> None:
    found = []
    for cpu in ("thread", "process"):
        async with Sandbox(cpu=cpu) as sandbox, Producer() as producer:
            await producer.enqueue(process_id)
            [ended] = await sandbox.drain()
            found.append(ended.value)
    assert found[0] == PARENT
    assert found[1] != PARENT


async def test_a_job_that_waits_for_another_needs_more_than_one_place() -> None:
    @job
    async def outer() -> object:
        async with Producer() as producer:
            return await (await producer.enqueue(note, 1)).result(timeout=20)

    async with Sandbox(concurrency=2) as sandbox, Producer() as producer:
        await producer.enqueue(outer)
        assert [each.value for each in await sandbox.drain()] == [1, 1]


async def test_jobs_that_a_test_declares_itself_are_known(monarq: Sandbox) -> None:
    @job
    async def local() -> str:
        return "local"

    @job(lane="thread")
    def local_thread() -> str:
        return "thread"

    async with Producer() as producer:
        await producer.enqueue(local)
        await producer.enqueue(local_thread)
    assert {each.value for each in await monarq.drain()} == {"local", "thread"}


async def test_an_expired_job_has_failed(monarq: Sandbox) -> None:
    async with Producer() as producer:
        await producer.enqueue(note.options(expires="1m"), 1)
    monarq.travel(minutes=2)
    with pytest.raises(JobDeadError):
        await monarq.drain()
    assert CALLS == []
    assert monarq.ended[0].job_try == 0


def test_a_blocking_drain_runs_plain_jobs_in_the_tests_own_thread(monarq_sync: SyncSandbox) -> None:
    with SyncProducer() as producer:
        handle, other = producer.enqueue(calling_thread), producer.enqueue(note, 1)
        ended = monarq_sync.drain()
        assert handle.result() == threading.current_thread().name
        assert other.result() == 1
    assert len(ended) == 2


def test_a_blocking_drain_raises_the_error_of_a_job(monarq_sync: SyncSandbox) -> None:
    @job(lane="thread")
    def wrong() -> None:
        raise KeyError("no such thing")

    with SyncProducer() as producer:
        producer.enqueue(wrong)
        with pytest.raises(KeyError) as raised:
            monarq_sync.drain()
    assert traceback.extract_tb(raised.tb)[-1].name == "wrong"


@pytest.mark.parametrize("kind", [Sandbox, SyncSandbox])
async def test_a_sandbox_that_is_not_open_says_so(kind: Callable[[], Sandbox | SyncSandbox]) -> None:
    with pytest.raises(MonarqError, match="not open"):
        kind().assert_enqueued(send)


async def test_a_second_sandbox_at_a_time_is_refused(monarq: Sandbox) -> None:
    with pytest.raises(MonarqError, match="already open"):
        SyncSandbox().open()
    monarq.assert_not_enqueued(send)


def test_a_lasting_producer_with_a_sandboxs_own_url_is_seen_by_each_sandbox() -> None:
    """On a queue that only the list of queues names, which each sandbox empties."""
    with SyncSandbox() as sandbox:
        producer = SyncProducer(sandbox.url)
    with producer:
        for _ in range(3):
            with SyncSandbox() as sandbox:
                producer.enqueue(note.options(queue="elsewhere"), 1)
                assert len(sandbox.enqueued()) == len(sandbox.drain()) == 1


async def test_a_claim_whose_reply_comes_late_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    claim = Claimer._claim

    async def late(self: Claimer) -> Any:
        claimed = await claim(self)
        if claimed.leases:
            await asyncio.sleep(0.2)
        return claimed

    monkeypatch.setattr(Claimer, "_claim", late)
    async with Sandbox() as sandbox, Producer() as producer:
        await producer.enqueue(process_id)
        assert len(await sandbox.drain()) == 1
