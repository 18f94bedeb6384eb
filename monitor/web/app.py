"""The ASGI app of the page: `create_app` creates the app that `monarq web` serves and that other apps can mount."""

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

from monarq.monitor.web.base.live_broadcast import LiveBroadcast
from monarq.monitor.web.base.page_request import PageRequest
from monarq.monitor.web.base.redis_provider import PageRedis, RedisProvider
from monarq.monitor.web.base.rendering import Renderer, Site, View
from monarq.monitor.web.pages.login import LoginRoutes
from monarq.monitor.web.routes import CHANGES, Change, Read, make_pages
from monarq.monitor.web.security.access import Access
from monarq.monitor.web.security.login_limits import LoginLimits
from monarq.monitor.web.security.middleware import SecurityMiddleware, route_path

if TYPE_CHECKING:
    from monarq.monitor.metrics.endpoint import Exporter

Answer = Callable[[Request], Awaitable[Response]]

STATIC: Final = Path(__file__).with_name("static")


class WebApp:
    """The page as an ASGI app.

    Attributes:
        live_broadcast: the live updates.
        routes: all its routes.
    """

    def __init__(self, redis_provider: RedisProvider, access: Access) -> None:
        """Puts it together; nothing is connected yet. See `create_app`."""
        limits = LoginLimits()
        self.live_broadcast = LiveBroadcast(self._live)
        self._redis_provider = redis_provider
        self._pages = make_pages()
        self._exporter: Exporter | None = None
        self._renderer = Renderer(Site(access, redis_provider.shown, frozenset(self._pages)))
        self.routes: list[BaseRoute] = [
            *(Route(path, self._page(read), methods=["GET"]) for path, read in self._pages.items()),
            *(Route(path, self._change(change), methods=["POST"]) for path, change in CHANGES.items()),
            *LoginRoutes(access, limits, self._renderer).routes,
            Route("/live", self._stream, methods=["GET"]),
            Route("/metrics", self._metrics, methods=["GET"]),
            Mount("/static", StaticFiles(directory=STATIC)),
        ]
        handlers = {RedisError: self._redis_error, ClientDisconnect: self._disconnected, 404: self._not_found}
        inner = Starlette(routes=self.routes, exception_handlers=handlers)
        self._middleware = SecurityMiddleware(inner, access, limits)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        await self._middleware(scope, receive, send)

    async def aclose(self) -> None:
        """Ends the event streams and the connections to Redis; apps that mount it call this when they stop."""
        self.live_broadcast.close()
        await self._redis_provider.aclose()

    def _page(self, read: Read) -> Answer:
        async def answer(request: Request) -> Response:
            page_request = _page_request(request)
            view = await read(self._redis_provider.redis, page_request)
            return HTMLResponse(self._renderer.page(view, page_request), view.status)

        return answer

    def _change(self, change: Change) -> Answer:
        async def answer(request: Request) -> Response:
            page_request = _page_request(request)
            return RedirectResponse(page_request.root + await change(self._redis_provider.redis, page_request), 303)

        return answer

    async def _stream(self, request: Request) -> Response:
        path, _, query = _page_request(request).raw("of").decode("utf-8", "replace").partition("?")
        if path not in self._pages:
            return PlainTextResponse("there is no such page\n", 404)
        page_request = PageRequest.parse(path, query, request.scope.get("root_path", ""))
        if not self.live_broadcast.accepts(page_request):
            return PlainTextResponse("too many different pages are open\n", 503)
        return StreamingResponse(self.live_broadcast.subscribe(page_request), media_type="text/event-stream")

    async def _metrics(self, request: Request) -> Response:
        # Imported here, so that the page works without prometheus_client.
        from monarq.monitor.metrics.endpoint import Exporter, read_known

        self._exporter = self._exporter or Exporter(lambda: read_known(self._redis_provider.redis))
        body, content_type = await self._exporter.scrape(request.headers.get("accept", ""))
        return Response(body, headers={"content-type": content_type})

    async def _live(self, page_request: PageRequest) -> str:
        try:
            view = await self._pages[page_request.path](self._redis_provider.redis, page_request)
        except (RedisError, OSError) as error:
            view = self._redis_provider.error_view(error)
        return self._renderer.live(view, page_request)

    async def _redis_error(self, request: Request, error: Exception) -> Response:
        return HTMLResponse(self._renderer.page(self._redis_provider.error_view(error), _page_request(request)), 503)

    async def _disconnected(self, request: Request, error: Exception) -> Response:
        return Response(status_code=400)  # nobody receives it; without a handler, it would be logged as a bug of ours

    async def _not_found(self, request: Request, error: Exception) -> Response:
        view = View("gone", "Not found", {"what": "page", "back": "/"})
        return HTMLResponse(self._renderer.page(view, _page_request(request)), 404)


def create_app(
    redis: PageRedis = None,
    *,
    token: str | None = None,
    user: str | None = None,
    read_only: bool = False,
    allowed_hosts: Iterable[str] = (),
    guarded: bool = False,
) -> WebApp:
    """Creates the page as an ASGI app, to be served, or mounted under any prefix: ``Mount("/queue", app)``.

    It needs no lifespan. To close its connections, await its ``aclose()``.

    Args:
        redis: a URL, an asyncio client of redis-py (which the page does not close), or a worker's source of
            connections. Default: the environment's REDIS_URL, else ``redis://localhost:6379``.
        token: a secret to log in with; programs send it as ``Authorization: Bearer``.
        user: ``name:password`` to log in with; programs send it as ``Authorization: Basic``.
        read_only: whether nothing can be changed.
        allowed_hosts: host names that it answers to besides loopback; ``*`` for any. They require a token, a user, or
            `guarded`.
        guarded: whether your own app controls who can reach the page.

    Raises:
        SettingsError: the URL is not a Redis URL, a secret is too short, or the page would be open to everyone.
    """
    access = Access(token, user, read_only, tuple(allowed_hosts), guarded)
    return WebApp(RedisProvider(redis), access)


def _page_request(request: Request) -> PageRequest:
    scope = request.scope
    return PageRequest.parse(route_path(scope), scope["query_string"].decode("latin-1"), scope.get("root_path", ""))
