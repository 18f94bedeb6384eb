"""`monarq.fastapi`: the producer of an application, and a job's progress as server-sent events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

import httpx
import pydantic
import pytest
import uvicorn
from fastapi import FastAPI, Request, Response, WebSocket
from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from monarq import App, Context, Handle, Job, Middleware, Outgoing, Producer, SendNext, SettingsError, job
from monarq import fastapi as adapter
from monarq.fastapi import ProducerDep, get_producer, lifespan_producer, sse
from monarq.producer import ProducerMisusedError
from monarq.testing import Sandbox
from tests.monitor.web.site import Site, served
from tests.support.slowness import in_time, patience_s
from tests.support.workers import make_worker, running

STEP: asyncio.Event
"""Lets the job go on."""


@pytest.fixture(autouse=True)
async def step() -> None:
    global STEP
    STEP = asyncio.Event()


@job
async def counted(ctx: Context, n: int) -> int:
    for number in range(n):
        ctx.progress(number + 1, n, f"step {number + 1}")
        STEP.clear()
        await STEP.wait()
    return n


@job
async def broken() -> None:
    raise ValueError("as asked")


class Book(pydantic.BaseModel):
    pages: int = pydantic.Field(alias="pageCount")
    price: Decimal


@dataclass
class Shelf:
    books: list[Book]


@job
async def shelved() -> Shelf:
    return Shelf([Book(pageCount=3, price=Decimal("1.50"))])


@job
async def bought() -> Book:
    return Book(pageCount=3, price=Decimal("1.50"))


@job
async def imaginary() -> complex:
    return 1j


@job
async def by_place() -> dict[tuple[int, int], int]:
    return {(1, 2): 3}


@job
async def raw() -> list[object]:
    return [b"\xff", float("nan"), "a"]


RESULTS: dict[str, Job[[], Any]] = {each.name: each for each in (shelved, bought, imaginary, by_place, raw)}


def make_app(url: str) -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
        async with lifespan_producer(app, url) as state:
            yield state

    app = FastAPI(lifespan=lifespan)

    @app.post("/jobs/{n}")
    async def enqueue(n: int, producer: ProducerDep) -> str:
        return (await producer.enqueue(counted, n) if n else await producer.enqueue(broken)).job_id

    @app.delete("/jobs/{job_id}")
    async def cancel(job_id: str, producer: ProducerDep) -> None:
        await producer.handle(job_id).cancel()

    @app.get("/jobs/{job_id}/events")
    async def events(job_id: str, producer: ProducerDep, request: Request, result: bool = False) -> Response:
        return sse(producer.handle(job_id), request, result=result)

    @app.get("/results/{name}")
    async def result_of(name: str, producer: ProducerDep, request: Request) -> Response:
        return sse(await producer.enqueue(RESULTS[name]), request, result=True)

    @app.websocket("/live")
    async def live(socket: WebSocket, producer: ProducerDep) -> None:
        await socket.close()

    return app


@asynccontextmanager
async def site_of(app: Any) -> AsyncIterator[Site]:
    config = uvicorn.Config(app, lifespan="on", log_config=None, timeout_graceful_shutdown=1)
    async with served(app, uvicorn.Server(config), timeout=patience_s(20)) as site:
        yield site


@pytest.fixture
async def site(redis_url: str) -> AsyncIterator[Site]:
    async with (
        running(make_worker(redis_url, [counted, broken, *RESULTS.values()])),
        site_of(make_app(redis_url)) as made,
    ):
        yield made


@asynccontextmanager
async def events_of(site: Site, job_id: str, last_id: str = "", **params: Any) -> AsyncIterator[AsyncIterator[Any]]:
    """What a browser's EventSource would hear: (kind, id, data) of each event."""
    headers = {"Last-Event-ID": last_id} if last_id else {}
    async with site.client.stream("GET", f"/jobs/{job_id}/events", headers=headers, params=params) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield parse(answer)


