"""Resources: by name and by factory, in each lane, and what cannot work is said before a job runs."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from typing import Any

import pytest
from redis.asyncio import Redis

from monarq import App, Context, Fixed, Producer, Resource, ResourceError, SyncContext, WorkerInfo, job
from monarq.shared.errors import DeclarationError, JobDeadError
from monarq.shared.jobs.job import Job
from monarq.shared.payloads.codec import MSGPACK
from monarq.shared.payloads.payload import write_payload
from monarq.testing import run_inline
from monarq.testing.resources import cpu_resources
from monarq.workers.config.app_parts import AppParts
from tests.app import shop
from tests.app.conftest import RunApp
from tests.support.workers import dead_letter_of, put, put_raw, result_of
from tests.workers.support.runs import make_run


@pytest.fixture(autouse=True)
def _empty_log() -> None:
    shop.LOG.clear()


async def test_a_resource_comes_by_its_name_from_the_lifespan_which_is_opened_once_and_closed_last(
    redis: Redis, run_app: RunApp
) -> None:
    for number in range(3):
        await put(redis, shop.name_pool, f"{number}", job_id=str(number))
    await run_app(shop.app)
    assert [(await result_of(redis, str(number))).value for number in range(3)] == ["0 main", "1 main", "2 main"]
    assert [line.partition(" on ")[0] for line in shop.LOG] == ["opened for 7 jobs", "closed"]


async def test_a_factory_lives_for_one_run_and_gets_resources_context_and_arguments(
    redis: Redis, run_app: RunApp
) -> None:
    await put(redis, shop.with_both, "ann", job_id="one")
    await run_app(shop.app)
    assert (await result_of(redis, "one")).value == ["ann", "main", True, 2]
    assert shop.LOG[1:-1] == ["session of ann for one", "runs", "session closed"]


async def test_a_factory_sees_the_error_of_the_job_and_is_closed_before_the_end_is_written(
    redis: Redis, run_app: RunApp
) -> None:
    await put(redis, shop.fails, "ann", job_id="bad")
    await run_app(shop.app)
    result = await result_of(redis, "bad")
    assert isinstance(result.value, ValueError)
    assert shop.LOG[1:-1] == ["session of ann for bad", "rolled back: ", "session closed"]


@pytest.mark.parametrize(
    ("asked", "args", "value"),
    [
        (shop.annotated, (), "main main"),
        (shop.in_thread, ("bob",), ["bob in monarq-job_0", "main"]),
        (shop.in_child, ("eve",), ["eve in MainThread", True, True]),
        (shop.beside, ("word",), "word"),
    ],
    ids=lambda value: getattr(value, "name", None),
)
async def test_resources_reach_jobs_of_each_lane(
    redis: Redis, run_app: RunApp, asked: Job[..., Any], args: tuple[Any, ...], value: object
) -> None:
    await put(redis, asked, *args, job_id="one")
    await run_app(shop.app)
    assert (await result_of(redis, "one")).value == value


async def test_an_error_of_a_factory_is_that_of_the_run(redis: Redis, run_app: RunApp) -> None:
    @asynccontextmanager
    async def broken_at_its_end() -> AsyncIterator[int]:
        yield 1
        raise LookupError("at its end")

    async def broken() -> int:
        raise OSError("no connection")

    app = App()

    @app.job
    async def ends_badly(*, one: int = Resource(broken_at_its_end)) -> int:
        return one

    @app.job(retry=Fixed(1, 0.01))
    async def begins_badly(*, one: int = Resource(broken)) -> int:
        return one

    await put(redis, ends_badly, job_id="end")
    await put(redis, begins_badly, job_id="begin")
    await run_app(app)
    assert str((await result_of(redis, "end")).value) == "at its end"
    assert (await dead_letter_of(redis, "begin"))["tries"] == 2


async def test_a_factory_that_is_not_cached_makes_a_value_for_each_who_asks(redis: Redis, run_app: RunApp) -> None:
    def new() -> object:
        return object()

    app = App()

    @app.job
    async def compare(
        *,
        one: object = Resource(new),
        same: object = Resource(new),
        other: object = Resource(new, cached=False),
    ) -> list[bool]:
        return [one is same, one is other]

    await put(redis, compare, job_id="one")
    await run_app(app)
    assert (await result_of(redis, "one")).value == [True, False]


def one() -> int:
    return 1


async def test_an_enqueue_that_gives_a_resource_is_refused(redis_url: str) -> None:
    @job
    async def takes_one(
        word: str, pool: object = Resource("db"), *, more: int = 0, made: int = Resource(one)
    ) -> None: ...

    @job
    async def takes_any(*, db: object = Resource("db"), **rest: int) -> None: ...

    async with Producer(redis_url) as producer:
        for asked, args, kwargs, told in (
            (takes_one, ("a",), {"pool": 1}, "'pool' is a resource, which the worker passes"),
            (takes_one, ("a",), {"made": 1}, "'made' is a resource"),
            (takes_one, ("a", 5), {}, "too many positional"),
            (takes_any, (), {"db": 5, "x": 1}, "'db' is a resource"),
        ):
            wrong: Any = asked
            with pytest.raises(TypeError, match=told):
                await producer.enqueue(wrong, *args, **kwargs)
        await producer.enqueue(takes_one, "a", more=3)
        await producer.enqueue(takes_any, x=1)
    takes_one.check_arguments(("a",), {"more": 1})


async def test_a_payload_that_gives_a_resource_is_dead_with_the_reason(redis: Redis, run_app: RunApp) -> None:
    for asked, job_id in ((shop.name_pool, "evil"), (shop.in_child, "cpu")):
        name = {"session" if asked is shop.in_child else "db": "mine"}
        await put_raw(redis, job_id, write_payload(MSGPACK, asked.name, ("a",), name, 1))
    await run_app(shop.app)
    for job_id, name in (("evil", "db"), ("cpu", "session")):
        result = await result_of(redis, job_id)
        assert isinstance(result.value, JobDeadError)
        assert f"its payload has {name!r}, a resource that only the worker can provide" in str(result.value)


async def test_a_name_that_nobody_gives_ends_the_start(run_app: RunApp) -> None:
    app = App(lifespan=shop.lifespan)

    @app.job
    async def asks(*, cache: object = Resource("cache")) -> None: ...

    with pytest.raises(
        ResourceError, match=r"needs the resource 'cache', which .* does not provide: it provides .*'db'"
    ):
        await run_app(app)
    assert shop.LOG[-1] == "closed"


async def test_a_lifespan_that_yields_nonsense_or_raises_ends_the_start(run_app: RunApp) -> None:
    @asynccontextmanager
    async def nonsense(_: WorkerInfo) -> AsyncIterator[Any]:
        yield 7

    @asynccontextmanager
    async def broken(_: WorkerInfo) -> AsyncIterator[None]:
        raise OSError("no database")
        yield

    for lifespan, error, told in ((nonsense, ResourceError, "yielded 7"), (broken, OSError, "no database")):
        app = App(lifespan=lifespan, include=[shop])
        with pytest.raises(error, match=told):
            await run_app(app)
    other = App(lifespan=lambda worker: shop.lifespan(worker), include=[shop.app])
    with pytest.raises(ResourceError, match="two resources are named 'db'"):
        await run_app(other)


async def stay_away() -> int:
    return 1


def yields() -> Iterator[int]:
    yield 1


def needs(nothing: int) -> int:
    return nothing


@contextmanager
def takes_context(ctx: Context) -> Iterator[int]:
    yield ctx.job_try


@pytest.mark.parametrize(
    ("factory", "told"),
    [
        (stay_away, "stay_away needs an event loop"),
        (shop.open_session, "open_session needs an event loop"),
        (yields, "yields is a generator: decorate it with @contextmanager"),
        (needs, "needs 'nothing', which is not a resource, a context or an argument"),
        (takes_context, "takes a Context, but the job's context is a SyncContext"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_factory_that_cannot_work_is_refused_at_the_start(factory: Any, told: str) -> None:
    @job(name=f"with {factory.__name__}", lane="thread")
    def asks(*, value: int = Resource(factory)) -> None: ...

    with pytest.raises(DeclarationError, match=told):
        make_run(asks)


def test_resources_stand_where_they_can_be_given_by_name() -> None:
    with pytest.raises(DeclarationError, match="name of a resource of the lifespan, or a factory, not 7"):
        Resource(7)  # type: ignore[call-overload]
    with pytest.raises(DeclarationError, match="'db' must be a parameter that can be passed by name"):

        @job
        async def by_position(db: object = Resource("db"), /) -> None: ...

    with pytest.raises(DeclarationError, match="'rest' comes after the resource 'db'"):

        @job
        async def any_number(db: object = Resource("db"), *rest: int) -> None: ...

    with pytest.raises(DeclarationError, match="'ctx' comes after the resource 'db'"):

        @job(lane="thread")
        def context_behind(db: object = Resource("db"), ctx: SyncContext | None = None) -> None: ...


def _spoil(ctx: Context | SyncContext) -> str:
    try:
        ctx.resources["db"] = None  # type: ignore[index]
    except TypeError as error:
        return str(error)
    return "changed"


spoiled = App("spoiled", lifespan=shop.lifespan, cpu_lifespan=shop.cpu_lifespan)


@spoiled.job
async def spoils(ctx: Context) -> str:
    return _spoil(ctx)


@spoiled.job(lane="cpu")
def spoils_in_child(ctx: SyncContext) -> str:
    return _spoil(ctx)


@pytest.mark.parametrize("job", [spoils, spoils_in_child], ids=["io", "cpu"])
async def test_a_job_cannot_change_the_resources_of_others(redis: Redis, run_app: RunApp, job: Job[..., str]) -> None:
    await put(redis, job, job_id="one")
    await run_app(spoiled)
    assert "does not support item assignment" in (await result_of(redis, "one")).value


async def test_overrides_replace_resources_in_workers_of_this_process(redis: Redis, run_app: RunApp) -> None:
    with shop.app.override(db=shop.Pool("fake")):
        await put(redis, shop.name_pool, "is", job_id="one")
        await run_app(shop.app)
    await put(redis, shop.name_pool, "is", job_id="two")
    await run_app(shop.app)
    assert [(await result_of(redis, job_id)).value for job_id in ("one", "two")] == ["is fake", "is main"]
    assert threading.active_count() < 100


def test_overrides_that_overlap_end_in_any_order() -> None:
    app = App("overlapping")
    resources: dict[Any, Any] = {"db": "own"}
    detach = app._attach(resources, is_complete=True)
    with ExitStack() as first, ExitStack() as last:
        first.enter_context(app.override(db="first", worker=1))
        last.enter_context(app.override(db="last"))
        assert resources == {"db": "last", "worker": 1}
        first.close()
        assert resources == {"db": "last"}
        last.close()
        assert resources == {"db": "own"}
    with app.override(db="again"):
        detach()
        assert resources == {"db": "own"}
    assert resources == {"db": "own"}


def test_an_override_of_a_name_that_nobody_gives_or_asks_for_is_refused() -> None:
    alone = App("alone")
    told = r"app\.override\(wroker=\.\.\.\): 'alone' has no resource 'wroker'; did you mean 'worker'\? its .*'db'"
    with pytest.raises(ResourceError, match=told), alone.override(db=1, wroker=2):
        pass
    with pytest.raises(ResourceError, match="has no resource 'open_session'"), alone.override(open_session=1):
        pass
    with alone.override(db=1, worker=2):  # as jobs of this process ask for them
        pass


async def test_an_override_of_a_name_that_the_lifespan_does_not_yield_ends_the_worker(run_app: RunApp) -> None:
    app = App("yielding", lifespan=yield_pool)
    app.job(is_alone)
    with app.override(pool=1):
        await run_app(app)
    told = r"app\.override\(pol=\.\.\.\): 'yielding' has no resource 'pol'; did you mean 'pool'"
    with app.override(pol=1), pytest.raises(ResourceError, match=told):
        await run_app(app)
    outer = App("outer", include=[app])
    with outer.override(pool=1), app.override(pool=2):
        await run_app(outer)
    with app.override(pol=1), pytest.raises(ResourceError, match="'pol'"):
        await run_app(outer)


async def test_an_override_is_checked_by_what_a_running_worker_has() -> None:
    app = App("running", lifespan=yield_pool)
    resources: dict[Any, Any] = {"pool": "own"}
    detach = app._attach(resources, is_complete=True)
    with pytest.raises(ResourceError, match="'pol'"), app.override(pol=1):
        pass
    assert resources == {"pool": "own"}
    with app.override(pool=1):
        assert resources == {"pool": 1}
        with app.override(pool=2):
            pass
    detach()


@asynccontextmanager
async def yield_pool(worker: WorkerInfo) -> AsyncIterator[dict[str, object]]:
    yield {"pool": 1}


async def is_alone() -> None:
    """Asks for nothing."""


@asynccontextmanager
async def yield_nothing(worker: WorkerInfo) -> AsyncIterator[dict[str, object]]:
    if worker.worker_id == "nobody":
        yield {}


@asynccontextmanager
async def open_nothing(word: str) -> AsyncIterator[str]:
    if word == "something":
        yield word


@contextmanager
def open_nothing_plain(word: str) -> Iterator[str]:
    if word == "something":
        yield word


def return_dict(worker: WorkerInfo) -> Any:
    return {"pool": 1}


@contextmanager
def yield_plain(worker: WorkerInfo) -> Iterator[dict[str, object]]:
    yield {}


@asynccontextmanager
async def yield_number(worker: WorkerInfo) -> AsyncIterator[Any]:
    yield 5


unyielding = App("unyielding")


@unyielding.job
async def needs_nothing(word: str, *, made: str = Resource(open_nothing)) -> str:
    return made


@unyielding.job(lane="thread")
def needs_nothing_plain(word: str, *, made: str = Resource(open_nothing_plain)) -> str:
    return made


async def test_a_function_that_ends_without_a_yield_is_named(redis: Redis, run_app: RunApp) -> None:
    app = App("ending", lifespan=yield_nothing)
    app.job(is_alone)
    with pytest.raises(ResourceError, match="yield_nothing ended without a yield: it must yield once"):
        await run_app(app)
    for job_id, needing in (("a", needs_nothing), ("b", needs_nothing_plain)):
        await put(redis, needing, "word", job_id=job_id)
    await run_app(unyielding)
    assert str((await result_of(redis, "a")).value).startswith("open_nothing ended without a yield")
    assert str((await result_of(redis, "b")).value).startswith("open_nothing_plain ended without a yield")


@pytest.mark.parametrize(
    ("lifespan", "told"),
    [
        (return_dict, "lifespan return_dict returned dict and not an async context manager.*with @asynccontextmanager"),
        (yield_plain, "lifespan yield_plain returned _GeneratorContextManager and not an async context manager"),
        (yield_number, "lifespan yield_number must yield a dict of resources by name, or nothing; it yielded 5"),
    ],
)
async def test_a_lifespan_that_provides_no_resources_as_it_should_is_named(
    redis: Redis, run_app: RunApp, lifespan: Any, told: str
) -> None:
    app = App("wrong", lifespan=lifespan)
    app.job(is_alone)
    with pytest.raises(ResourceError, match=told):
        await run_app(app)
    with pytest.raises(ResourceError, match=told):
        await run_inline(app.job(name=f"alone.{lifespan.__name__}")(is_alone))


@pytest.mark.parametrize(
    ("cpu_lifespan", "told"),
    [
        (lambda: {"pool": 1}, "cpu_lifespan .*lambda> returned dict and not a context manager.*with @contextmanager"),
        (lambda: yield_number(Any), "cpu_lifespan .*lambda> returned _AsyncGeneratorContextManager and not a context"),
    ],
)
def test_a_lifespan_of_the_cpu_lane_is_named_as_well(cpu_lifespan: Any, told: str) -> None:
    with pytest.raises(ResourceError, match=told), cpu_resources(AppParts(cpu_lifespans=(cpu_lifespan,))):
        pytest.fail("it was opened")
