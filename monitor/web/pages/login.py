"""The login page: the form, the session cookie that it sets, and logout."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from monarq.monitor.web.base.page_request import PageRequest, read_fields
from monarq.monitor.web.base.rendering import Renderer, View
from monarq.monitor.web.security.access import COOKIE, SESSION_S, Access
from monarq.monitor.web.security.login_limits import LoginLimits
from monarq.monitor.web.security.middleware import client_address

MOST_BYTES: Final = 8192


class LoginRoutes:
    """The routes /login and /logout.

    Args:
        access: who may log in.
        limits: which addresses must wait before their next attempt.
        renderer: renders the form.
    """

    def __init__(self, access: Access, limits: LoginLimits, renderer: Renderer) -> None:
        self._access = access
        self._limits = limits
        self._renderer = renderer
        self.routes = [
            Route("/login", self._form, methods=["GET"]),
            Route("/login", self._log_in, methods=["POST"]),
            Route("/logout", self._log_out, methods=["POST"]),
        ]

    async def _form(self, request: Request) -> Response:
        if not self._access.asks:
            return RedirectResponse(_root(request) + "/", 303)
        return self._show(request)

    async def _log_in(self, request: Request) -> Response:
        form = read_fields((await _body(request)).decode("utf-8", "replace"))
        address = client_address(request.scope)
        wait_s = self._limits.wait_s(address)
        if wait_s:
            return self._show(request, 429, wait_s)
        if not self._is_right(form):
            self._limits.record_failure(address)
            return self._show(request, 401)
        answer = RedirectResponse(_root(request) + _next(request), 303)
        answer.set_cookie(
            COOKIE,
            self._access.new_session(),
            max_age=SESSION_S,
            path=_root(request) or "/",
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="strict",
        )
        return answer

    def _is_right(self, form: Mapping[str, str]) -> bool:
        user = f"{form.get('name', '')}:{form.get('password', '')}"
        return self._access.is_token(form.get("token", "")) or self._access.is_user(user)

    async def _log_out(self, request: Request) -> Response:
        answer = RedirectResponse(_root(request) + "/", 303)
        answer.delete_cookie(COOKIE, path=_root(request) or "/", httponly=True, samesite="strict")
        return answer

    def _show(self, request: Request, status: int = 200, wait_s: int = 0) -> Response:
        page_request = PageRequest("/login", {"next": _next(request)}, _root(request))
        view = View("login", "Log in", {"wrong": status == 401, "wait_s": wait_s, "next": _next(request)})
        headers = {"retry-after": str(wait_s)} if wait_s else None
        return HTMLResponse(self._renderer.page(view, page_request), status, headers)


def _root(request: Request) -> str:
    root: str = request.scope.get("root_path", "")
    return root


def _next(request: Request) -> str:
    """The path to go to after login: always below our own prefix, whatever the link says."""
    wanted = request.query_params.get("next", "/")
    is_ours = wanted.startswith("/") and wanted[1:2] not in {"/", "\\"} and wanted.isprintable()
    return wanted if is_ours else "/"


async def _body(request: Request) -> bytes:
    """The form's data; empty if it is larger than a genuine form can be."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MOST_BYTES:
            return b""
    return body
