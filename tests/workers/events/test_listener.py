"""Listeners: users' own get the events of runs, and are found in modules and in settings."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from monarq import Listener, Run
from monarq.shared.errors import SettingsError
from monarq.shared.protocol.acks import Crash, Requeue
from monarq.targets import load_target
from monarq.workers.config.settings import WorkerSettings
from monarq.workers.events.dispatcher import Dispatcher
from monarq.workers.events.events import EVENTS
from monarq.workers.events.listener import PUBLIC_EVENTS
from monarq.workers.events.public_events import public_method
from tests.support.formats import current_queue
from tests.support.workers import put, run_burst
from tests.workers.support import worker_jobs as jobs
from tests.workers.support.runs import ENQUEUED_MS, make_run


class Ends(Listener):
    """Hears how jobs end."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []

    def job_succeeded(self, run: Run, value: object) -> None:
        self.told.append(("succeeded", run.job_id, run.job_name, run.queue, run.job_try, value))

    def job_failed(self, run: Run, error: BaseException) -> None:
        self.told.append(("failed", run.job_id, run.job_name, run.queue, run.job_try, str(error)))


async def test_users_listeners_get_runs_with_their_ids_names_and_tries(redis: Redis, redis_url: str) -> None:
    first, second = Ends(), Ends()
    await put(redis, jobs.plus, 4, 4, job_id="four")
    await put(redis, jobs.break_down, "as asked", job_id="bad")
    await run_burst(redis_url, jobs.ALL, listeners=(first, second))
    assert sorted(first.told) == [
        ("failed", "bad", "break_down", current_queue().name, 1, "as asked"),
        ("succeeded", "four", "plus", current_queue().name, 1, 8),
    ]
    assert first.told == second.told


class Everything(Listener):
    """Keeps the runs of the events that come without one in the worker."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Run]] = []

    def job_rejected(self, run: Run, error: BaseException) -> None:
        self.told.append((f"rejected: {error}", run))

    def job_cancelled(self, run: Run) -> None:
        self.told.append(("cancelled", run))

    def job_lost(self, run: Run) -> None:
        self.told.append(("lost", run))

    def job_failed(self, run: Run, error: BaseException) -> None:
        self.told.append((f"failed: {error}", run))

    def job_unknown(self, run: Run) -> None:
        self.told.append(("unknown", run))

    def middleware_failed(self, name: str, error: BaseException) -> None:
        self.told.append((name, Run(job_id="", job_name=str(error))))


def test_every_event_of_a_job_comes_with_a_public_run() -> None:
    listener = Everything()
    events = Dispatcher(listener)
    run = make_run(jobs.plus, 4, start_ms=2000, finish_ms=3500)
    lease, payload = run.lease, run.payload
    payload.headers = {"tenant": "acme"}
    events.job_rejected(lease, "plus", ValueError("no"), 1000, payload)
    events.job_rejected(lease, "plus", ValueError("unread"), 1000, None)
    events.cancelled_before_start(lease, "plus", 1000, payload)
    events.job_cancelled(run)
    events.ack_refused([Requeue(lease, "io", name="plus"), Crash(lease, "gone")])
    events.job_lost(run)
    events.result_not_serialized(run, TypeError("a lock"))
    events.job_unknown(lease, "other")
    events.hook_failed("on_job_end", OSError("late"))
    assert [(told, seen.job_name, seen.args, seen.started_at is None) for told, seen in listener.told] == [
        ("rejected: no", "plus", (4,), True),
        ("rejected: unread", "plus", (), True),
        ("cancelled", "plus", (4,), True),
        ("cancelled", "plus", (4,), False),
        ("lost", "plus", (), True),
        ("lost", "", (), True),
        ("lost", "plus", (4,), False),
        ("failed: a lock", "plus", (4,), False),
        ("unknown", "other", (), True),
        ("on_job_end", "late", (), True),
    ]
    started = listener.told[3][1]
    assert (started.job_id, started.job_try, started.crashes, started.lane) == (lease.job_id, 1, 0, "io")
    assert (started.headers, started.seconds) == ({"tenant": "acme"}, 1.5)
    assert started.enqueued_at == datetime.fromtimestamp(ENQUEUED_MS / 1000, tz=UTC)
    assert started.replace(args=[1]).args == (1,)
    with pytest.raises(AttributeError):
        started.job_id = "other"  # type: ignore[misc]


def test_every_event_that_a_listener_can_hear_of_is_one_of_the_workers() -> None:
    class Hears(Listener):
        pass

    for name in PUBLIC_EVENTS:
        setattr(Hears, name, lambda *_: None)
    heard = [found[0] for event in EVENTS if (found := public_method(Hears(), event)) is not None]
    assert set(heard) == set(PUBLIC_EVENTS)


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
