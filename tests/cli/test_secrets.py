"""Passwords and signing keys: in no repr, log or process list, nor in an environment that they were not put into."""

from __future__ import annotations

import asyncio

import psutil
import pytest
from arq.connections import RedisSettings
from redis.asyncio import Redis

from monarq.arq.settings.reader import read_arq_settings
from monarq.embedded import EmbeddedRedis
from monarq.producer import Producer, SyncProducer
from monarq.shared.payloads.codec import Codecs
from monarq.shared.payloads.signing import KEY_VARIABLE, Signer
from monarq.shared.queue import to_ref
from monarq.shared.redis.connection import UrlSource, open_redis
from monarq.targets import load_target
from monarq.workers.config.settings import WorkerSettings
from monarq.workers.config.spec import WorkerSpec
from monarq.workers.control.messages import Ready, Recover
from tests.cli import secret_app
from tests.cli.command import heard, monarq, start, stop
from tests.cli.test_passwords import with_password

PASSWORD = "pw-0a1b2c3d4e5f"
KEY = "key-0a1b2c3d4e5f"
URL = f"redis://user:{PASSWORD}@localhost:6379/0"


async def test_no_value_shows_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    producer, blocking = Producer(URL, signing_key=KEY), SyncProducer(URL, signing_key=KEY)
    target = read_arq_settings(
        {"functions": ["asyncio.sleep"], "redis_settings": RedisSettings(password=PASSWORD), "signing_key": KEY}
    )
    ready = Ready("w1", [to_ref("q")], 1.0, 1.0, URL)
    values = [
        Signer(KEY),
        Codecs(signer=Signer(KEY)),
        WorkerSettings(codecs=Codecs(signer=Signer(KEY))),
        UrlSource(URL),
        UrlSource(URL).client(),
        open_redis(URL),
        WorkerSpec("app", URL),
        ready,
        Recover(ready, "killed"),
        target,
        target.settings,
        target.source,
        load_target("tests.cli.target", URL, {}),
        load_target("tests.cli.secret_app.WorkerSettings", URL, {}),
        load_target("tests.cli.target", URL, {}).worker().settings,
        producer,
        producer.handle("a"),
        blocking,
        *vars(producer).values(),
    ]
    for value in values:
        for shown in (repr(value), str(value), f"{value}"):
            for secret in (PASSWORD, KEY, secret_app.KEY):
                assert secret not in shown, type(value)
    await producer.close()
    await asyncio.to_thread(blocking.close)


def family(process: asyncio.subprocess.Process) -> list[psutil.Process]:
    """The supervisor, its workers, and their cpu children."""
    parent = psutil.Process(process.pid)
    return [parent, *parent.children(recursive=True)]


async def test_what_is_in_the_environment_is_in_no_command_line_and_no_log(
    locked_redis: EmbeddedRedis, password: str
) -> None:
    url = with_password(locked_redis, password)
    process = await start("worker", "tests.cli.target", "-w", "1", "-v", url=url, env={KEY_VARIABLE: KEY})
    said = await heard(process, "serving")
    members = family(process)
    assert len(members) >= 3, "supervisor, worker and cpu child"
    for member in members:
        assert not {secret for secret in (password, KEY) if secret in " ".join(member.cmdline())}
    signed = await monarq("enqueue", "square", "5", "--wait", url=url, env={KEY_VARIABLE: KEY})
    assert signed.results == [{"job_id": signed.results[0]["job_id"], "state": "succeeded", "result": 25}]
    unsigned = await monarq("enqueue", "square", "6", url=url)
    refused = await heard(process, "is dead and has never run")
    listed = await monarq("dead", "list", "--json", url=url)
    assert [(letter["job_id"], "it is not signed" in letter["error"]) for letter in listed.results] == [
        (unsigned.out.strip(), True)
    ]
    ended = await stop(process)
    for text in (said, refused, ended.out, ended.err, signed.err, unsigned.err, listed.out, listed.err):
        assert password not in text
        assert KEY not in text


async def test_what_is_elsewhere_comes_into_no_worker_s_command_line_or_environment(
    locked_redis: EmbeddedRedis, password: str
) -> None:
    url = with_password(locked_redis, password)
    process = await start(
        "worker", "tests.cli.secret_app.WorkerSettings", "-w", "1", "--redis", url, url="redis://127.0.0.1:1"
    )
    said = await heard(process, "serving")
    workers = family(process)[1:]
    assert len(workers) >= 2, "worker and cpu child"
    for member in workers:
        shown = " ".join([*member.cmdline(), *member.environ().values()])
        assert not {secret for secret in (password, secret_app.KEY) if secret in shown}
    ended = await stop(process)
    for text in (said, ended.err):
        assert password not in text
        assert secret_app.KEY not in text


@pytest.mark.parametrize("keys", ["too-short", f"{KEY},too-short"])
async def test_an_invalid_key_is_reported_and_not_shown(redis: Redis, redis_url: str, keys: str) -> None:
    for command in (["worker", "tests.cli.target", "-w", "1", "-v"], ["enqueue", "-v", "square", "1"]):
        ended = await monarq(*command, url=redis_url, env={KEY_VARIABLE: keys})
        assert ended.code == 2
        assert "bytes long; it needs at least 16" in ended.err
        assert "too-short" not in ended.err
        assert KEY not in ended.err
