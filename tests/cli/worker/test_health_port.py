"""`monarq worker --health-port`: what orchestrators hear of a pool of real processes."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable

import pytest
from redis.asyncio import Redis

from chaos.faults.proxy import Cut
from monarq.embedded import EmbeddedRedis
from monarq.producer import Producer
from monarq.workers.config.settings import WorkerSettings
from tests.cli.command import Ended, end, start
from tests.cli.worker.http_pool import http_pool
from tests.support.proxy import Proxy
from tests.support.slowness import in_time, patience_s


async def test_from_the_start_to_the_end(redis: Redis, redis_url: str) -> None:
    async with http_pool(redis_url, workers=2) as asked, Producer(redis_url) as producer:
        assert (await asked.ask("/livez"))[0] == 200
        body = await asked.until("/readyz", 200)
        assert (body["status"], body["draining"], body["queues"][0]["queue"]) == ("ok", False, "default")
        assert len(body["workers"]) == 2
        handle = await producer.enqueue("wait_ms", 1500)
        async with in_time(10):
            while sum(worker["running"] for worker in (await asked.ask("/livez"))[1]["workers"]) == 0:
                await asyncio.sleep(0.05)
        asked.process.send_signal(signal.SIGTERM)
        await asked.until("/readyz", 503, "draining")
        assert (await asked.ask("/livez"))[0] == 200
        ended = await end(asked.process)
        assert await handle.result(patience_s(1)) == 1500
    assert ended.code == 0
    assert "Traceback" not in ended.err


async def test_a_worker_that_stands_still(redis: Redis, redis_url: str) -> None:
    async with http_pool(redis_url, "--hang-timeout", "60", "--livez-after", "2") as asked:
        pid = (await asked.until("/readyz", 200))["workers"][0]["pid"]
        os.kill(pid, signal.SIGSTOP)
        body = await asked.until("/livez", 503, f"worker 0 (pid {pid}) has sent no heartbeat")
        assert body["status"] == "failing"
        os.kill(pid, signal.SIGCONT)
        await asked.until("/livez", 200)


async def test_a_worker_that_dies_is_followed_by_another(redis: Redis, redis_url: str) -> None:
    async with http_pool(redis_url) as asked:
        [worker] = (await asked.until("/readyz", 200))["workers"]
        os.kill(worker["pid"], signal.SIGKILL)
        await asked.until("/readyz", 503, "no worker is ready")
        [another] = (await asked.until("/readyz", 200))["workers"]
        assert another["pid"] != worker["pid"]
        assert another["restarts"] == 1


async def test_a_redis_that_goes_away() -> None:
    with EmbeddedRedis(port=0) as server:
        url, port = server.url, int(server.url.rsplit(":", 1)[1].partition("/")[0])
        async with in_time(50):
            context = http_pool(url)
            asked = await context.__aenter__()
            await asked.until("/readyz", 200)
    await asked.until("/readyz", 503, "Redis does not answer")
    assert (await asked.ask("/livez"))[0] == 200
    with EmbeddedRedis(port=port):
        await asked.until("/readyz", 200)
        await context.__aexit__(None, None, None)


async def test_work_that_is_ready_and_not_claimed(redis: Redis, redis_url: str) -> None:
    async with (
        Proxy(redis_url.removeprefix("unix://").partition("?")[0]) as proxy,
        Producer(redis_url) as producer,
        http_pool(proxy.url, "--readyz-after", "1") as asked,
    ):
        await asked.until("/readyz", 200)
        # Known by its limits of a job, as the script has two texts.
        proxy.lose(Cut.REQUEST, b"\r\n%d " % WorkerSettings().max_payload, times=10**6)
        handle = await producer.enqueue("double", 2)
        await asked.until("/readyz", 503, "default: a job for the io lane has been due for")
        proxy.lose(Cut.REQUEST, b"", times=0)
        assert await handle.result(patience_s(20)) == 4
        await asked.until("/readyz", 200)


async def test_a_port_that_is_in_use(redis: Redis, redis_url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = await end(await start("worker", "tests.cli.target", "-w", "1", "--health-port", port, url=redis_url))
    assert ended.code == 2
    assert ended.err == (
        f"monarq: --health-port: cannot listen on 127.0.0.1 port {port} (Address already in use): choose another one\n"
    )


def test_without_the_extra(cli: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "monarq.workers.supervisor.health_endpoint", raising=False)
    monkeypatch.setitem(sys.modules, "starlette.requests", None)
    ended = cli("worker", "tests.cli.target", "-w", "1", "--health-port", "0")
    assert ended.code == 2
    assert "[web]'" in ended.err
