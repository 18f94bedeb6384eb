"""Optional dependencies: which extra of monarq installs a missing package."""

from __future__ import annotations

from typing import Final

_EXTRA_OF: Final = {
    "jinja2": "web",
    "opentelemetry": "otel",
    "prometheus_client": "web",
    "starlette": "web",
    "uvicorn": "web",
    "watchfiles": "watch",
}
"""Package, by its import name -> extra."""


def missing_extra(error: ModuleNotFoundError, what: str = "this") -> str | None:
    """A line that says what to install; None where no extra has the module.

    Args:
        error: the error of the import.
        what: what needs the package, such as "--watch".
    """
    package = (error.name or "").partition(".")[0]
    extra = _EXTRA_OF.get(package)
    return None if extra is None else f"{what} needs the package {package}: pip install 'monarq[{extra}]'"
