"""The settings of `monarq worker`: pyproject.toml, then the settings class, then the environment, then options."""

from __future__ import annotations

import sys
from asyncio.subprocess import PIPE
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import pytest
from redis.asyncio import Redis

from monarq import App, Defaults, Producer, job
from monarq.cli.app import app as command_line
from monarq.cli.command_line.settings import default_map
from monarq.cli.worker.options import served_queues_options, split_settings
from monarq.shared.errors import SettingsError
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.targets import load_target
from monarq.workers.config.named_settings import by_attribute, project_settings
from tests.support.command import start_monarq
from tests.support.slowness import in_time, patience_s

PROJECT = """
[tool.monarq]
allow_pickle = true
max_payload = "1MB"

[tool.monarq.worker]
target = "settings_jobs"
concurrency = 7
timeout = "2m"
keep_result = "forever"
retry = 2
hang_timeout = "40s"
queues = ["mail", "slow"]
"""


@job(name="settings.greet")
async def greet() -> str:
    return "hello"


async def stock(ctx: dict[str, Any]) -> None: ...


class Settings:
    functions = (stock,)
    job_timeout = 9
    queue_name = "own"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    monkeypatch.chdir(tmp_path)
    module = ModuleType("settings_jobs")
    vars(module).update(greet=greet, Settings=Settings)
    monkeypatch.setitem(sys.modules, "settings_jobs", module)
    return tmp_path


def split(*args: str) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """What the command makes of its arguments: all values, those that win over the target, and those that do not."""
    command = command_line.get_command(click.Context(command_line), "worker")
    assert command is not None
    group = click.Context(command_line, auto_envvar_prefix="MONARQ", default_map=default_map())
    with group, command.make_context("worker", list(args), parent=group) as context:
        values = dict(context.params)
        named = {name: values.pop(name) for name in ("queues", "arq_queues")}
        given = {name: value for name, value in values.items() if name not in POOL}
        join: Any = served_queues_options(lambda queues: split_settings(given | {"queues": queues}))
        return values, *join(**named)


POOL = {
    *("target", "workers", "redis", "check", "watch", "reload", "reload_also", "custom_log_dict", "log_format", "bind"),
    *("hang_timeout", "max_jobs_per_worker", "max_memory_per_worker", "max_abandoned_threads", "health_port"),
    *("metrics_port", "livez_after", "readyz_after"),
}


