"""The one check before every route: pages, files, live news and metrics alike.

In this order: is the Host one of ours, does what changes something come from our own page, and is the caller let in?
It also puts the headers on every answer, refusals and errors too, that keep browsers strict.
"""

from __future__ import annotations

from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Final
from urllib.parse import quote, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from monarq.monitor.web.security.access import COOKIE, Access
from monarq.monitor.web.security.login_limits import Guesses

OPEN: Final = frozenset({"/login", "/static/login.css", "/static/icon.svg"})
"""What one may see before one has logged in: the form, its style, and the icon of the tab."""

READING: Final = frozenset({"GET", "HEAD"})

HEADERS: Final = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
    " img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # Other sites are told nothing. With no-referrer browsers would hide the origin of our own forms from us as well.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


@dataclass(frozen=True, slots=True)
class Gate:
    """Lets requests through to an app, or refuses them.

    Attributes:
        app: what is behind it.
        access: who is let in.
        guesses: who has to wait before the next try.
    """

    app: ASGIApp
    access: Access
    guesses: Guesses

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Takes one request."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            refusal = self._refusal(scope)
            await (refusal or self.app)(scope, receive, _strict(send, route_path(scope)))
        else:
            await send({"type": "websocket.close", "code": 1008})

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self.access.knows_host(hosts[0]):
            return _refuse(403, "this Host is not expected here: start monarq web with --allow-host and its name")
        why_foreign = _why_foreign(headers, scope["method"])
        if why_foreign:
            return _refuse(403, why_foreign)
        given = headers.get("authorization", "")
        if self.access.concerns(given):
            refusal = self._refuse_wrong(scope, given)
            if refusal is not None:
                return refusal
        elif not self._knows(headers) and route_path(scope) not in OPEN:
            return _ask(scope, headers, self.access)
        if scope["method"] not in READING and self.access.read_only and route_path(scope) not in {"/login", "/logout"}:
            return _refuse(403, "this page is read-only")
        return None

    def _refuse_wrong(self, scope: Scope, authorization: str) -> Response | None:
        """A wrong secret is refused whatever cookie stands beside it: the two are checked for different things."""
        address = client_address(scope)
        wait_s = self.guesses.wait_s(address)
        if wait_s:
            reason = f"too many wrong secrets came from this address: try again in {wait_s} s"
            return _refuse(429, reason, {"retry-after": str(wait_s)})
        if self.access.knows_header(authorization):
            return None
        self.guesses.count(address)
        return _unauthorized(self.access)

    def _knows(self, headers: Headers) -> bool:
        return not self.access.asks or self.access.knows_session(read_cookie(headers.get("cookie", "")))


def route_path(scope: Scope) -> str:
    """The path below the prefix that the app is mounted under."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    return path[len(root) :] if root and path.startswith(root) else path


def client_address(scope: Scope) -> str:
    """Where a request comes from; '' where that is not known, as on a Unix socket."""
    client: tuple[str, int] | None = scope.get("client")
    return client[0] if client else ""


def read_cookie(header: str) -> str:
    """The session in a Cookie header, or ''."""
    try:
        morsel = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return ""
    return morsel.value if morsel else ""


def _why_foreign(headers: Headers, method: str) -> str | None:
    """Why a request is another site's; None where it is our own, or a person's who opens a page.

    What changes something must say that it comes from here. Only who sends a token by hand need not: no browser does
    that for another site, and where one has to log in the token alone decides, not a cookie.
    """
    site = headers.get("sec-fetch-site")
    if method in READING:
        opened = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
        if site in {"cross-site", "same-site"} and not opened:
            return "another site may not read this"
        return None
    if headers.get("authorization", "").lower().startswith("bearer ") and site is None and "origin" not in headers:
        return None
    origin = headers.get("origin")
    if site is not None and site != "same-origin":
        return "what changes something must come from this very page"
    if origin is not None and urlsplit(origin).netloc.lower() != headers.get("host", "").lower():
        return "what changes something must come from this very page"
    if site is None and origin is None:
        return "say where this comes from: an Origin header is missing"
    return None


def _ask(scope: Scope, headers: Headers, access: Access) -> Response:
    """Asks a person to log in, and tells a program what is missing."""
    if scope["method"] == "GET" and "text/html" in headers.get("accept", ""):
        query = scope.get("query_string", b"").decode("latin-1")
        asked_for = route_path(scope) + (f"?{query}" if query else "")
        return RedirectResponse(f"{scope.get('root_path', '')}/login?next={quote(asked_for, safe='')}", 303)
    return _unauthorized(access)


def _unauthorized(access: Access) -> Response:
    schemes = ["Bearer"] * (access.token is not None) + ['Basic realm="monarq"'] * (access.user is not None)
    return _refuse(401, "log in first: a token or a user is missing or wrong", {"www-authenticate": ", ".join(schemes)})


def _refuse(status: int, reason: str, headers: dict[str, str] | None = None) -> Response:
    return PlainTextResponse(f"{reason}\n", status, headers)


def _strict(send: Send, path: str) -> Send:
    """Adds our headers to an answer; files may be kept by a browser that asks whether they are still good."""

    async def send_strictly(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["cache-control"] = "private, no-cache" if path.startswith("/static/") else "no-store"
            headers.update(HEADERS)
        await send(message)

    return send_strictly
