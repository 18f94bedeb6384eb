"""A FastAPI application whose long work is done by jobs; monarq's page is behind its login.

    monarq worker examples.jobs                              workers in one terminal
    PASSWORD=secret python -m examples.fastapi_app 8000      the application in another; open http://127.0.0.1:8000

`POST /counts` enqueues a job; `GET /counts/ID` returns its progress, and `GET /counts/ID/events` streams it.
"""

from __future__ import annotations

import os
import secrets
import sys
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any, Final

import uvloop
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import HTMLResponse
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from monarq import JobState
from monarq.examples.jobs import count_in_steps
from monarq.examples.responsive_app import serve
from monarq.fastapi import ProducerDep, lifespan_producer, sse
from monarq.web import create_app

PAGE: Final = """
<!doctype html>
<title>Primes</title>
<button>Count the primes below 20 million</button> <progress max="1" value="0"></progress> <output></output>
<script>
  const [button, bar, output] = document.querySelectorAll("button, progress, output")
  button.onclick = async () => {
    const answer = await fetch("/counts", {method: "POST"})
    const events = new EventSource(`/counts/${(await answer.json()).job_id}/events`)
    events.addEventListener("progress", event => bar.value = JSON.parse(event.data).share)
    events.addEventListener("ended", event => { output.value = JSON.parse(event.data).result; events.close() })
  }
</script>
"""


class Login:
    """The application's own login, in front of everything mounted under it: browsers ask for a name and a password."""

    def __init__(self, app: ASGIApp, password: str) -> None:
        self._app = app
        self._password = password

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forwards the requests of those who may see it."""
        if scope["type"] != "http" or self._is_known(Headers(scope=scope).get("authorization", "")):
            await self._app(scope, receive, send)
        else:
            ask = PlainTextResponse("log in\n", 401, {"WWW-Authenticate": 'Basic realm="monarq"'})
            await ask(scope, receive, send)

    def _is_known(self, authorization: str) -> bool:
        try:
            given = b64decode(authorization.removeprefix("Basic ")).partition(b":")[2]
        except ValueError:  # not base64
            return False
        return secrets.compare_digest(given, self._password.encode())


queue_page = create_app(guarded=True)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
    """The producer lives as long as the application; so do the connections of monarq's page."""
    async with aclosing(queue_page), lifespan_producer(app) as state:
        yield state


app = FastAPI(lifespan=lifespan)
app.mount("/queue", Login(queue_page, os.environ.get("PASSWORD") or secrets.token_urlsafe()))


@app.get("/", response_class=HTMLResponse)
async def page() -> str:
    """The page: a button that enqueues a job, and a bar that follows it."""
    return PAGE


@app.post("/counts", status_code=202)
async def count(producer: ProducerDep, below: int = 20_000_000) -> dict[str, str]:
    """Enqueues a job, and answers at once with its id."""
    handle = await producer.enqueue(count_in_steps, below)
    return {"job_id": handle.job_id}


@app.get("/counts/{job_id}")
async def state(job_id: str, producer: ProducerDep) -> dict[str, object]:
    """The job's state, its last progress report, and its result."""
    handle = producer.handle(job_id)
    info, progress = await handle.info(), await handle.progress()
    if info is None:
        raise HTTPException(404)
    succeeded = info.state is JobState.SUCCEEDED
    return {
        "state": info.state.value,
        "share": progress.share if progress else None,
        "result": await handle.result() if succeeded else None,
        "error": info.error or None,
    }


@app.get("/counts/{job_id}/events")
async def events(job_id: str, producer: ProducerDep, request: Request) -> Response:
    """The same, streamed as server-sent events."""
    return sse(producer.handle(job_id), request, result=True)


if __name__ == "__main__":
    uvloop.run(serve(app, int(sys.argv[1]) if sys.argv[1:] else 0))