def test_a_list_in_the_file_may_be_one_text_as_in_the_environment(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = project / "inside"
    inside.mkdir()
    monkeypatch.chdir(inside)
    (inside / "pyproject.toml").write_text("[tool.monarq.worker]\nqueues = 'mail slow'\n")
    assert default_map()["worker"]["queues"] == ["mail", "slow"]


def test_the_file_gives_what_neither_options_nor_the_environment_do(monkeypatch: pytest.MonkeyPatch) -> None:
    pool, overrides, of_project = split()
    assert (pool["target"], pool["hang_timeout"]) == ("settings_jobs", 40.0)
    assert overrides == {}
    assert of_project == {
        "concurrency": 7,
        "timeout": "2m",
        "keep_result": "forever",
        "retry": 2,
        "allow_pickle": True,
        "max_payload": "1MB",
        "queues": [QueueRef("mail", "native"), QueueRef("slow", "native")],
    }
    monkeypatch.setenv("MONARQ_WORKER_TIMEOUT", "3m")
    monkeypatch.setenv("MONARQ_MAX_PAYLOAD", "2MB")
    pool, overrides, of_project = split("other.jobs", "-c", "9", "--arq-queue", "mail", "--hang-timeout", "50")
    assert (pool["target"], pool["hang_timeout"]) == ("other.jobs", 50.0)
    assert overrides == {
        "concurrency": 9,
        "timeout_s": 180.0,
        "max_payload": 2 << 20,
        "queues": [QueueRef("mail", "arq")],
    }
    assert {"concurrency", "timeout", "max_payload", "queues"}.isdisjoint(of_project)


def test_a_module_is_run_with_the_settings_of_the_file_where_no_option_says_otherwise() -> None:
    loaded = load_target("settings_jobs", None, {"timeout_s": 5.0}, project_settings())
    settings = loaded.settings
    assert (settings.concurrency, settings.timeout_s, settings.max_payload) == (7, 5.0, 1 << 20)
    assert [queue.name for queue in settings.queues] == ["mail", "slow"]
    assert settings.codecs.allow_pickle
    assert settings.keep_result_s == float("inf")


def test_a_settings_class_wins_over_the_file_and_options_over_both() -> None:
    given = project_settings()
    settings = load_target("settings_jobs.Settings", None, {"concurrency": 3}, given).settings
    assert (settings.concurrency, settings.timeout_s) == (3, 9)
    assert [queue.name for queue in settings.queues] == ["own"]
    assert load_target("settings_jobs.Settings", None, {}, given).settings.concurrency == 7, "arq's 10 is built in"
    assert load_target("settings_jobs.Settings", None, {}).settings.concurrency == 10


@pytest.mark.parametrize(
    ("app", "queues"),
    [(App("plain"), ["mail", "slow"]), (App("own", queue="own", queues=["more"]), ["own", "more"])],
    ids=lambda value: value.name if isinstance(value, App) else "",
)
def test_an_app_wins_over_the_file_where_it_says_something(app_of: Any, app: App, queues: list[str]) -> None:
    app_of(app)
    settings = load_target("settings_app", None, {"max_payload": 5}, project_settings()).settings
    assert [queue.name for queue in settings.queues] == queues
    assert (settings.concurrency, settings.timeout_s, settings.max_payload) == (7, 120.0, 5)
    app_of(App("strict", defaults=Defaults(timeout="30s", concurrency=4)))
    settings = load_target("settings_app", None, {"concurrency": 3}, project_settings()).settings
    assert (settings.concurrency, settings.timeout_s) == (3, 30.0)


@pytest.fixture
def app_of(monkeypatch: pytest.MonkeyPatch) -> Callable[[App], None]:
    """Makes the module of a worker's target with this app, which has one job."""

    def make(app: App) -> None:
        async def work() -> None: ...

        app.job(name=f"{app.name}.work")(work)
        module = ModuleType("settings_app")
        vars(module).update(app=app)
        monkeypatch.setitem(sys.modules, "settings_app", module)

    return make


def test_the_default_queue_may_have_another_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONARQ_QUEUE", "shop")
    assert load_target("settings_jobs", None, {}).settings.queues == (QueueRef("shop", "native"),)


def test_an_unknown_setting_ends_every_command_with_the_place(cli: Callable[..., Any], project: Path) -> None:
    inner = project / "inner"
    inner.mkdir()
    (inner / "pyproject.toml").write_text("[tool.monarq.worker]\nconcurency = 5\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(inner)
        ended = cli("stats")
    assert ended.code == 2
    assert f"{inner}/pyproject.toml: [tool.monarq.worker] has no setting 'concurency'; did you mean" in ended.err


def test_a_value_that_an_option_would_refuse_is_refused_with_the_file(cli: Callable[..., Any], project: Path) -> None:
    (project / "in").mkdir()
    (project / "in" / "pyproject.toml").write_text('[tool.monarq.worker]\ntarget = "x"\nhang_timeout = "1s"\n')
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project / "in")
        ended = cli("worker")
    assert ended.code == 2
    assert "is too short" in ended.err
    assert f"it comes from {project}/in/pyproject.toml" in ended.err


def test_a_wrong_value_names_its_own_variable(cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONARQ_MAX_PAYLOAD", "much")
    ended = cli("worker", "settings_jobs")
    assert "it comes from the environment variable MONARQ_MAX_PAYLOAD" in ended.err


def test_values_of_the_file_are_checked_where_they_are_used() -> None:
    with pytest.raises(SettingsError, match="timeout is 'long'"):
        by_attribute({"timeout": "long"})


async def test_a_worker_needs_no_argument_where_the_file_has_all(redis: Redis, redis_url: str, project: Path) -> None:
    (project / "pool").mkdir()
    (project / "pool" / "file_jobs.py").write_text(
        "from monarq import job\n\n\n@job\nasync def greet() -> str:\n    return 'hello'\n"
    )
    (project / "pool" / "pyproject.toml").write_text(
        f'[tool.monarq]\nredis = "{redis_url}"\nqueue = "shop"\n'
        '[tool.monarq.worker]\ntarget = "file_jobs"\nworkers = 1\nburst = true\n'
    )
    async with Producer(redis_url, queue="shop") as producer:
        handle = await producer.enqueue("greet")
        started = await start_monarq("worker", url="", cwd=project / "pool", stderr=PIPE)
        async with in_time(30):
            _, said = await started.communicate()
        assert (started.returncode, await handle.result(patience_s(10))) == (0, "hello"), said


async def test_a_variable_of_no_setting_is_a_warning_at_the_start(redis_url: str) -> None:
    wrong = {"MONARQ_WORKER_CONCURENCY": "5", "MONARQ_WORKER_GRACE": "1s"}
    started = await start_monarq("worker", "monarq_nowhere", "-w", "1", url=redis_url, env=wrong, stderr=PIPE)
    async with in_time(30):
        _, said = await started.communicate()
    assert said.decode().count("MONARQ_WORKER_") == 2
    assert (
        "monarq: warning: the environment variable MONARQ_WORKER_CONCURENCY belongs to no setting; did you mean"
        " MONARQ_WORKER_CONCURRENCY?\n"
    ) in said.decode()
