"""Checks the installation: Python, monarq and its extras."""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Final

from monarq.cli.doctor.finding import Finding
from monarq.shared.extras import install_command
from monarq.shared.version import VERSION

SECTION: Final = "installed"
CORE: Final = ("redis", "hiredis", "uvloop", "msgspec")

EXTRAS: Final = {
    "arq": "monarq.arq and settings classes of arq",
    "django": "a backend of Django's tasks",
    "embedded": "a Redis server as a wheel, for `monarq redis` and --redis embedded",
    "fastapi": "producers and progress in FastAPI and Starlette",
    "flask": "producers in Flask",
    "otel": "spans from the producer to the job, and metrics",
    "sentry": "errors and transactions in Sentry",
    "structlog": "the fields of a job in structlog",
    "testing": "tests on machines without a Redis server",
    "watch": "workers that restart when a file changes",
    "web": "the page, /metrics and the health port",
}
"""What the extras are for."""

_PYTHON: Final = re.compile(r"""python_version\s*(<|>=)\s*["'](\d+\.\d+)["']""")
_REQUIREMENT: Final = re.compile(r"""([\w.-]+)[^;]*;.*extra == ["']([\w-]+)["']""")


def check_installed() -> Iterator[Finding]:
    """Which parts of monarq this Python has."""
    yield Finding(SECTION, "monarq", f"{VERSION}, on {platform.python_implementation()} {platform.python_version()}")
    yield Finding(SECTION, "packages", ", ".join(f"{name} {version(name)}" for name in CORE))
    lacking = []
    for extra, packages in sorted(_packages_of_extras().items()):
        is_there = all(map(_is_installed, packages))
        lacking += [] if is_there else [extra]
        found = "installed" if is_there else f"not installed; for {EXTRAS[extra]}"
        yield Finding(SECTION, f"extra {extra}", found)
    if lacking:
        # Once for all of them: a command an extra would hide what matters.
        yield Finding(SECTION, "more extras", f"to install one: {install_command(lacking[0])}")
    if sys.flags.optimize:
        yield Finding(SECTION, "python -O", "assert statements in jobs are skipped", "warning", "start without -O")


def _packages_of_extras() -> dict[str, list[str]]:
    """The packages of each public extra, according to monarq's own metadata."""
    packages: dict[str, list[str]] = {}
    for line in requires("monarq") or ():
        found = _REQUIREMENT.match(line)
        if found is not None and found[2] in EXTRAS and _is_for_this_python(line):
            packages.setdefault(found[2], []).append(found[1])
    return packages


def _is_for_this_python(requirement: str) -> bool:
    condition = _PYTHON.search(requirement)
    if condition is None:
        return True
    older = sys.version_info[:2] < tuple(map(int, condition[2].split(".")))
    return older if condition[1] == "<" else not older


def _is_installed(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True