async def parse(answer: httpx.Response) -> AsyncIterator[Any]:
    fields: dict[str, str] = {}
    async for line in answer.aiter_lines():
        if not line and "event" in fields:
            yield fields["event"], fields["id"], json.loads(fields["data"])
            fields = {}
        elif line and not line.startswith(":"):
            name, _, value = line.partition(": ")
            fields[name] = value


async def test_a_browser_follows_a_job_to_its_end(site: Site) -> None:
    job_id = (await site.client.post("/jobs/3")).json()
    async with in_time(20), events_of(site, job_id) as events:
        seen = []
        async for kind, _, data in events:
            seen.append((kind, data))
            STEP.set()
    assert seen[-1] == ("ended", {"state": "succeeded"})
    assert seen[-2] == ("progress", {"done": 3, "total": 3, "share": 1.0, "message": "step 3"})


async def test_who_connects_again_gets_what_is_new(site: Site) -> None:
    job_id = (await site.client.post("/jobs/2")).json()
    async with in_time(20), events_of(site, job_id) as events:
        kind, first_id, data = await anext(events)
        assert (kind, data["done"]) == ("progress", 1)
    async with in_time(20), events_of(site, job_id, first_id) as events:
        STEP.set()
        kind, second_id, data = await anext(events)
        assert (kind, data["done"]) == ("progress", 2), "the first is not told again"
        STEP.set()
        kind, last_id, data = await anext(events)
        assert (kind, data) == ("ended", {"state": "succeeded"})
    assert len({first_id, second_id, last_id}) == 3
    again = await site.client.get(f"/jobs/{job_id}/events", headers={"Last-Event-ID": last_id})
    assert again.status_code == 204, "an EventSource stops at this answer"


async def test_the_result_or_the_error_comes_where_it_is_asked_for(site: Site) -> None:
    for n, expected in (
        (0, {"state": "failed", "error": "ValueError: as asked"}),
        (1, {"state": "succeeded", "result": 1}),
    ):
        job_id = (await site.client.post(f"/jobs/{n}")).json()
        async with in_time(20), events_of(site, job_id, result=True) as events:
            async for kind, _, data in events:
                STEP.set()
                if kind == "ended":
                    assert data == expected


async def test_a_cancelled_job_says_so_and_whole_numbers_stay_whole(site: Site) -> None:
    job_id = (await site.client.post("/jobs/3")).json()
    async with in_time(20), events_of(site, job_id, result=True) as events:
        _, _, data = await anext(events)
        assert isinstance(data["done"], int)
        assert isinstance(data["total"], int)
        await site.client.delete(f"/jobs/{job_id}")
        [end] = [data async for kind, _, data in events if kind == "ended"]
    assert end == {"state": "cancelled", "error": f"job {job_id} was cancelled"}


BOOK = {"pageCount": 3, "price": "1.50"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("shelved", {"result": {"books": [BOOK]}}),
        ("bought", {"result": BOOK}),
        ("raw", {"result": ["/w==", None, "a"]}),
        ("imaginary", {"error": "the result cannot be shown as JSON: TypeError: JSON cannot hold this complex"}),
        ("by_place", {"error": "the result cannot be shown as JSON: TypeError: JSON cannot hold this tuple"}),
    ],
)
async def test_every_result_has_an_end_also_one_that_json_cannot_hold(site: Site, name: str, expected: Any) -> None:
    async with in_time(20), site.client.stream("GET", f"/results/{name}") as answer:
        assert [(kind, data) async for kind, _, data in parse(answer)] == [
            ("ended", {"state": "succeeded", **expected})
        ]


async def test_a_result_that_cannot_be_read_ends_the_stream_too(site: Site, redis_url: str) -> None:
    async with Producer(redis_url) as producer:
        handle = await producer.enqueue(raw)
        await handle.result(timeout=patience_s(20))
    async with Redis.from_url(redis_url) as redis:
        for key in await redis.keys("*"):
            if await redis.type(key) == b"hash" and await redis.hexists(key, handle.job_id):
                await redis.hset(key, handle.job_id, b"\xc1")
    async with in_time(20), events_of(site, handle.job_id, result=True) as events:
        [(kind, _, data)] = [event async for event in events]
    assert (kind, data["state"]) == ("ended", "unknown")
    assert "cannot be" in data["error"], data


