"""Jobs that a test calls itself."""

from __future__ import annotations

import asyncio
import threading
from asyncio import CancelledError
from decimal import Decimal
from typing import Any

import pytest

from monarq import Context, JobFailedError, Producer, Progress, Retry, SyncContext, job
from monarq.shared.errors import PayloadError
from monarq.testing import Sandbox, context, run_inline, sync_context
from tests.testing.shop import Order, charge_order, export, send, thumbnail


@job
async def report_steps(ctx: Context, steps: int) -> str:
    for step in range(steps):
        await ctx.progress(step + 1, steps)
    if ctx.job_try < 2:
        raise Retry(5)
    return f"{ctx.headers['tenant']} {ctx.resources['db']} {ctx.should_stop}"


@job(lane="thread")
def export_all(ctx: SyncContext, name: str) -> str:
    ctx.progress(1, message=name)
    return f"{threading.current_thread() is threading.main_thread()} {ctx.job_name}"


@job
async def follow_up(ctx: Context) -> None:
    await ctx.producer.enqueue(send, "a@b")


@job
async def hands_out_a_lock() -> object:
    return threading.Lock()


async def test_a_job_is_called_with_a_context_of_the_tests_own() -> None:
    reports: list[Progress] = []
    made = context(job_try=2, headers={"tenant": "acme"}, resources={"db": "a pool"}, should_stop=True, reports=reports)
    assert await report_steps(made, 2) == "acme a pool True"
    assert [(each.done, each.total) for each in reports] == [(1, 2), (2, 2)]
    with pytest.raises(Retry):
        await report_steps(context(), 0)


def test_a_plain_job_has_the_blocking_one() -> None:
    reports: list[Progress] = []
    assert export_all(sync_context(job_name="export", reports=reports), "x").endswith("export")
    assert [each.message for each in reports] == ["x"]


async def test_a_job_that_enqueues_needs_a_producer(monarq: Sandbox) -> None:
    with pytest.raises(RuntimeError, match="no producer: pass one"):
        await follow_up(context())
    async with Producer() as producer:
        await follow_up(context(producer=producer))
    monarq.assert_enqueued(send, "a@b")


async def test_a_job_is_run_inline_in_every_lane() -> None:
    assert await run_inline(send, "a@b") == "sent to a@b"
    assert await run_inline(thumbnail, 8) == 4
    assert await run_inline(export, path="a") == "A"
    assert await run_inline(export_all, "x") == "False export_all"


async def test_its_arguments_and_its_result_are_those_that_travel() -> None:
    assert await run_inline(charge_order, Order(1, Decimal("9.90"))) == Decimal("9.90")
    with pytest.raises(PayloadError):
        await run_inline(hands_out_a_lock)
    with pytest.raises(TypeError):
        await run_inline(send)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (len, "<built-in function len> is not a job: decorate the function with @job"),
        (send.bind("a@b"), r"send.bind\('a@b'\) has its arguments already: pass .* run_inline\(job, \.\.\.\)"),
        ("send", "'send' is not a job"),
    ],
)
async def test_only_a_job_is_run_inline(given: Any, told: str) -> None:
    with pytest.raises(TypeError, match=told):
        await run_inline(given)


async def test_a_call_is_not_run_inline() -> None:
    with pytest.raises(TypeError, match=r"send\(\.\.\.\) is a call, not a job: .* run_inline\(send, \.\.\.\)"):
        await run_inline(send(context(), "a@b"))


async def test_what_it_raises_is_raised() -> None:
    with pytest.raises(Retry):
        await run_inline(report_steps, 1)


@job
async def quits(how: str) -> None:
    errors = {"exit": SystemExit(4), "ctrl-c": KeyboardInterrupt(), "close": GeneratorExit(), "gone": CancelledError()}
    raise errors[how]


@job(lane="thread")
def quits_in_a_thread() -> None:
    raise SystemExit("bye")


@pytest.mark.parametrize(
    ("how", "name"),
    [
        ("exit", "SystemExit: 4"),
        ("ctrl-c", "KeyboardInterrupt"),
        ("close", "GeneratorExit"),
        ("gone", "asyncio.exceptions.CancelledError"),
    ],
)
def test_a_job_run_inline_that_would_end_the_tests_raises_another_error_instead(how: str, name: str) -> None:
    async def test() -> str:
        with pytest.raises(JobFailedError, match=rf"^quits raised {name}$") as raised:
            await run_inline(quits, how)
        assert not isinstance(raised.value.__cause__, Exception)
        with pytest.raises(JobFailedError, match=r"^quits_in_a_thread raised SystemExit: bye$"):
            await run_inline(quits_in_a_thread)
        return "went on"

    assert asyncio.run(test()) == "went on"


async def test_a_job_run_inline_is_cancelled_with_its_test() -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await run_inline(waits_for_ever)
    assert ENDED == ["waits_for_ever"]


ENDED: list[str] = []


@job
async def waits_for_ever() -> None:
    try:
        await asyncio.Event().wait()
    finally:
        ENDED.append("waits_for_ever")
