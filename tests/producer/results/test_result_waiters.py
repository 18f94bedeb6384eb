"""The bookkeeping of those who wait for results."""

from __future__ import annotations

import asyncio

import pytest

from monarq.producer.results.result_waiters import ResultWaiters
from monarq.shared.formats.arq.producer import ArqProducerQueue


@pytest.fixture
def waiters() -> ResultWaiters:
    return ResultWaiters(ArqProducerQueue.of("tested"))


def add(waiters: ResultWaiters, job_id: str) -> asyncio.Future[bytes]:
    future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
    waiters.add(job_id, future)
    return future


def due(waiters: ResultWaiters, limit: int = 10) -> list[str]:
    return [waiter.job_id for waiter in waiters.take_due(limit)]


@pytest.mark.parametrize(("subscribed", "expected"), [(False, []), (True, ["a", "b"])])
async def test_a_job_is_due_once_its_end_cannot_be_missed(
    waiters: ResultWaiters, subscribed: bool, expected: list[str]
) -> None:
    waiters.subscribed = subscribed
    futures = [add(waiters, job_id) for job_id in ("a", "b", "a")]
    assert (len(futures), len(waiters)) == (3, 2)
    assert due(waiters) == expected
    assert due(waiters) == [], "each is taken once"


@pytest.mark.parametrize(
    ("ended", "expected"), [([b"x"], []), ([b"c", b"x", b"a"], ["c", "a"]), ([b"b", b"b"], ["b"]), ([], [])]
)
async def test_ended_jobs_that_are_waited_for_are_due_in_their_order(
    waiters: ResultWaiters, ended: list[bytes], expected: list[str]
) -> None:
    futures = [add(waiters, job_id) for job_id in ("a", "b", "c")]
    assert waiters.on_ended(((raw_id, None) for raw_id in ended), ()) is bool(expected)
    assert due(waiters) == expected
    assert not any(future.done() for future in futures)


async def test_results_that_come_along_resolve_their_waiters_unless_a_last_report_is_awaited(
    waiters: ResultWaiters,
) -> None:
    waiters.subscribed = True
    futures = {job_id: add(waiters, job_id) for job_id in ("brought", "watched", "to fetch")}
    assert sorted(due(waiters)) == sorted(futures)
    ended = [(b"brought", b"result"), (b"other's", b"result"), (b"watched", b"result"), (b"to fetch", None)]
    assert waiters.on_ended(ended, {b"watched"})
    assert {job_id: future.done() for job_id, future in futures.items()} == {
        "brought": True,
        "watched": False,
        "to fetch": False,
    }
    assert futures["brought"].result() == b"result"
    taken = waiters.take_due(2)
    assert ([waiter.job_id for waiter in taken], len(waiters)) == (["watched", "to fetch"], 2)
    assert not waiters.on_ended([(b"to fetch", b"result")], ())
    waiters.on_fetched(taken[:1], {taken[0]: b"fetched"})
    assert (futures["watched"].result(), futures["to fetch"].result()) == (b"fetched", b"result")


async def test_no_more_are_taken_than_asked_for(waiters: ResultWaiters) -> None:
    futures = [add(waiters, str(n)) for n in range(5)]
    waiters.mark_all_due()
    assert [due(waiters, 2), due(waiters, 2), due(waiters, 2), due(waiters, 2)] == [["0", "1"], ["2", "3"], ["4"], []]
    assert len(futures) == len(waiters)


@pytest.mark.parametrize("outcome", [b"result", ValueError("no result")])
async def test_all_futures_of_a_job_are_resolved_and_no_other(
    waiters: ResultWaiters, outcome: bytes | Exception
) -> None:
    first, second, other = add(waiters, "a"), add(waiters, "a"), add(waiters, "b")
    waiters.mark_all_due()
    [waiter, _] = waiters.take_due(2)
    waiters.resolve(waiter, outcome)
    for future in (first, second):
        assert (future.exception() or future.result()) == outcome
    assert (other.done(), len(waiters)) == (False, 1)


async def test_cancelled_futures_are_removed_and_the_last_one_removes_the_waiter(waiters: ResultWaiters) -> None:
    waiters.subscribed = True
    first, second = add(waiters, "a"), add(waiters, "a")
    first.cancel()
    await asyncio.sleep(0)
    assert len(waiters) == 1
    second.cancel()
    await asyncio.sleep(0)
    assert (len(waiters), due(waiters)) == (0, [])


async def test_all_waits_fail_each_with_an_error_of_its_own(waiters: ResultWaiters) -> None:
    first, second = add(waiters, "a"), add(waiters, "b")
    waiters.fail_all(KeyError)
    errors = first.exception(), second.exception()
    assert [type(error) for error in errors] == [KeyError, KeyError]
    assert errors[0] is not errors[1]
    assert len(waiters) == 0


async def test_what_ended_after_a_job_whose_result_is_being_fetched_waits_for_it(waiters: ResultWaiters) -> None:
    waiters.subscribed = True
    order: list[str] = []
    for job_id in ("a", "b", "c", "d"):
        add(waiters, job_id).add_done_callback(lambda _, job_id=job_id: order.append(job_id))
    waiters.take_due(4)
    assert waiters.on_ended([(b"c", None)], ())
    assert not waiters.on_ended([(b"a", b"1")], ())
    fetched = waiters.take_due(4)
    assert waiters.on_ended([(b"d", None), (b"b", b"2")], ())
    await asyncio.sleep(0)
    assert order == []
    waiters.on_fetched(fetched, dict.fromkeys(fetched, b"3"))
    await asyncio.sleep(0)
    assert order == ["c", "a"]
    waiters.on_fetched(waiters.take_due(4), {})
    await asyncio.sleep(0)
    assert order == ["c", "a", "b"], "the id has another job by now"
    assert (len(waiters), due(waiters)) == (1, [])


async def test_who_no_longer_waits_holds_back_nobody(waiters: ResultWaiters) -> None:
    waiters.subscribed = True
    first, second = add(waiters, "a"), add(waiters, "b")
    waiters.on_ended([(b"a", None), (b"b", b"2")], ())
    assert not second.done()
    first.cancel()
    await asyncio.sleep(0)
    assert await second == b"2"
    assert len(waiters) == 0
