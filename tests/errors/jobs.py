"""Jobs that raise, in every lane; each error is made when it is raised, by its name."""

from __future__ import annotations

import asyncio
import concurrent.futures
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from monarq.shared.jobs.decorators import job
from monarq.shared.jobs.job import Job

HUGE: Final = 20_000_000


class SwapError(Exception):
    """Called by its args it would be another: its text and its status would not be these."""

    def __init__(self, body: str, status: int = 200) -> None:
        super().__init__(f"{status}: {body}")
        self.body = body
        self.status = status


class RequestError(Exception):
    """As HTTP clients have it: it cannot be called by its args at all."""

    def __init__(self, message: str, *, request: str) -> None:
        super().__init__(message)
        self.request = request


class DownloadError(TimeoutError):
    """An OSError, which keeps no arguments that its ``__init__`` has not given it."""

    def __init__(self, url: str) -> None:
        super().__init__(f"no answer from {url}")
        self.url = url


class MissingFileError(OSError):
    def __init__(self, path: str) -> None:
        super().__init__(2, "it is gone", path)
        self.tried = [path]


class SlotError(Exception):
    __slots__ = ("place",)

    def __init__(self, place: int) -> None:
        super().__init__("slots")
        self.place = place


@dataclass
class RowError(Exception):
    row: int
    column: str


@dataclass(frozen=True)
class FrozenError(Exception):
    row: int


class ReducedError(Exception):
    """Pickles itself in a way of its own."""

    def __init__(self, left: str, right: str) -> None:
        super().__init__(f"{left}-{right}")
        self.parts = [left, right]

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(self.parts)


class LockedError(Exception):
    """Cannot be sent anywhere."""

    def __init__(self) -> None:
        super().__init__("locked away")
        self.lock = threading.Lock()


class SpeechlessError(Exception):
    def __str__(self) -> str:
        raise ZeroDivisionError


class Colour(Enum):
    RED = 1


class EnumError(Exception):
    pass


def noted() -> Exception:
    error = ValueError("with notes")
    error.add_note("the first")
    error.add_note("the second")
    return error


def caught(call: Callable[[], object]) -> Exception:
    try:
        call()
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


def local() -> Exception:
    class HiddenError(Exception):
        pass

    return HiddenError("nobody can import it")


ARRIVE: Final[dict[str, Callable[[], Exception]]] = {
    "plain": lambda: ValueError("plain", 7),
    "formatted": lambda: SwapError("teapot", 418),
    "keyword": lambda: RequestError("no answer", request="GET /"),
    "system": lambda: DownloadError("http://x"),
    "system with a file": lambda: MissingFileError("/no/such"),
    "slots": lambda: SlotError(3),
    "dataclass": lambda: RowError(3, "b"),
    "reduced": lambda: ReducedError("a", "b"),
    "no file": lambda: caught(lambda: open("/no/such")),  # noqa: PTH123, SIM115
    "two files": lambda: OSError(18, "Cross-device link", "/a", None, "/b"),
    "notes": noted,
    "group": lambda: ExceptionGroup("two", [SwapError("x", 500), ExceptionGroup("in", [noted()])]),
    "key": lambda: KeyError("k"),
    "decode": lambda: caught(b"\xff".decode),
    "json": lambda: caught(lambda: json.loads("{")),
    "name": lambda: caught(lambda: nowhere),  # type: ignore[name-defined]  # noqa: F821
    "attribute": lambda: caught(lambda: (3).nothing),  # type: ignore[attr-defined]
    "import": lambda: caught(lambda: __import__("no_such_module")),
    "speechless": SpeechlessError,
    "cancelled future": lambda: concurrent.futures.CancelledError("by somebody"),
}
"""Errors that arrive as they were."""

TOLD: Final[dict[str, tuple[Callable[[], BaseException], str, str]]] = {
    "locked": (LockedError, "tests.errors.jobs.LockedError", "locked away"),
    "local": (local, "tests.errors.jobs.local.<locals>.HiddenError", "nobody can import it"),
    "locked member": (lambda: ExceptionGroup("g", [LockedError()]), "ExceptionGroup", "g (1 sub-exception)"),
    "stop": (lambda: StopIteration(5), "StopIteration", "5"),
    "exit": (lambda: SystemExit(3), "SystemExit", "3"),
    "huge": (lambda: ValueError("y" * HUGE), "ValueError", "yyy"),
    "huge key": (lambda: KeyError("y" * HUGE), "KeyError", "yyy"),
    "huge list": (lambda: ValueError([0] * 1_000_000), "ValueError", "a large list"),
    "huge attribute": (lambda: SwapError("y" * HUGE, 500), "tests.errors.jobs.SwapError", "500: yyy"),
    "huge group": (lambda: ExceptionGroup("g", [ValueError(n) for n in range(100_000)]), "ExceptionGroup", "100000"),
}
"""Errors that are told in words: class and text."""


def raise_by_name(name: str) -> None:
    raise (ARRIVE[name] if name in ARRIVE else TOLD[name][0])()


async def raise_by_name_in_io(name: str) -> None:
    raise_by_name(name)


RAISE: Final[dict[str, Job[[str], None]]] = {
    "io": job(name="raise-io")(raise_by_name_in_io),
    "thread": job(name="raise-thread", lane="thread")(raise_by_name),
    "cpu": job(name="raise-cpu")(raise_by_name),
}


@job(name="cancel-io", max_tries=1)
async def cancel_own_task() -> None:
    task = asyncio.create_task(asyncio.sleep(60))
    task.cancel()
    await task


@job(name="cancel-thread", max_tries=1, lane="thread")
def cancel_in_thread() -> None:
    raise asyncio.CancelledError("in a thread")


@job(name="cancel-cpu", max_tries=1)
def cancel_in_process() -> None:
    raise asyncio.CancelledError("in a process")


CANCEL: Final = {"io": cancel_own_task, "thread": cancel_in_thread, "cpu": cancel_in_process}

ALL: Final = [*RAISE.values(), *CANCEL.values()]
