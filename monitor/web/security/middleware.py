"""The security middleware in front of every route: pages, files, live updates and metrics alike.

It checks in this order: that the Host is allowed, that a change comes from our own page (CSRF), and that the caller is
logged in. It also sets the security headers of every response, refusals and errors included.
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
from monarq.monitor.web.security.login_limits import LoginLimits

OPEN: Final = frozenset({"/login", "/static/login.css", "/static/icon.svg"})
"""Paths that are served without a login: the form, its style sheet, and the icon of the tab."""

READING: Final = frozenset({"GET", "HEAD"})

HEADERS: Final = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
    " img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # Other sites get no referrer. With no-referrer, browsers would also hide the origin of our own forms from us.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


@dataclass(frozen=True, slots=True)
class SecurityMiddleware:
    """Passes requests on to an app, or refuses them.

    Attributes:
        app: the app behind it.
        access: who may log in.
        limits: which addresses must wait before their next attempt.
    """

    app: ASGIApp
    access: Access
    limits: LoginLimits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            refusal = self._refusal(scope)
            await (refusal or self.app)(scope, receive, _with_headers(send, route_path(scope)))
        else:
            await send({"type": "websocket.close", "code": 1008})

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self.access.knows_host(hosts[0]):
            return _refuse(403, "this Host is not allowed: start monarq web with --allow-host and its name")
        why_cross_site = _why_cross_site(headers, scope["method"])
        if why_cross_site:
            return _refuse(403, why_cross_site)
        authorization = headers.get("authorization", "")
        if self.access.concerns(authorization):
            refusal = self._check_authorization(scope, authorization)
            if refusal is not None:
                return refusal
        elif not self._is_logged_in(headers) and route_path(scope) not in OPEN:
            return _demand_login(scope, headers, self.access)
        if scope["method"] not in READING and self.access.read_only and route_path(scope) not in {"/login", "/logout"}:
            return _refuse(403, "this page is read-only")
        return None

    def _check_authorization(self, scope: Scope, authorization: str) -> Response | None:
        """Refuses a wrong secret even with a valid cookie: the two are checked for different things."""
        address = client_address(scope)
        wait_s = self.limits.wait_s(address)
        if wait_s:
            reason = f"too many failed logins from this address: try again in {wait_s} s"
            return _refuse(429, reason, {"retry-after": str(wait_s)})
        if self.access.knows_header(authorization):
            return None
        self.limits.record_failure(address)
        return _unauthorized(self.access)

    def _is_logged_in(self, headers: Headers) -> bool:
        return not self.access.asks or self.access.knows_session(read_cookie(headers.get("cookie", "")))


def route_path(scope: Scope) -> str:
    """The path below the prefix that the app is mounted under."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    return path[len(root) :] if root and path.startswith(root) else path


def client_address(scope: Scope) -> str:
    """The client address of a request; '' if unknown, as on a Unix socket."""
    client: tuple[str, int] | None = scope.get("client")
    return client[0] if client else ""


def read_cookie(header: str) -> str:
    """The session in a Cookie header, or ''."""
    try:
        morsel = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return ""
    return morsel.value if morsel else ""


def _why_cross_site(headers: Headers, method: str) -> str | None:
    """Why a request is cross-site; None if it comes from our own page, or from a user who opens a page.

    A change must prove that it comes from our own page. A program that sends a token need not: no browser sends one for
    another site, and then only the token counts, not a cookie.
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
        return "changes must come from this page itself"
    if origin is not None and urlsplit(origin).netloc.lower() != headers.get("host", "").lower():
        return "changes must come from this page itself"
    if site is None and origin is None:
        return "the Origin header is missing: send it, or a token as Authorization: Bearer"
    return None


def _demand_login(scope: Scope, headers: Headers, access: Access) -> Response:
    """Redirects people to the login form; gives programs an error."""
    if scope["method"] == "GET" and "text/html" in headers.get("accept", ""):
        query = scope.get("query_string", b"").decode("latin-1")
        wanted_path = route_path(scope) + (f"?{query}" if query else "")
        return RedirectResponse(f"{scope.get('root_path', '')}/login?next={quote(wanted_path, safe='')}", 303)
    return _unauthorized(access)


def _unauthorized(access: Access) -> Response:
    schemes = ["Bearer"] * (access.token is not None) + ['Basic realm="monarq"'] * (access.user is not None)
    return _refuse(401, "log in first: a token or a user is missing or wrong", {"www-authenticate": ", ".join(schemes)})


def _refuse(status: int, reason: str, headers: dict[str, str] | None = None) -> Response:
    return PlainTextResponse(f"{reason}\n", status, headers)


def _with_headers(send: Send, path: str) -> Send:
    """Adds the security headers to a response; files may be cached by a browser that revalidates them."""

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["cache-control"] = "private, no-cache" if path.startswith("/static/") else "no-store"
            headers.update(HEADERS)
        await send(message)

    return send_with_headers