async def test_a_job_that_is_not_known_has_ended(site: Site) -> None:
    async with in_time(20), events_of(site, "nobody") as events:
        assert [(kind, data) async for kind, _, data in events] == [("ended", {"state": "unknown"})]


async def test_a_client_that_goes_away_leaves_nothing(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    followed: set[str] = set()
    gone = asyncio.Event()
    events = adapter._events

    async def noted(handle: Any, *rest: Any) -> AsyncIterator[bytes]:
        followed.add(handle.job_id)
        try:
            async for event in events(handle, *rest):
                yield event
        finally:
            followed.remove(handle.job_id)
            gone.set()

    monkeypatch.setattr(adapter, "_events", noted)
    job_id = (await site.client.post("/jobs/1")).json()
    async with in_time(20):
        async with events_of(site, job_id) as events_heard:
            await anext(events_heard)
            assert followed == {job_id}
        await gone.wait()
    assert not followed
    STEP.set()


async def test_a_silent_job_is_a_comment_now_and_then(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapter, "_SILENCE_S", 0.02)
    job_id = (await site.client.post("/jobs/1")).json()
    async with in_time(20), site.client.stream("GET", f"/jobs/{job_id}/events") as answer:
        async for line in answer.aiter_lines():
            if line == ": still here":
                STEP.set()
    assert line == ""


async def test_without_a_lifespan_it_says_what_to_do() -> None:
    app = Starlette(routes=[Route("/", lambda request: PlainTextResponse(str(get_producer(request))))])
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(base_url="http://test", transport=transport, verify=False) as client:
        with pytest.raises(ProducerMisusedError, match="give it lifespan=lifespan_producer"):
            await client.get("/")


async def test_starlette_alone_and_what_is_mounted_in_it(redis_url: str) -> None:
    found: list[Producer] = []

    async def enqueue(request: Request) -> Response:
        found.append(get_producer(request))
        return PlainTextResponse((await found[-1].enqueue("somebodys")).job_id)

    made = Producer(redis_url)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[dict[str, Any]]:
        async with lifespan_producer(app, producer=made) as state:
            yield state

    inner = Starlette(routes=[Route("/", enqueue)])
    async with site_of(Starlette(routes=[Route("/", enqueue), Mount("/inner", inner)], lifespan=lifespan)) as site:
        assert (await site.client.get("/")).status_code == 200
        assert (await site.client.get("/inner/")).status_code == 200
    assert found == [made, made]
    with pytest.raises(Exception, match="the producer is closed"):
        await made.enqueue("somebodys")


async def test_the_producer_of_an_app_has_its_redis_its_queue_and_its_middleware(redis_url: str) -> None:
    enqueued: list[str] = []

    class Noting(Middleware):
        async def enqueue(self, outgoing: Outgoing, call_next: SendNext) -> Handle[Any]:
            enqueued.append(outgoing.job_name)
            return await call_next(outgoing)

    shop = App("shop", redis=redis_url, queue="of the shop", middleware=[Noting()])
    api = FastAPI(lifespan=partial(lifespan_producer, app=shop))
    async with api.router.lifespan_context(api):
        handle = await getattr(api.state, "monarq_producer").enqueue(broken)  # noqa: B009
        assert (handle.queue, enqueued) == ("of the shop", ["broken"])
    async with Producer(redis_url) as producer:
        with pytest.raises(SettingsError, match="either app or producer, not both"):
            async with lifespan_producer(api, app=shop, producer=producer):
                pass
    with pytest.raises(SettingsError, match=r"give a monarq\.App here"):
        async with lifespan_producer(api, app=api):  # type: ignore[arg-type]
            pass


@pytest.mark.parametrize("app", [None, App("web")])
async def test_a_sandbox_overrides_the_redis_of_the_lifespan(app: App | None, monarq: Sandbox) -> None:
    async with lifespan_producer(FastAPI(), "redis://localhost:1", app=app) as state:
        [producer] = state.values()
        await producer.enqueue(counted, 3)
        monarq.assert_enqueued(counted, 3)
