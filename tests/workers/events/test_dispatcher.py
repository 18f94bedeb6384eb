"""Events: who hears of them, what a listener that raises does, and where a user's own are found."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from monarq import Listener, Run
from monarq.shared.errors import SettingsError
from monarq.targets import load_target
from monarq.workers.config.settings import WorkerSettings
from monarq.workers.events.dispatcher import Dispatcher
from monarq.workers.events.listener import EVENTS
from monarq.workers.reporting import worker_log as log_module
from monarq.workers.reporting.worker_log import DebugWorkerLog, WorkerLog, worker_log
from tests.support.workers import QUEUE, make_worker, put, result_of, run_burst
from tests.workers import engine_jobs as jobs


class Ends(Listener):
    """Hears how jobs end."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []

    def job_completed(self, run: Run, value: object) -> None:
        self.told.append(("completed", run.job_id, run.name, run.queue, run.job_try, value))

    def job_failed(self, run: Run, error: BaseException) -> None:
        self.told.append(("failed", run.job_id, run.name, run.queue, run.job_try, str(error)))


class Broken(Listener):
    """Raises until it is mended."""

    def __init__(self) -> None:
        self.mended = False
        self.heard = 0

    def job_completed(self, run: Run, value: object) -> None:
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


async def test_users_listeners_hear_of_runs_with_their_ids_names_and_tries(redis: Redis, redis_url: str) -> None:
    first, second = Ends(), Ends()
    await put(redis, jobs.plus, 4, 4, job_id="four")
    await put(redis, jobs.break_down, "as asked", job_id="bad")
    await run_burst(redis_url, jobs.ALL, listeners=(first, second))
    assert sorted(first.told) == [
        ("completed", "four", "plus", QUEUE.queue, 1, 8),
        ("failed", "bad", "break_down", QUEUE.queue, 1, "as asked"),
    ]
    assert first.told == second.told


async def test_a_listener_that_raises_harms_no_job_and_is_told_of_once_a_spell(
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
        "the listener Broken.job_completed raised SystemExit: a listener must not end a worker"
    ]


def test_a_listener_is_told_of_again_after_it_has_worked(caplog: pytest.LogCaptureFixture) -> None:
    broken = Broken()
    recorder = Dispatcher(WorkerLog(), broken)
    run: Any = object()
    for mended in (False, False, True, False, False):
        broken.mended = mended
        recorder.job_completed(run, None)
    assert broken.heard == 5
    assert len(_complaints(caplog)) == 2


def test_one_that_fails_at_hearing_of_failures_does_not_run_in_circles() -> None:
    class Hopeless(Listener):
        def listener_failed(self, name: str, error: BaseException) -> None:
            raise RuntimeError("this too")

        def redis_back(self, doing: str) -> None:
            raise RuntimeError("as always")

    recorder = Dispatcher(Hopeless())
    for _ in range(3):
        recorder.redis_back("anything")


def test_lines_for_each_job_are_heard_of_only_where_they_are_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_module.logger, "level", logging.INFO)
    assert type(worker_log()) is WorkerLog
    log_module.logger.setLevel(logging.DEBUG)
    assert type(worker_log()) is DebugWorkerLog
    assert "job_completed" not in vars(Dispatcher(WorkerLog()))


MODULE = """
from monarq import Listener, job

class Alert(Listener):
    def job_failed(self, run, error):
        print(run.job_id)

@job
async def listened_to():
    pass

alert = Alert()
same_again = alert

class WorkerSettings:
    functions = [listened_to]
    listeners = [alert]

class WrongSettings:
    functions = [listened_to]
    listeners = [Alert]
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "listened.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    return "listened"


def test_listeners_are_found_in_a_module_and_in_arqs_settings(module: str) -> None:
    for target in (module, f"{module}.WorkerSettings"):
        loaded = load_target(target, "redis://nowhere", {})
        assert [type(listener).__name__ for listener in loaded.settings.listeners] == ["Alert"]
        assert "job_failed" in vars(loaded.events)
    with pytest.raises(SettingsError, match=r"listeners: .*Alert.* instances of subclasses of monarq\.Listener"):
        load_target(f"{module}.WrongSettings", "redis://nowhere", {})


def test_settings_take_listeners_only() -> None:
    for wrong in ([7], "me", Ends(), None, {Ends()}):
        given: Any = wrong
        with pytest.raises(SettingsError, match="listeners"):
            WorkerSettings(listeners=given)
    assert len(WorkerSettings(listeners=[Ends()]).listeners) == 1


def _complaints(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage().partition(";")[0] for record in caplog.records if "the listener" in record.getMessage()]
