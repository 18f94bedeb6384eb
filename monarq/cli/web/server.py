"""The server of `monarq web`: checks who can reach the page, and opens its socket."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from ipaddress import ip_address

from monarq.shared.errors import SettingsError
from monarq.shared.redis.connection import UrlSource
from monarq.web import WebApp, create_app


@dataclass(frozen=True, slots=True)
class OpenPage:
    """A page whose socket is open but which is not served yet.

    Attributes:
        app: the page.
        listener: its socket.
        root_path: its path prefix.
    """

    app: WebApp
    listener: socket.socket
    root_path: str

    @property
    def url(self) -> str:
        """Its URL for a browser on this machine."""
        host, port = self.listener.getsockname()[:2]
        shown = "localhost" if ip_address(host).is_unspecified else f"[{host}]" if ":" in host else host
        return f"http://{shown}:{port}{self.root_path}/"

    async def serve(self) -> None:
        """Serves it until SIGINT or SIGTERM."""
        from monarq.monitor.web.server import PageServer

        await PageServer(self.app, self.root_path).serve([self.listener])


def open_page(
    source: UrlSource,
    *,
    host: str,
    port: int,
    token: str | None,
    user: str | None,
    read_only: bool,
    allow_host: tuple[str, ...],
    root_path: str,
) -> OpenPage:
    """Checks who can reach the page, and listens.

    Raises:
        SettingsError: other machines could reach it without a secret, or it cannot listen on the address.
        ModuleNotFoundError: the extra `web` is not installed.
    """
    if not (token or user or _is_loopback(host)):
        raise SettingsError(
            f"--host {host} lets other machines see and change every job: set MONARQ_WEB_TOKEN (or --user), or leave"
            " --host out"
        )
    from monarq.monitor.web.server import bind

    # Browsers never send the wildcard address as the host.
    own = () if _is_wildcard(host) or _is_loopback(host) else (host,)
    app = create_app(source, token=token, user=user, read_only=read_only, allowed_hosts=(*allow_host, *own))
    return OpenPage(app, bind(host, port), root_path)


def _is_wildcard(host: str) -> bool:
    try:
        return ip_address(host.strip("[]")).is_unspecified
    except ValueError:
        return not host


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
