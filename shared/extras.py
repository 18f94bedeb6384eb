"""Which extra of monarq brings a package that is not installed: told wherever one is asked for in vain."""

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
"""Package, by the name it is imported by -> extra."""


def missing_extra(error: ModuleNotFoundError, what: str = "this") -> str | None:
    """What to install, in one line; None where no extra brings the module.

    Args:
        error: what the import raised.
        what: what needs the package, such as "--watch".
    """
    package = (error.name or "").partition(".")[0]
    extra = _EXTRA_OF.get(package)
    return None if extra is None else f"{what} needs the package {package}: pip install 'monarq[{extra}]'"
