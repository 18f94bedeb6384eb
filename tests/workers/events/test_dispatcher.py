"""The event dispatcher: it passes each event on to the listeners that override it, and survives what they raise."""

from __future__ import annotations

from typing import Any

import pytest
from redis.asyncio import Redis

from monarq import Listener, Run
from monarq.workers.events.dispatcher import Dispatcher
from monarq.workers.events.events import EVENTS
from monarq.workers.reporting.worker_log import WorkerLog
from tests.support.workers import make_worker, put, result_of
from tests.workers.support import worker_jobs as jobs
from tests.workers.support.runs import make_run


class Ends(Listener):
    """Hears how jobs end."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []

    def job_succeeded(self, run: Run, value: object) -> None:
        self.told.append(("succeeded", run.job_id, run.job_name, run.queue, run.job_try, value))

    def job_failed(self, run: Run, error: BaseException) -> None:
        self.told.append(("failed", run.job_id, run.job_name, run.queue, run.job_try, str(error)))


class Broken(Listener):
    """Raises until it is mended."""

    def __init__(self) -> None:
        self.mended = False
        self.heard = 0

    def job_succeeded(self, run: Run, value: object) -> None:
        self.heard += 1
        if not self.mended:
            raise SystemExit("a listener must not end a worker")


def test_an_event_goes_to_those_who_override_it_in_their_order_and_to_nobody_else() -> None:
    order: list[str] = []

    class One(Listener):
        def redis_back(self, doing: str) -> None:
            order.append(f"one: {doing}")

    class Two(One):
        def redis_back(self, doing: str) -> None:
            order.append(f"two: {doing}")

    recorder = Dispatcher(One(), Listener(), Two())
    recorder.redis_back("claiming")
    recorder.redis_lost("claiming", OSError())
    assert order == ["one: claiming", "two: claiming"]
    # What nobody hears of is still the empty method of the class.
    assert set(vars(recorder)) & set(EVENTS) == {"redis_back"}
    third = One()
    recorder.add(third)
    recorder.redis_back("again")
    assert order[2:] == ["one: again", "two: again", "one: again"]
    recorder.remove(third)
    recorder.redis_back("still")
    assert order[5:] == ["one: still", "two: still"]
    alone = Dispatcher(third)
    alone.remove(third)
    assert set(vars(alone)) & set(EVENTS) == set()


async def test_a_listener_that_raises_harms_no_job_and_is_reported_once_a_spell(
    redis: Redis, redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    broken, ends = Broken(), Ends()
    worker = make_worker(redis_url, jobs.ALL, Dispatcher(broken, WorkerLog(), ends), burst=True)
    for number in range(3):
        await put(redis, jobs.plus, number, number, job_id=str(number))
    await worker.run()
    assert [(await result_of(redis, str(number))).value for number in range(3)] == [0, 2, 4]
    assert broken.heard == len(ends.told) == 3
    assert _complaints(caplog) == [
        "the listener Broken.job_succeeded raised SystemExit: a listener must not end a worker"
    ]


def test_a_listener_is_reported_again_after_it_has_worked(caplog: pytest.LogCaptureFixture) -> None:
    broken = Broken()
    recorder = Dispatcher(WorkerLog(), broken)
    run = make_run(jobs.plus, 1, 2)
    for mended in (False, False, True, False, False):
        broken.mended = mended
        recorder.job_succeeded(run, None)
    assert broken.heard == 5
    assert len(_complaints(caplog)) == 2


def test_one_that_fails_in_listener_failed_does_not_recurse() -> None:
    class Hopeless(Listener):
        def listener_failed(self, name: str, error: BaseException) -> None:
            raise RuntimeError("this too")

        def redis_back(self, doing: str) -> None:
            raise RuntimeError("as always")

    recorder = Dispatcher(Hopeless())
    for _ in range(3):
        recorder.redis_back("anything")


def _complaints(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage().partition(";")[0] for record in caplog.records if "the listener" in record.getMessage()]
