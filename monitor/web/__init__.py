"""The page: queues, jobs, workers and dead letters in a browser. `monarq web` serves it; `create_app` mounts it.

What a browser shows it by is in `templates` and `static`; `pages` has one module for each thing shown; `gate` stands
before all of them. Needs the extra `web`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from monarq.shared.extras import missing_extra

if TYPE_CHECKING:
    from monarq.monitor.web.app import WebApp as WebApp
    from monarq.monitor.web.app import create_app as create_app

__all__ = ["WebApp", "create_app"]


def __getattr__(name: str) -> Any:
    """The public names, imported when they are asked for: what they need may not be installed."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from monarq.monitor.web import app
    except ModuleNotFoundError as error:
        to_do = missing_extra(error, "the page")
        if to_do is None:
            raise
        raise ModuleNotFoundError(to_do, name=error.name) from None
    return getattr(app, name)
