"""What the sandbox says of jobs that are enqueued."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from unittest.mock import ANY

import pytest

from monarq import Producer, job, named
from monarq.testing import Sandbox, SyncSandbox
from tests.testing.shop import Order, charge_order, send, signup, signup_sync, thumbnail


@job
async def mark(queue: str) -> None:
    """It has a parameter that is named as an option of assertions is."""


async def test_a_job_that_is_enqueued_is_found_with_its_arguments_and_its_queue(monarq: Sandbox) -> None:
    await signup("a@b")
    found = monarq.assert_enqueued(send, "a@b", queue="mail")
    assert (found.job_name, found.args, found.kwargs, found.queue) == ("send", ("a@b",), {}, "mail")
    assert monarq.enqueued(send) == monarq.enqueued() == [found]


@pytest.mark.parametrize("call", [("b@b",), ("a@b", "c@d")])
async def test_other_arguments_are_not_enqueued(monarq: Sandbox, call: tuple[str, ...]) -> None:
    await signup("a@b")
    monarq.assert_not_enqueued(send, *call)
    with pytest.raises(AssertionError) as failed:
        monarq.assert_enqueued(send, *call)
    arguments = ", ".join(map(repr, call))
    assert str(failed.value) == f"send({arguments}) is not enqueued\nenqueued:\n  send('a@b') on queue 'mail'"


async def test_a_job_on_another_queue_is_not_meant(monarq: Sandbox) -> None:
    await signup("a@b")
    monarq.assert_not_enqueued(send, queue="default")
    with pytest.raises(AssertionError, match="send is not enqueued on queue 'default'"):
        monarq.assert_enqueued(send, queue="default")
    with pytest.raises(AssertionError, match="send is not enqueued on queue 'other'"):
        monarq.assert_enqueued(send.options(queue="other"))


async def test_an_id_is_asked_for_as_it_is_given(monarq: Sandbox) -> None:
    async with Producer() as producer:
        await producer.enqueue(send.options(job_id="welcome:7"), "a@b")
    monarq.assert_enqueued(send.options(job_id="welcome:7"), "a@b")
    with pytest.raises(AssertionError, match="send is not enqueued with the id 'welcome:8'"):
        monarq.assert_enqueued(send.options(job_id="welcome:8"))


async def test_a_job_that_is_there_fails_the_assertion_that_it_is_not(monarq: Sandbox) -> None:
    await signup("a@b")
    monarq.assert_not_enqueued(thumbnail)
    with pytest.raises(AssertionError) as failed:
        monarq.assert_not_enqueued(send)
    assert str(failed.value) == "send is enqueued\nfound:\n  send('a@b') on queue 'mail'"


async def test_a_failure_says_that_nothing_is_enqueued_or_that_the_job_was_run(monarq: Sandbox) -> None:
    with pytest.raises(AssertionError, match=r"send is not enqueued\nenqueued: nothing$"):
        monarq.assert_enqueued(send)
    await signup("a@b")
    await monarq.drain()
    with pytest.raises(AssertionError, match=r"enqueued: nothing\nrun already:\n  send\('a@b'\), job \w+$"):
        monarq.assert_enqueued(send)


async def test_a_failure_lists_the_jobs_of_the_name_first_and_not_all_of_many(monarq: Sandbox) -> None:
    async with Producer() as producer:
        await producer.enqueue_many(thumbnail, [(width,) for width in range(30)])
        await producer.enqueue(send, "a@b")
    with pytest.raises(AssertionError) as failed:
        monarq.assert_enqueued(send, "b@b")
    lines = str(failed.value).splitlines()
    assert lines[2] == "  send('a@b') on queue 'mail'"
    assert lines[-1] == "  and 11 more"
    assert len(lines) == 23


async def test_arguments_are_compared_as_the_job_gets_them_however_the_call_is_written(monarq: Sandbox) -> None:
    at = datetime(2030, 1, 2, tzinfo=UTC)
    async with Producer() as producer:
        await producer.enqueue(charge_order, Order(1, Decimal("9.90")), at=at)
    monarq.assert_enqueued(charge_order, Order(1, Decimal("9.90")), at)
    monarq.assert_enqueued(charge_order, order=Order(1, Decimal("9.90")), at=at)
    monarq.assert_enqueued(charge_order, ANY, at)
    monarq.assert_not_enqueued(charge_order, Order(2, Decimal("9.90")), at)
    assert monarq.enqueued(charge_order)[0].args == (Order(1, Decimal("9.90")),)


async def test_an_argument_may_be_named_as_the_option_is(monarq: Sandbox) -> None:
    async with Producer() as producer:
        await producer.enqueue(mark, queue="urgent")
    monarq.assert_enqueued(mark, queue="urgent")
    monarq.assert_not_enqueued(mark, queue="default")
    monarq.assert_enqueued(mark.options(queue="default"), "urgent")


async def test_a_job_may_be_given_with_its_arguments(monarq: Sandbox) -> None:
    await signup("a@b")
    monarq.assert_enqueued(send.bind("a@b").options(queue="mail"))
    monarq.assert_not_enqueued(send.bind("b@b"))
    with pytest.raises(TypeError, match="already has its arguments"):
        monarq.assert_enqueued(send.bind("a@b"), "a@b")


async def test_a_job_is_found_by_its_name(monarq: Sandbox) -> None:
    async with Producer() as producer:
        await producer.enqueue(named("elsewhere", queue="far"), 1, b=2)
    monarq.assert_enqueued("elsewhere", 1, b=2, queue="far")
    monarq.assert_not_enqueued("elsewhere", 2)
    assert monarq.enqueued(queue="far")[0].kwargs == {"b": 2}
    assert monarq.enqueued(queue="default") == []


async def test_what_is_no_job_and_a_call_that_cannot_be_are_refused(monarq: Sandbox) -> None:
    with pytest.raises(TypeError, match="is not a job"):
        monarq.assert_not_enqueued(signup)
    with pytest.raises(TypeError, match="send"):
        monarq.assert_not_enqueued(send, "a", "b", "c")


async def test_when_a_job_is_due_and_when_it_expires_are_told_by_the_sandboxs_clock(monarq: Sandbox) -> None:
    async with Producer() as producer:
        await producer.enqueue(send.options(defer_by="1h", expires="2h"), "a@b")
    [found] = monarq.enqueued()
    assert found.defer_until is not None
    assert found.expires_at is not None
    assert abs(found.defer_until - monarq.now - timedelta(hours=1)) < timedelta(seconds=1)
    assert abs(found.expires_at - monarq.now - timedelta(hours=2)) < timedelta(seconds=1)
    assert ", due at 20" in str(found)


async def test_jobs_that_other_threads_enqueue_are_found(monarq: Sandbox) -> None:
    thread = threading.Thread(target=signup_sync, args=("a@b",))
    thread.start()
    thread.join()
    monarq.assert_enqueued(send, "a@b")


def test_a_blocking_test_has_the_same_assertions(monarq_sync: SyncSandbox) -> None:
    signup_sync("a@b")
    monarq_sync.assert_enqueued(send, "a@b")
    with pytest.raises(AssertionError):
        monarq_sync.assert_not_enqueued(send)
