"""What can be a job, how an enqueue of it is checked, and what is refused as soon as it is declared."""

from __future__ import annotations

import copy
import functools
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest

from monarq import App
from monarq.shared.calls.context import Context
from monarq.shared.errors import DeclarationError
from monarq.shared.jobs import declaration_checks as declare_checks
from monarq.shared.jobs.decorators import job
from monarq.shared.jobs.job import declared_options, enqueue_options
from monarq.shared.lane import Lane


@pytest.fixture(autouse=True)
def _nothing_declared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test may take any name."""
    monkeypatch.setattr(declare_checks, "_declared_at", {})


def plain(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


def running(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        import asyncio

        return asyncio.run(function(*args, **kwargs))

    return wrapper


def asking_for_one(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    async def wrapper(user: int) -> Any:
        return await function("session", user)

    return wrapper


class Waiter:
    async def __call__(self, seconds: float) -> None: ...

    def work(self, seconds: float) -> None: ...

    async def wait(self, seconds: float) -> None: ...

    @classmethod
    async def make(cls, seconds: float) -> None: ...

    def yields(self) -> Iterator[int]:
        yield 1


class Worker:
    def __call__(self, seconds: float) -> None: ...


async def load(session: str, user: int) -> None: ...


def work(seconds: float) -> None: ...


def later(seconds: float) -> Awaitable[None]:
    return load("", 1)


@plain
@plain
async def wrapped(seconds: float) -> None: ...


@plain
async def wrapped_too(seconds: float) -> None: ...


@running
async def run_to_its_end(seconds: float) -> None: ...


@functools.lru_cache
def remembered(seconds: float) -> None: ...


@pytest.mark.parametrize(
    ("function", "lane", "name"),
    [
        (wrapped, Lane.IO, "wrapped"),
        (run_to_its_end, Lane.CPU, "run_to_its_end"),
        (later, Lane.IO, "later"),
        (functools.partial(load, "s"), Lane.IO, "load"),
        (functools.partial(wrapped_too), Lane.IO, "wrapped_too"),
        (functools.partial(Waiter()), Lane.IO, "Waiter"),
        (functools.partial(math.pow, 2), Lane.CPU, "pow"),
        (Waiter(), Lane.IO, "Waiter"),
        (Worker(), Lane.CPU, "Worker"),
        (Waiter().wait, Lane.IO, "Waiter.wait"),
        (Waiter().work, Lane.CPU, "Waiter.work"),
        (Waiter.make, Lane.IO, "Waiter.make"),
        (math.sqrt, Lane.CPU, "sqrt"),
        (remembered, Lane.CPU, "remembered"),
    ],
)
def test_lane_and_name(function: Callable[..., Any], lane: Lane, name: str) -> None:
    found = job(function)
    assert (declared_options(found).lane, found.name) == (lane, name)
    job(name=f"{name} by another name")(function).check_arguments((1,), {})


async def async_generator() -> AsyncIterator[int]:
    yield 1


def generator() -> Iterator[int]:
    yield 1


@functools.lru_cache
async def remembered_coroutine() -> None: ...


class Service:
    async def method(self, user: int) -> None: ...

    @classmethod
    async def of_class(cls, user: int) -> None: ...

    @plain
    async def decorated(self, user: int) -> None: ...


async def two(ctx: Context, other: Context | None) -> None: ...


async def any_number(*ctx: Context) -> None: ...


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (generator, r"test_decorators.py:\d+: generator is a generator.*return a list"),
        (async_generator, "is a generator"),
        (Waiter().yields, "is a generator"),
        (Service.method, r"test_decorators.py:\d+: Service.method is a method.*outside the class"),
        (Service.__dict__["of_class"], "not a function"),
        (Service.decorated, "is a method"),
        (Service, "not a function: put it on a def"),
        (5, "not a function"),
        (None, "not a function"),
        (remembered_coroutine, "cache the result instead"),
        (two, r"test_decorators.py:\d+: a job takes one Context.*ctx: .*other: "),
        (any_number, "one Context"),
        (lambda: None, "a lambda cannot run on the cpu lane"),
    ],
)
def test_what_would_fail_each_time_is_refused(function: Any, words: str) -> None:
    with pytest.raises(DeclarationError, match=words):
        job()(function)


@pytest.mark.parametrize(
    ("function", "lane", "words"),
    [
        (load, "thread", "does not fit an async def: it runs on the io lane"),
        (Waiter(), "cpu", "does not fit an async def: it runs on the io lane"),
        (functools.partial(load, ""), "cpu", "does not fit an async def: it runs on the io lane"),
        (work, "io", "the io lane is for async def"),
        (math.sqrt, "io", r"test_decorators.py:\d+: .*the io lane is for async def"),
        (work, "gpu", "there is no lane 'gpu'"),
    ],
)
def test_a_lane_that_does_not_fit(function: Any, lane: str, words: str) -> None:
    with pytest.raises(DeclarationError, match=words):
        job(lane=lane)(function)


def test_a_wrapper_may_have_been_asked_to_wait_elsewhere() -> None:
    assert declared_options(job(name="elsewhere", lane="thread")(run_to_its_end)).lane is Lane.THREAD


def test_two_partials_of_one_function_are_two_jobs() -> None:
    def both() -> None:
        job(functools.partial(work, 1))
        job(functools.partial(work, 2))

    with pytest.raises(DeclarationError, match=r"named 'work' is already declared at .*give one of them another name="):
        both()


async def given(session: str, /, user: int) -> None: ...


async def unsaid(url: str, depth: int = 1) -> None: ...


async def signed(*args: Any) -> None: ...


signed.__signature__ = __import__("inspect").signature(unsaid)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("function", "args", "kwargs"),
    [
        (plain(load), (5,), {}),
        (plain(load), (), {"user": 5}),
        (plain(load), ("s", 5), {}),
        (plain(given), (5,), {"extra": 1}),
        (asking_for_one(load), (5,), {}),
        (functools.partial(load, "s"), (5,), {}),
        (functools.partial(load, session="s"), (), {"user": 5}),
        (functools.partial(plain(load), "s"), (), {}),
        (signed, ("u", 2), {}),
        (math.pow, (1, 2), {}),
    ],
)
def test_what_may_be_right_is_accepted(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    job(function).check_arguments(args, kwargs)


@pytest.mark.parametrize(
    ("function", "args", "kwargs", "words"),
    [
        (load, (5,), {}, r"load\(session: str, user: int\) -> None: missing a required argument: 'user'"),
        (load, (1, 2, 3), {}, "too many positional"),
        (asking_for_one(load), (5, 6), {}, "too many positional"),
        (asking_for_one(load), (), {"users": 5}, "missing a required argument: 'user'"),
        (functools.partial(load, "s"), (5, 6), {}, "too many positional"),
        (Waiter(), (), {}, "missing a required argument: 'seconds'"),
        (Waiter().wait, (1, 2), {}, "too many positional"),
        (signed, (), {}, "missing a required argument: 'url'"),
        (remembered, (), {}, "missing a required argument: 'seconds'"),
        (math.sqrt, (1, 2), {}, "too many positional"),
    ],
)
def test_what_is_wrong_for_sure_is_refused(
    function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], words: str
) -> None:
    with pytest.raises(TypeError, match=words):
        job(function).check_arguments(args, kwargs)


def test_a_job_looks_like_its_function_and_stays_a_job() -> None:
    @functools.wraps(load)
    async def decorated(*args: Any) -> None: ...

    decorated.options = decorated.name = decorated._declared = "the decorator's own"  # type: ignore[attr-defined]
    decorated.owner = "kept"  # type: ignore[attr-defined]
    made: Any = job(name="decorated")(decorated)
    assert (made.__name__, made.owner, made.name) == ("load", "kept", "decorated")
    assert enqueue_options(made.options(job_id="a")).job_id == "a"
    assert declared_options(made).name == "decorated"
    assert job(functools.partial(Worker())).__name__ == "Worker"


def test_an_unknown_option_says_which_one_may_be_meant() -> None:
    @job(name="of-unknown-options")
    async def known() -> None: ...

    wrong: Any = known
    with pytest.raises(TypeError, match=r"options\(\) has no option 'delay'; did you mean 'defer_by'\?"):
        wrong.options(delay=5)
    with pytest.raises(TypeError, match=r"options\(\) has no option 'tiemout'; did you mean 'timeout'\?"):
        wrong.bind().options(tiemout=5)
    with pytest.raises(TypeError, match="has no option 'colour'; the options are defer_by, "):
        wrong.options(colour=5)
    declare: Any = job
    with pytest.raises(TypeError, match=r"job\(\) has no option 'retries'; did you mean 'retry'\?"):
        declare(retries=3)
    of_app: Any = App().job(retries=3)
    with pytest.raises(TypeError, match=r"job\(\) has no option 'retries'; did you mean 'retry'\?"):
        of_app(known.function)


def test_the_methods_that_enqueue_elsewhere_say_what_does_here() -> None:
    @job(name="of-other-methods")
    async def greet() -> None: ...

    wrong: Any = greet
    with pytest.raises(AttributeError, match=r"no 'delay': enqueue it with producer\.enqueue\(greet, \.\.\.\)"):
        wrong.delay("ann")
    with pytest.raises(AttributeError, match="'AsyncJob' object has no attribute 'colour'"):
        _ = wrong.colour
    assert copy.deepcopy(greet).name == "of-other-methods"
