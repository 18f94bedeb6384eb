"""The reader of arq's settings: classes and dicts as they are become monarq's settings."""

from __future__ import annotations

import json
import pickle
from datetime import timedelta
from typing import Any, ClassVar

import arq
import pytest
from arq.connections import RedisSettings
from arq.worker import Function

from monarq.arq.runs.policies import ArqOutcomes
from monarq.arq.settings.connection import SettingsSource
from monarq.arq.settings.reader import read_arq_settings
from monarq.shared.errors import SettingsError
from monarq.shared.jobs.decorators import job
from monarq.shared.payloads.codec import MSGPACK, PICKLE
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.redis.pool_source import PoolSource
from monarq.workers.jobs.registry import register
from tests.arq import jobs


@job
async def declared() -> int:
    return 1


async def hook(ctx: dict[Any, Any]) -> None: ...


class Base:
    functions: ClassVar[list[Any]] = [jobs.add]
    max_jobs = 33
    on_startup = hook


class WorkerSettings(Base):
    queue_name = "arq:mine"
    cron_jobs: ClassVar[list[Any]] = [arq.cron(jobs.count_run, hour=3)]
    ctx: ClassVar[dict[str, Any]] = {"given": 1}


def test_defaults_are_arqs() -> None:
    read = read_arq_settings({"functions": [jobs.add]})
    settings = read.settings
    assert settings.queues == (QueueRef("arq:queue", "arq"),)
    assert (settings.concurrency, settings.timeout_s, settings.max_tries) == (10, 300, None)
    assert (settings.keep_result_s, settings.poll_s) == (3600, 0.5)
    assert (settings.allow_cancel, settings.burst, settings.max_burst_jobs) == (False, False, -1)
    assert settings.outcomes == ArqOutcomes(retry_jobs=True)
    assert settings.one_process
    assert settings.grace_s == 0
    assert settings.codecs.write is PICKLE
    assert settings.codecs.of(MSGPACK.dumps({"f": "a"})) is MSGPACK
    assert settings.codecs.of(pickle.dumps({})) is PICKLE
    assert isinstance(read.source, SettingsSource)
    assert read.source.shown == "redis://localhost:6379/0"
    assert read.handle_signals
    assert read.expires_extra_ms == 86_400_000


def test_a_class_and_what_it_inherits() -> None:
    read = read_arq_settings(WorkerSettings)
    assert read.settings.queues == (QueueRef("arq:mine", "arq"),)
    assert read.settings.concurrency == 33
    assert read.settings.hooks.startup is hook
    assert read.ctx is WorkerSettings.ctx
    assert read.names == ["add", "cron:count_run"]
    assert list(register(read.jobs, read.settings)) == ["add", "cron:count_run"]
    assert [entry.name for entry in read.crons] == ["cron:count_run"]
    assert not read.crons[0].remembers


def test_static_and_class_methods_are_hooks_too() -> None:
    class Settings:
        functions: ClassVar[list[Any]] = [jobs.add]

        @staticmethod
        async def on_startup(ctx: dict[Any, Any]) -> None: ...

        @classmethod
        async def on_job_start(cls, ctx: dict[Any, Any]) -> None: ...

        async def on_shutdown(ctx: dict[Any, Any]) -> None: ...  # noqa: N805 - arq calls it so

    hooks = read_arq_settings(Settings).settings.hooks
    for made in (hooks.startup, hooks.job_start, hooks.shutdown):
        assert made is not None
        made({}).close()  # type: ignore[attr-defined]


def test_everything_that_a_function_may_be() -> None:
    read = read_arq_settings(
        {
            "functions": [
                jobs.add,
                arq.func(jobs.fail, name="other", timeout=timedelta(seconds=7), keep_result_forever=True, max_tries=2),
                "tests.arq.jobs.sleep",
                declared,
                "tests.arq.settings.test_reader.declared",
            ]
        }
    )
    assert read.names == ["add", "other", "tests.arq.jobs.sleep", "declared"]
    table = register(read.jobs, read.settings)
    assert isinstance(read.functions[0], Function)
    assert (table["other"].timeout_s, table["other"].keep_ms, table["other"].policy.max_tries) == (7, 0, 2)
    assert table["add"].timeout_s == 300
    assert table["tests.arq.jobs.sleep"].function is jobs.sleep
    assert table["declared"].function is declared.function


