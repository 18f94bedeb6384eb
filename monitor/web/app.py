"""Puts the page together: `create_app` is what `monarq web` serves and what others mount in an app of their own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from redis.exceptions import RedisError
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from monarq.monitor.web.base.live_broadcast import Hub
from monarq.monitor.web.base.page_request import Asked
from monarq.monitor.web.base.redis_provider import Store, StoreSource
from monarq.monitor.web.base.rendering import Renderer, Site, View
from monarq.monitor.web.pages.login import Door
from monarq.monitor.web.routes import CHANGES, Change, Read, make_pages
from monarq.monitor.web.security.access import Access
from monarq.monitor.web.security.login_limits import Guesses
from monarq.monitor.web.security.middleware import Gate, route_path

if TYPE_CHECKING:
    from monarq.monitor.metrics.endpoint import Exporter

Answer = Callable[[Request], Awaitable[Response]]

STATIC: Final = Path(__file__).with_name("static")


class WebApp:
    """The page as an ASGI app.

    Attributes:
        hub: the live news.
        routes: all that it answers, for who wants to list it.
    """

    def __init__(self, store: Store, access: Access) -> None:
        """Puts it together; nothing is connected yet. See `create_app`."""
        guesses = Guesses()
        self.hub = Hub(self._live)
        self._store = store
        self._pages = make_pages()
        self._exporter: Exporter | None = None
        self._renderer = Renderer(Site(access, store.shown, frozenset(self._pages)))
        self.routes: list[BaseRoute] = [
            *(Route(path, self._page(read), methods=["GET"]) for path, read in self._pages.items()),
            *(Route(path, self._change(change), methods=["POST"]) for path, change in CHANGES.items()),
            *Door(access, guesses, self._renderer).routes,
            Route("/live", self._stream, methods=["GET"]),
            Route("/metrics", self._metrics, methods=["GET"]),
            Mount("/static", StaticFiles(directory=STATIC)),
        ]
        handlers = {RedisError: self._trouble, ClientDisconnect: self._hung_up, 404: self._unknown}
        inner = Starlette(routes=self.routes, exception_handlers=handlers)
        self._gate = Gate(inner, access, guesses)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        await self._gate(scope, receive, send)

    async def aclose(self) -> None:
        """Ends the streams and the connections to Redis; for who mounts the app and stops."""
        self.hub.close()
        await self._store.aclose()

    def _page(self, read: Read) -> Answer:
        async def answer(request: Request) -> Response:
            asked = _asked(request)
            view = await read(self._store.redis, asked)
            return HTMLResponse(self._renderer.page(view, asked), view.status)

        return answer

    def _change(self, change: Change) -> Answer:
        async def answer(request: Request) -> Response:
            asked = _asked(request)
            return RedirectResponse(asked.root + await change(self._store.redis, asked), 303)

        return answer

    async def _stream(self, request: Request) -> Response:
        path, _, query = _asked(request).raw("of").decode("utf-8", "replace").partition("?")
        if path not in self._pages:
            return PlainTextResponse("there is no such page\n", 404)
        asked = Asked.read(path, query, request.scope.get("root_path", ""))
        if not self.hub.takes(asked):
            return PlainTextResponse("too many different pages are open\n", 503)
        return StreamingResponse(self.hub.watch(asked), media_type="text/event-stream")

    async def _metrics(self, request: Request) -> Response:
        # Only here, so that the page does without prometheus_client.
        from monarq.monitor.metrics.endpoint import Exporter, read_known

        self._exporter = self._exporter or Exporter(lambda: read_known(self._store.redis))
        body, content_type = await self._exporter.scrape(request.headers.get("accept", ""))
        return Response(body, headers={"content-type": content_type})

    async def _live(self, asked: Asked) -> str:
        try:
            view = await self._pages[asked.path](self._store.redis, asked)
        except (RedisError, OSError) as error:
            view = self._store.trouble(error)
        return self._renderer.live(view, asked)

    async def _trouble(self, request: Request, error: Exception) -> Response:
        return HTMLResponse(self._renderer.page(self._store.trouble(error), _asked(request)), 503)

    async def _hung_up(self, request: Request, error: Exception) -> Response:
        return Response(status_code=400)  # which nobody gets; without it, it would be logged as a bug of ours

    async def _unknown(self, request: Request, error: Exception) -> Response:
        view = View("gone", "Not found", {"what": "page", "back": "/"})
        return HTMLResponse(self._renderer.page(view, _asked(request)), 404)


def create_app(
    redis: StoreSource = None,
    *,
    token: str | None = None,
    user: str | None = None,
    read_only: bool = False,
    allowed_hosts: Iterable[str] = (),
    guarded: bool = False,
) -> WebApp:
    """Makes the page as an ASGI app, to be served, or mounted under any prefix: ``Mount("/queue", app)``.

    It needs no lifespan. Who mounts it and wants its connections closed awaits its ``aclose()``.

    Args:
        redis: a URL, an asyncio client of redis-py (which stays yours), or where a worker gets its connections from.
            Default: the environment's REDIS_URL, else ``redis://localhost:6379``.
        token: a secret that a person logs in with, and a program sends as ``Authorization: Bearer``.
        user: ``name:password`` that a person logs in with, and a program sends as ``Authorization: Basic``.
        read_only: whether nothing can be changed by it.
        allowed_hosts: names beside the loopback ones that it answers to; ``*`` for any. They need a token, a user, or
            `guarded`.
        guarded: that your own app lets nobody through who may not see it.

    Raises:
        SettingsError: the URL is none of Redis, a secret is too short, or the page would be open to all.
    """
    access = Access(token, user, read_only, tuple(allowed_hosts), guarded)
    return WebApp(Store(redis), access)


def _asked(request: Request) -> Asked:
    scope = request.scope
    return Asked.read(route_path(scope), scope["query_string"].decode("latin-1"), scope.get("root_path", ""))
