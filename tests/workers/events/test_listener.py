"""Listeners: users' own get the events of runs, and are found in modules and in settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from monarq import Listener, Run
from monarq.shared.errors import SettingsError
from monarq.targets import load_target
from monarq.workers.config.settings import WorkerSettings
from tests.support.formats import current_queue
from tests.support.workers import put, run_burst
from tests.workers.support import worker_jobs as jobs


class Ends(Listener):
    """Hears how jobs end."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []

    def job_completed(self, run: Run, value: object) -> None:
        self.told.append(("completed", run.job_id, run.name, run.queue, run.job_try, value))

    def job_failed(self, run: Run, error: BaseException) -> None:
        self.told.append(("failed", run.job_id, run.name, run.queue, run.job_try, str(error)))


async def test_users_listeners_get_runs_with_their_ids_names_and_tries(redis: Redis, redis_url: str) -> None:
    first, second = Ends(), Ends()
    await put(redis, jobs.plus, 4, 4, job_id="four")
    await put(redis, jobs.break_down, "as asked", job_id="bad")
    await run_burst(redis_url, jobs.ALL, listeners=(first, second))
    assert sorted(first.told) == [
        ("completed", "four", "plus", current_queue().name, 1, 8),
        ("failed", "bad", "break_down", current_queue().name, 1, "as asked"),
    ]
    assert first.told == second.told


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
