"""Values, contexts and exceptions that the tests of the CPU lane send through it."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, NoReturn


class TwoPartError(Exception):
    """Calling its class by its args would fail: __init__ wants more than these."""

    def __init__(self, left: str, right: str) -> None:
        super().__init__(f"{left} and {right}")


class CodeError(Exception):
    """Unpickling it by its args would say "code code 7"."""

    def __init__(self, code: object) -> None:
        super().__init__(f"code {code}")
        self.code = code


class LockedError(Exception):
    """Cannot be pickled."""

    def __init__(self) -> None:
        super().__init__("locked")
        self.lock = threading.Lock()


class NamelessError(Exception):
    """Its text cannot be made."""

    def __init__(self) -> None:
        super().__init__(lambda: None)

    def __str__(self) -> str:
        raise ZeroDivisionError


class Unloadable:
    """Pickles, but does not unpickle."""

    def __reduce__(self) -> tuple[Any, ...]:
        return int, ("no number",)


@dataclass(frozen=True, slots=True)
class Ctx:
    """A context as a job gets it."""

    job_id: str


class Declared:
    """As monarq's Job: a callable object around what is called."""

    def __init__(self, function: Any) -> None:
        self.worker_callable = function

    def __call__(self) -> NoReturn:
        raise AssertionError("the lane must call the function itself")


def shrink(size: int) -> int:
    return size
