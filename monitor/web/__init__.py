"""The web page: queues, jobs, workers and dead letters in a browser. `monarq web` serves it; `create_app` mounts it.

`app` puts it together: `pages` has a module for each page, `security` checks each request, `base` is what pages are
built on, `templates` and `static` are what a browser gets. It needs the extra `web`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from monarq.shared.extras import missing_extra

if TYPE_CHECKING:
    from monarq.monitor.web.app import WebApp as WebApp
    from monarq.monitor.web.app import create_app as create_app

__all__ = ["WebApp", "create_app"]


def __getattr__(name: str) -> Any:
    """The public names, imported on first use: what they need may not be installed."""
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