def test_durations_limits_and_extras() -> None:
    read = read_arq_settings(
        {
            "functions": [jobs.add],
            "job_timeout": timedelta(minutes=2),
            "keep_result": timedelta(hours=2),
            "job_completion_wait": 9,
            "poll_delay": 0,
            "health_check_interval": timedelta(seconds=3),
            "lease_s": 4.0,
            "max_payload": 1000,
        },
        max_jobs=3,
        burst=True,
    )
    settings = read.settings
    assert (settings.timeout_s, settings.keep_result_s, settings.grace_s, read.health_check_s) == (120, 7200, 9, 3)
    assert 0 < settings.poll_s <= 0.05
    assert (settings.lease_s, settings.max_payload) == (4.0, 1000)
    assert (settings.concurrency, settings.burst) == (3, True)


def test_a_poll_delay_longer_than_a_connection_may_be_silent_is_cut() -> None:
    assert read_arq_settings({"functions": [jobs.add], "poll_delay": 60}).settings.poll_s == 4.0


def test_no_timeout_is_no_limit() -> None:
    read = read_arq_settings({"functions": [jobs.add], "job_timeout": None})
    assert register(read.jobs, read.settings)["add"].timeout_s is None


def test_given_serializers_are_used_for_everything() -> None:
    read = read_arq_settings(
        {"functions": [jobs.add], "job_serializer": lambda d: json.dumps(d).encode(), "job_deserializer": json.loads}
    )
    codecs = read.settings.codecs
    assert codecs.only is codecs.write
    assert codecs.loads(b'{"a": 1}') == {"a": 1}
    only_one = read_arq_settings({"functions": [jobs.add], "job_serializer": pickle.dumps}).settings.codecs
    assert only_one.loads(pickle.dumps({"a": 1})) == {"a": 1}


async def test_the_given_client_names_queue_and_server(redis_settings: RedisSettings) -> None:
    pool = arq.ArqRedis(unix_socket_path=redis_settings.unix_socket_path, default_queue_name="theirs")
    read = read_arq_settings({"functions": [jobs.add], "redis_pool": pool, "queue_name": None})
    assert read.settings.queues == (QueueRef("theirs", "arq"),)
    assert read.redis_pool is pool
    assert isinstance(read.source, PoolSource)
    assert read.source.shown == f"unix://{redis_settings.unix_socket_path}"


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"max_jobs": 0}, "max_jobs is 0: it must be 1 or more"),
        ({"max_jobs": "7"}, "max_jobs is '7': give a whole number"),
        ({"max_tries": 0}, "max_tries is 0"),
        ({"max_tries": True}, "max_tries is True"),
        ({"job_timeout": 0}, "job_timeout is 0: every job would be cancelled at once; None sets no limit"),
        ({"job_timeout": -1}, "job_timeout is -1"),
        ({"keep_result": None}, "keep_result is None"),
        ({"keep_result": "long"}, "keep_result is 'long'"),
        ({"poll_delay": -1}, "poll_delay is -1"),
        ({"queue_name": None}, "queue_name is None"),
        ({"queue_name": ""}, "queue_name is ''"),
        ({"on_startup": 7}, "on_startup is 7: give an async function"),
        ({"ctx": [1]}, r"ctx is \[1\]: give a dict"),
        ({"timezone": "UTC"}, "timezone is 'UTC': give a tzinfo"),
        ({"redis_pool": object()}, "redis_pool is .*: give an ArqRedis"),
        ({"functions": "jobs"}, "functions is 'jobs': give a list"),
        ({"functions": [7]}, "functions: 7 is not a job: 7 is not a coroutine function$"),
        ({"functions": ["tests.arq.jobs.nothing"]}, r"functions: 'tests.arq.jobs.nothing' is not a job: [^()]*$"),
        ({"functions": [len]}, "is not a coroutine function"),
        ({"cron_jobs": [jobs.add]}, r"make them by cron\(\), .* is none"),
        ({"cron_jobs": [arq.cron(jobs.add, hour=25)]}, "hour=25"),
        ({"redis_settings": RedisSettings(sentinel=True)}, "give a list of .host, port."),
        ({"lease_s": 0}, "lease_s is 0"),
    ],
)
def test_what_cannot_be_is_named(given: dict[str, Any], named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        read_arq_settings({"functions": [jobs.add], **given}).source.client()


def test_an_override_that_does_not_exist() -> None:
    with pytest.raises(SettingsError, match="arq has no setting 'max_job'; did you mean 'max_jobs'"):
        read_arq_settings(WorkerSettings, max_job=3)
