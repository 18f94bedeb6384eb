"""The web page as an ASGI application, which you can mount in your own. It needs the extra ``web``.

``Mount("/queue", create_app("redis://...", token=...))`` in Starlette or FastAPI. ``monarq web`` serves it by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from monarq.shared.extras import missing_extra

if TYPE_CHECKING:
    from monarq.monitor.web.app import WebApp as WebApp
    from monarq.monitor.web.app import create_app as create_app

__all__ = ["WebApp", "create_app"]


def __getattr__(name: str) -> Any:
    """The public names, imported on first use, since their dependencies may not be installed."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from monarq.monitor.web import app
    except ModuleNotFoundError as error:
        advice = missing_extra(error, "the page")
        if advice is None:
            raise
        raise ModuleNotFoundError(advice, name=error.name) from None
    return getattr(app, name)
