"""Jobs whose functions are no plain ones, or take their context elsewhere than first."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Coroutine
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Final, Optional

import monarq as m
from monarq.shared.jobs.decorators import job
from monarq.shared.jobs.job import Job
from tests.workers.lanes.cpu_jobs import shrink

if TYPE_CHECKING:
    from uuid import UUID

    from monarq import Context, SyncContext
    from monarq import Context as Run


def session_given(function: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a first argument that no producer knows of."""

    @functools.wraps(function)
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        return await function("session", *args, **kwargs)

    return wrapper


def wrapped(function: Callable[..., Any]) -> Callable[..., Any]:
    """A plain wrapper, of an async def as well."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


def cached(function: Callable[..., Coroutine[Any, Any, Any]]) -> Callable[..., Any]:
    """Returns a coroutine, or what it came to before."""
    known: dict[Any, Any] = {}

    async def remember(key: Any) -> Any:
        known[key] = await function(key)
        return known[key]

    @functools.wraps(function)
    def wrapper(key: Any) -> Any:
        return known[key] if key in known else remember(key)

    return wrapper


@job
@session_given
async def load(session: str, user: int) -> list[object]:
    return [session, user]


@job
@session_given
async def load_with_context(session: str, ctx: Context, user: int) -> list[object]:
    return [session, ctx.job_id, user]


@job
@wrapped
async def greet(name: str, ctx: Context) -> str:
    return f"{ctx.job_id} {name}"


@job
@cached
async def look_up(key: str) -> str:
    return key * 2


class Multiplier:
    def __init__(self, factor: int) -> None:
        self.factor = factor

    def __call__(self, number: int) -> int:
        return self.factor * number

    async def later(self, number: int) -> int:
        return self.factor * number


class AsyncMultiplier(Multiplier):
    async def __call__(self, number: int, *, ctx: Context | None = None) -> Any:  # type: ignore[override]
        return [self.factor * number, ctx and ctx.job_id]


async def add(one: int, other: int) -> int:
    return one + other


add_five = job(name="add five")(functools.partial(add, 5))
triple = job(name="triple", lane="thread")(Multiplier(3))
quadruple = job(name="quadruple")(AsyncMultiplier(4))
quintuple = job(name="quintuple")(Multiplier(5).later)
root = job(lane="thread")(math.sqrt)
nap = job(lane="thread")(time.sleep)


def plain_add(one: int, other: int) -> int:
    return one + other


def plain_last(word: str, ctx: SyncContext) -> list[object]:
    return [word, ctx.job_id]


child_partial = job(name="child partial")(functools.partial(plain_add, 5))
child_object = job(name="child object")(Multiplier(3))
child_method = job(name="child method")(Multiplier(5).__call__)
child_root = job(name="child root")(math.sqrt)
child_last = job(name="child last")(plain_last)
child_told = job(name="child told")(wrapped(wrapped(plain_add)))


class Shelf:
    @staticmethod
    @job
    async def below(word: str) -> str:
        return word

    @job
    @staticmethod
    async def above(word: str) -> str:
        return word


below, above = Shelf.below, Shelf.above


@job
async def last(word: str, ctx: Context) -> list[object]:
    return [word, ctx.job_id]


@job
async def between(word: str, ctx: Optional[Context], *rest: str) -> list[object]:  # noqa: UP045 - as people write it
    return [word, ctx and ctx.job_id, *rest]


@job
async def by_keyword(word: str, *, ctx: Run) -> list[object]:
    return [word, ctx.job_id]


@job
async def by_position(word: str, more: str = "more", ctx: m.Context | None = None, /) -> list[object]:
    return [word, more, ctx and ctx.job_id]


@job(lane="thread")
def in_thread(word: str, ctx: Annotated[m.SyncContext, "told"]) -> list[object]:
    return [word, ctx.job_id]


@job
def in_child(word: str, ctx: m.SyncContext) -> list[object]:
    return [word, ctx.job_id]


@job
async def pay(ctx: Context, amount: Decimal, *others: Decimal, to: UUID | None = None, **fees: Decimal) -> list[str]:
    return [repr(value) for value in (amount, *others, *fees.values())]


@job
@session_given
async def pay_in_session(session: str, amount: Decimal) -> str:
    return repr(amount)


async def beneath() -> None: ...


@job(lane="thread")
def forgets_to_await() -> Any:
    return beneath()


@job
def forgets_to_iterate() -> Any:
    return (n for n in range(3))


def audited(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*args: Any) -> Any:
        return ["audited", function(*args)]

    return call


def resize(size: int) -> Any:
    return size


@job
@audited
def crop_audited(size: int) -> Any:
    return size


@job(name="renamed")
def plain(size: int) -> int:
    return size


resize_audited = job(name="resize_audited")(audited(resize))
BY_NAME: Final[dict[str, Job[Any, Any]]] = {"kept": job(name="kept_in_a_dict")(audited(resize))}
OF_ANOTHER_MODULE: Final = job(name="shrink_audited")(audited(shrink))

DECLARED: Final[list[Job[Any, Any]]] = [crop_audited, plain, resize_audited, BY_NAME["kept"], OF_ANOTHER_MODULE]
"""Cpu jobs that are found under no name, or under that of another function: see test_odd_jobs.py."""

ALL = [value for value in list(vars().values()) if isinstance(value, m.Job)]
