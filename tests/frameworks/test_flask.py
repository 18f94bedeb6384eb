"""`monarq.flask`: a producer for each application."""

from __future__ import annotations

import os
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask

from monarq import App, Handle, Middleware, Outgoing, SendNext, job
from monarq.flask import Monarq
from monarq.producer import ProducerMisusedError
from monarq.shared.errors import RedisUnavailableError, SettingsError
from monarq.testing import SyncSandbox


@job
async def greet_visitors(name: str) -> str:
    return f"hello {name}"


def make_app(url: str, queue: str = "default", name: str = "shop") -> Flask:
    app = Flask(name)
    app.config.update(MONARQ_REDIS=url, MONARQ_QUEUE=queue)
    return app


def enqueue_in(app: Flask, extension: Monarq) -> str:
    @app.post("/")
    def enqueue() -> str:
        return extension.producer.enqueue(greet_visitors, "ann").queue

    return app.test_client().post("/").text


def test_a_request_enqueues(redis_url: str) -> None:
    app = make_app(redis_url)
    extension = Monarq(app)
    assert enqueue_in(app, extension) == "default"
    assert extension.producer.enqueue(greet_visitors, "ann").state() == "queued", "also outside of requests"
    extension.producer.close()


def test_one_extension_serves_many_applications(redis_url: str) -> None:
    extension = Monarq()
    apps = [make_app(redis_url, name) for name in ("one", "two")]
    for app in apps:
        extension.init_app(app)
    assert [enqueue_in(app, extension) for app in apps] == ["one", "two"]
    for app in apps:
        with app.app_context():
            extension.producer.close()


def test_it_says_what_is_missing(redis_url: str) -> None:
    extension = Monarq()
    with pytest.raises(ProducerMisusedError, match="there is no current application"):
        _ = extension.producer
    with make_app(redis_url).app_context(), pytest.raises(ProducerMisusedError, match=r"call init_app\(app\)"):
        _ = extension.producer


def test_threads_share_one_producer_and_nothing_connects_before(redis_url: str) -> None:
    extension = Monarq(make_app(redis_url), retry_for=1)
    with ThreadPoolExecutor(8) as threads:
        made = set(threads.map(lambda _: extension.producer, range(64)))
    assert made == {extension.producer}
    extension.producer.close()


def test_a_forked_server_process_has_a_producer_of_its_own(redis_url: str) -> None:
    app = make_app(redis_url)
    extension = Monarq(app)
    handle = extension.producer.enqueue(greet_visitors, "parent")
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside threads, as servers do it
        child = os.fork()
    if not child:
        try:
            os.write(writing, extension.producer.enqueue(greet_visitors, "child").job_id.encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as answer:
        job_id = answer.read().decode()
    os.waitpid(child, 0)
    assert job_id
    assert extension.producer.handle(job_id).state() == handle.state() == "queued"
    extension.producer.close()


class Counting(Middleware):
    """Counts the enqueues."""

    count = 0

    async def enqueue(self, outgoing: Outgoing, call_next: SendNext) -> Handle[Any]:
        self.count += 1
        return await call_next(outgoing)


def test_the_producer_of_an_app_has_its_redis_its_queue_and_its_middleware(redis_url: str) -> None:
    counting = Counting()
    shop = App("shop", redis=redis_url, queue="of the shop", middleware=[counting])
    extension = Monarq(app := Flask("shop"), app=shop)
    assert enqueue_in(app, extension) == "of the shop"
    assert counting.count == 1
    extension.producer.close()
    extension = Monarq(app := make_app(redis_url, "of the config"), app=shop)
    assert enqueue_in(app, extension) == "of the config"
    assert counting.count == 2
    extension.producer.close()
    with pytest.raises(SettingsError, match=r"give a monarq\.App here"):
        Monarq(app=app)  # type: ignore[arg-type]


@pytest.mark.parametrize("app", [None, App("flasks")])
def test_a_sandbox_overrides_the_redis_of_the_config(app: App | None) -> None:
    flask_app = make_app("redis://localhost:1")
    extension = Monarq(flask_app, app=app, retry_for=0)
    for _ in range(2):
        with SyncSandbox() as sandbox:
            extension.producer.enqueue(greet_visitors, "ann")
            sandbox.assert_enqueued(greet_visitors, "ann")
    with pytest.raises(RedisUnavailableError):
        extension.producer.enqueue(greet_visitors, "ann")
    extension.producer.close()
