"""FastAPI and Starlette: a producer for the life of the application, a dependency, and progress as server-sent events.

All but `ProducerDep` works with Starlette alone.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec

from monarq.shared.extras import missing_package

if missing := missing_package("starlette", "monarq.fastapi", "fastapi"):
    raise missing

from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response, StreamingResponse

from monarq.app.app import App
from monarq.producer import Handle, JobState, Producer, ProducerMisusedError
from monarq.producer.sync import yield_to_sandbox
from monarq.shared.errors import JobCancelledError, MonarqError, PayloadError, ResultNotFoundError, SettingsError
from monarq.shared.payloads.progress import Progress
from monarq.shared.text.error_text import error_text, qualified_name

if TYPE_CHECKING:
    from fastapi import Depends

__all__ = ["ProducerDep", "get_producer", "lifespan_producer", "sse"]

_STATE: Final = "monarq_producer"

_ENDED: Final = "ended"
"""The id of the last event of a stream: a browser that has it asks again, and is told that there is nothing more."""

_SILENCE_S: Final = 15.0
"""After so long without an event, a comment is sent: proxies drop silent connections, and a dead one is noticed."""

_RETRY_MS: Final = 2000
"""How long a browser waits before it connects again."""


@asynccontextmanager
async def lifespan_producer(
    api: Starlette, url: str | None = None, *, app: App | None = None, producer: Producer | None = None
) -> AsyncIterator[dict[str, Any]]:
    """A producer for the life of an application: ``FastAPI(lifespan=lifespan_producer)``.

    In a lifespan of your own: ``async with lifespan_producer(api, app=shop) as state: yield state``.

    Args:
        api: the FastAPI or Starlette application; its requests find the producer by `get_producer`.
        url: the Redis, as for `Producer`. Default: that of `app`, REDIS_URL, else localhost.
        app: monarq's `App`, whose `producer` it is then: with its Redis, its queue and its middleware. Default: none.
        producer: a producer that you have made, in place of a URL and an App. It is closed at the end.

    Yields:
        What the application's lifespan may yield as its state; mounted applications find the producer by it.

    Raises:
        SettingsError: the URL is invalid, or `app` is no App, or is given beside a producer.
    """
    async with _opened(url, app, producer) as opened:
        setattr(api.state, _STATE, opened)
        try:
            yield {_STATE: opened}
        finally:
            delattr(api.state, _STATE)


def _opened(url: str | None, app: App | None, producer: Producer | None) -> Producer:
    if app is None:
        return producer or _yielding(Producer(url), url)
    if not isinstance(app, App):
        raise SettingsError(f"app is {app!r}: give a monarq.App here, and the web application first")
    if producer is not None:
        raise SettingsError("give either app or producer, not both")
    return _yielding(app.producer(url), url)


def _yielding(made: Producer, url: str | None) -> Producer:
    yield_to_sandbox(made, url)
    return made


def get_producer(connection: HTTPConnection) -> Producer:
    """The application's producer, for a request or a websocket; `ProducerDep` is the same as a dependency.

    Raises:
        ProducerMisusedError: the application has none, or its lifespan does not run.
    """
    found = connection.scope.get("state", {}).get(_STATE) or getattr(connection.app.state, _STATE, None)
    if not isinstance(found, Producer):
        raise ProducerMisusedError(
            "the application has no producer: give it lifespan=lifespan_producer, or open lifespan_producer(app) in its"
            " own lifespan. Clients that test it must run the lifespan, as `with TestClient(app):` does"
        )
    return found


def sse(handle: Handle[Any], request: Request, *, result: bool = False) -> Response:
    """The answer that follows a job: server-sent events for a browser's ``EventSource``, until the job has ended.

    Each report of progress is an event ``progress`` with ``{"done", "total", "share", "message"}``; the last event is
    ``ended`` with ``{"state"}``. A browser that connects again gets what is new since the event of its Last-Event-ID,
    and one that has seen the end is told to stop (204). Thousands of streams share one connection to Redis. A stream
    ends when its client disconnects.

    Args:
        handle: the job.
        request: the request that is answered.
        result: whether the last event includes the job's ``result`` as JSON, or its ``error`` as text: the exception,
            that the job was cancelled and why, or why its result cannot be read or shown as JSON. pydantic models are
            shown by their JSON dump, Decimal and times as text, bytes as base64, nan and the infinities as null.
            Default: no.
    """
    last_id = request.headers.get("last-event-id", "")
    if last_id == _ENDED:
        return Response(status_code=204)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # nginx would collect the events
    return StreamingResponse(_events(handle, last_id, result), media_type="text/event-stream", headers=headers)


async def _events(handle: Handle[Any], last_id: str, with_result: bool) -> AsyncIterator[bytes]:
    yield b"retry: %d\n\n" % _RETRY_MS
    try:
        async with aclosing(_with_silences(handle.watch())) as reports:
            async for progress in reports:
                if progress is None:
                    yield b": still here\n\n"
                elif (event_id := str(round(progress.at.timestamp() * 1000))) != last_id:
                    yield _event("progress", event_id, _described(progress))
        yield _event("ended", _ENDED, await _end(handle, with_result))
    except MonarqError:
        return  # Redis cannot be reached, or the application stops: the browser connects again


async def _with_silences(reports: AsyncGenerator[Progress, None]) -> AsyncGenerator[Progress | None, None]:
    """The reports, and None whenever there was none for a while."""
    async with aclosing(reports):
        following = asyncio.ensure_future(anext(reports, None))
        try:
            while True:
                ready, _ = await asyncio.wait([following], timeout=_SILENCE_S)
                if not ready:
                    yield None
                    continue
                report = following.result()
                if report is None:
                    return
                following = asyncio.ensure_future(anext(reports, None))
                yield report
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)


async def _end(handle: Handle[Any], with_result: bool) -> dict[str, Any]:
    described: dict[str, Any] = {"state": JobState.UNKNOWN.value}
    try:
        state = await handle.state()
        described["state"] = state.value
        if with_result:
            described |= await _outcome(handle, state)
    except (PayloadError, ResultNotFoundError) as error:
        # Not raised: the browser would connect again and again, and never see an end.
        if with_result:
            described["error"] = str(error)
    return described


async def _outcome(handle: Handle[Any], state: JobState) -> dict[str, Any]:
    """The result or the error of a job that has ended.

    Raises:
        PayloadError: the result cannot be read or shown as JSON.
        ResultNotFoundError: it has expired.
    """
    if state is JobState.SUCCEEDED:
        return {"result": _to_json(await handle.result())}
    if state is JobState.CANCELLED:
        return {"error": await _cancellation(handle)}
    info = await handle.info()
    return {"error": info.error} if info is not None and info.error else {}


async def _cancellation(handle: Handle[Any]) -> str:
    """That the job was cancelled, and the reason if one was given."""
    try:
        await handle.result()
    except JobCancelledError as error:
        return str(error)
    return f"job {handle.job_id} was cancelled"


def _to_json(value: Any) -> msgspec.Raw:
    """A result as JSON.

    Raises:
        PayloadError: JSON cannot hold it.
    """
    try:
        return msgspec.Raw(msgspec.json.encode(value, enc_hook=_model_dump))
    except Exception as error:
        raise PayloadError(f"the result cannot be shown as JSON: {error_text(error)}") from error


def _model_dump(value: Any) -> Any:
    """What msgspec cannot encode by itself: a pydantic model, as FastAPI would show it."""
    pydantic = sys.modules.get("pydantic")
    if pydantic is not None and isinstance(value, pydantic.BaseModel):
        return value.model_dump(mode="json", by_alias=True)
    raise TypeError(f"JSON cannot hold this {qualified_name(type(value))}")


def _described(progress: Progress) -> dict[str, Any]:
    return {
        "done": progress.done,
        "total": progress.total,
        "share": progress.share,
        "message": progress.message,
    }


def _event(kind: str, event_id: str, data: dict[str, Any]) -> bytes:
    return b"event: %s\nid: %s\ndata: %s\n\n" % (kind.encode(), event_id.encode(), msgspec.json.encode(data))


if TYPE_CHECKING:
    ProducerDep = Annotated[Producer, Depends(get_producer)]
    """The application's producer, for a FastAPI endpoint: ``async def endpoint(producer: ProducerDep)``."""


def __getattr__(name: str) -> Any:
    """`ProducerDep`, made when it is first used: Starlette's users need no FastAPI."""
    if name != "ProducerDep":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if missing := missing_package("fastapi", "monarq.fastapi.ProducerDep"):
        raise missing
    from fastapi import Depends

    dependency = globals()[name] = Annotated[Producer, Depends(get_producer)]
    return dependency
