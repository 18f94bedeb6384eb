"""`App`: how a worker finds it, what belongs to it, and what it says where something cannot work."""

from __future__ import annotations

import asyncio
import inspect
import sys
import typing
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from monarq import App, Defaults, Listener, Producer, Queue, job
from monarq.cli.worker.check import check_workers
from monarq.shared.errors import DeclarationError, SettingsError, TargetError
from monarq.shared.jobs.decorators import JobDeclarer
from monarq.shared.jobs.job import Job
from monarq.shared.redis.connection import UrlSource
from monarq.targets import APP, load_target
from monarq.testing.jobs import find_known
from monarq.workers.config.importer import import_object
from monarq.workers.config.spec import WorkerSpec
from monarq.workers.process.target_loader import LoadedTarget
from tests.app import shop
from tests.support.command import start_monarq
from tests.support.slowness import in_time


def write(folder: Path, name: str, text: str) -> str:
    """Writes a module, and returns its name."""
    (folder / f"{name}.py").write_text(text)
    return name


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with modules of a program, which are forgotten after the test."""
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    assert before
    return tmp_path


def names(loaded: LoadedTarget) -> list[str]:
    """The names of a target's jobs."""
    return [job.name for job in loaded.functions if isinstance(job, Job)]


SHOP_JOBS = [
    "shop.name_pool",
    "shop.named",
    "shop.fails",
    "shop.annotated",
    "shop.in_thread",
    "shop.in_child",
    "beside",
]


@pytest.mark.parametrize("target", ["tests.app.shop", "tests.app.shop:app", "tests.app.shop.app"])
def test_a_worker_takes_the_app_of_a_module_or_one_by_its_name(target: str) -> None:
    loaded = load_target(target, "redis://somewhere", {"concurrency": 7})
    assert names(loaded) == SHOP_JOBS
    assert loaded.settings.app.lifespans == (shop.lifespan,)
    assert loaded.settings.concurrency == 7


PARTS = """
from monarq import App, Listener, Middleware, cron, job

@job(name="{name}.plain")
async def plain(): ...

nightly = cron(plain, "@daily", name="{name}")

class Alarm(Listener): ...
alarm = Alarm()

async def around(run, call_next):
    return await call_next(run)

app = App("{name}", prefix="{name}.", middleware=[around], include={include})

@app.job
async def own(): ...
"""


def test_modules_and_apps_are_included_with_all_that_they_have(folder: Path) -> None:
    write(folder, "inner_part", PARTS.format(name="inner", include="['outer_part']"))  # a circle does no harm
    write(folder, "outer_part", PARTS.format(name="outer", include="['inner_part', 'tests.app.shop']"))
    loaded = load_target("outer_part", "redis://somewhere", {})
    assert names(loaded) == ["outer.own", "outer.plain", "inner.own", "inner.plain", *SHOP_JOBS]
    assert [type(listener).__name__ for listener in loaded.settings.listeners] == ["Alarm", "Alarm"]
    assert len(loaded.settings.app.middleware) == 2
    assert loaded.settings.app.lifespans == (shop.lifespan,)
    assert len(loaded.background) == 1


USING = """
from making_part import app
from monarq import Listener, cron, job

@app.job(name="{number}.own")
async def own(): ...

@job(name="{number}.plain")
async def plain(): ...

nightly = cron(own, "@daily")

class Alarm(Listener): ...
alarm = Alarm()
"""


@pytest.mark.parametrize(("number", "target"), [(1, "using_part1"), (2, "using_part2:app"), (3, "using_part3.app")])
def test_the_module_that_is_named_belongs_to_an_app_that_another_module_makes(
    folder: Path, number: int, target: str
) -> None:
    write(folder, "making_part", "from monarq import App\napp = App()")
    write(folder, f"using_part{number}", USING.format(number=number))
    loaded = load_target(target, "redis://somewhere", {})
    assert names(loaded) == [f"{number}.own", f"{number}.plain"]
    assert [type(listener).__name__ for listener in loaded.settings.listeners] == ["Alarm"]
    assert len(loaded.background) == 1
    known = find_known(target)
    assert known.own == {f"{number}.own", f"{number}.plain"}
    assert len(known.crons) == 1


SUBCLASS = """
from monarq import App

class OwnApp(App):
    def __init__(self, name):
        super().__init__(name)
"""

ITS_APP = """
from class_part import OwnApp
from monarq import job

app = OwnApp("own")

@job
async def beside_an_own_app(): ...
"""


def test_an_app_of_a_subclass_belongs_to_the_module_that_makes_it(folder: Path) -> None:
    write(folder, "class_part", SUBCLASS)
    write(folder, "object_part", ITS_APP)
    assert names(APP.load(import_object("object_part:app"), "the app", None, {})) == ["beside_an_own_app"]


TWINS = """
from monarq import App

one, other = App("one"), App("other")

@one.job
async def of_one(): ...

@other.job
async def of_other(): ...

often = of_other.options(job_id="often")
"""


def test_an_app_leaves_the_jobs_of_others_to_them(folder: Path) -> None:
    write(folder, "twin_parts", TWINS)
    assert names(load_target("twin_parts:one", None, {})) == ["of_one"]
    assert names(load_target("twin_parts:other", None, {})) == ["of_other"]
    write(
        folder,
        "sending_part",
        "from monarq import App, job\nfrom twin_parts import of_one, often\n"
        "app = App('sends')\n@job\nasync def sends(): ...",
    )
    assert names(load_target("sending_part", None, {})) == ["sends"]


MIDDLE = """
from monarq import App

async def around(run, call_next): ...

app = App("core", prefix="core.", middleware=[around])
"""


def test_an_included_module_brings_the_apps_of_the_jobs_that_it_declares(folder: Path) -> None:
    write(folder, "app_part", MIDDLE)
    write(folder, "job_part", "import app_part\n@app_part.app.job\nasync def own(): ...")
    write(folder, "all_parts", "from monarq import App\napp = App(include=['job_part'])")
    loaded = load_target("all_parts", None, {})
    assert names(loaded) == ["core.own"]
    assert len(loaded.settings.app.middleware) == 1


def test_two_jobs_of_one_name_are_refused_with_both_places(folder: Path) -> None:
    other, app = App(), App()

    @other.job(name="twice")
    async def first() -> None: ...

    def second() -> None: ...

    made: Any = Job.__new__(type(first))
    vars(made).update(vars(first))
    made.function = second
    app._jobs.append(made)
    both = App(include=[other, app])
    both._module = ""
    other._module = app._module = ""
    with pytest.raises(
        DeclarationError, match=r"two jobs are named 'twice', at .*test_app\.py:\d+ and .*test_app\.py:\d+"
    ):
        APP.load(both, "both", None, {})


def test_a_target_without_a_job_or_with_two_apps_says_what_to_do(folder: Path) -> None:
    write(folder, "app_without_jobs", "from monarq import App\napp = App('lonely')")
    with pytest.raises(TargetError, match=r"the app 'lonely' has no jobs: declare them with @app\.job"):
        load_target("app_without_jobs", None, {})
    write(folder, "app_twins", "from monarq import App\none = App()\nother = App()")
    with pytest.raises(TargetError, match=r"more than one App: name one, such as app_twins:one"):
        load_target("app_twins", None, {})
    with pytest.raises(SettingsError, match="include: 7 is neither a module nor an App"):
        load_target(write(folder, "app_includes_seven", "from monarq import App\napp = App(include=[7])"), None, {})
    with pytest.raises(TargetError, match="there is no module 'nowhere'"):
        load_target(write(folder, "app_nowhere", "from monarq import App\napp = App(include=['nowhere'])"), None, {})


def test_settings_of_an_app_hold_where_the_command_line_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    app = App(
        redis="redis://own:7",
        queue="mine",
        queues=["more", Queue("arq:queue", format="arq")],
        defaults=Defaults(timeout="2m", concurrency=5, keep_result="1h"),
        listeners=[Listener()],
    )

    @app.job
    async def of_settings() -> None: ...

    app._module = ""
    monkeypatch.setitem(sys.modules, "app_of_settings", type(sys)("app_of_settings"))
    sys.modules["app_of_settings"].app = app  # type: ignore[attr-defined]
    settings = (loaded := load_target("app_of_settings", None, {})).settings
    assert isinstance(loaded.source, UrlSource)
    assert loaded.source.url == "redis://own:7"
    assert [queue.label for queue in settings.queues] == ["mine", "more", "arq:queue"]
    assert (settings.timeout_s, settings.concurrency, settings.keep_result_s) == (120.0, 5, 3600.0)
    assert (settings.app.queue.name, len(settings.listeners)) == ("mine", 1)
    other = load_target("app_of_settings", "redis://other", {"concurrency": 9, "queues": ["given"]})
    assert isinstance(other.source, UrlSource)
    assert other.source.url == "redis://other"
    assert (other.settings.concurrency, [queue.name for queue in other.settings.queues]) == (9, ["given"])


async def test_an_apps_client_gives_its_worker_and_its_producer_their_connections(redis: Redis) -> None:
    app = App(redis=redis, queue="of the app")

    @app.job
    async def by_client() -> None: ...

    app._module = ""
    loaded = APP.load(app, "app", None, {})
    async with loaded.source.client() as client:
        assert await client.ping()
    loaded.source.blocking_client().close()
    async with app.producer() as producer:
        assert isinstance(producer, Producer)
        assert (await producer.enqueue(by_client)).queue == "of the app"


async def test_the_apps_queue_is_that_of_its_jobs_whoever_enqueues_them(redis_url: str) -> None:
    app = App(queue="shop")

    @app.job
    async def of_no_queue() -> None: ...

    @app.job(queue="mail")
    async def of_mail() -> None: ...

    @job
    async def of_no_app() -> None: ...

    async with Producer(redis_url) as producer:
        assert (await producer.enqueue(of_no_queue)).queue == "shop"
        assert (await producer.enqueue(of_mail)).queue == "mail"
        assert (await producer.enqueue(of_no_queue.options(queue="other"))).queue == "other"
        assert (await producer.enqueue(of_no_app)).queue == "default"
    async with app.producer(redis_url) as producer:
        assert (await producer.enqueue(of_no_app)).queue == "shop"


def test_the_queues_of_included_apps_are_served_as_well() -> None:
    part = App(queue=Queue("parts", shards=3), queues=["shop"])
    whole = App(queue="shop", queues=["mail"], include=[part])

    @part.job
    async def in_a_part() -> None: ...

    for each in (part, whole):
        each._module = ""
    loaded = APP.load(whole, "whole", None, {})
    assert [queue.name for queue in loaded.settings.queues] == ["shop", "mail", "parts"]
    assert loaded._declared_shards() == {"parts": 3}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"lifespan": 7}, "lifespan is 7: give the function itself"),
        ({"queues": "mail"}, "queues is 'mail': give a list"),
        ({"include": "jobs"}, "include is 'jobs': give a list"),
        ({"queue": ""}, "queue"),
        ({"prefix": None}, "prefix is None"),
        ({"redis": 5}, "redis is 5: give a URL, or a client of redis.asyncio"),
        ({"name": ""}, "an app's name"),
    ],
    ids=str,
)
def test_wrong_settings_are_refused_where_they_are_given(given: dict[str, Any], told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        App(**given)


def test_app_job_takes_the_options_of_job() -> None:
    def overloaded() -> None: ...

    overloaded.__module__, overloaded.__qualname__ = JobDeclarer.__module__, "JobDeclarer.__call__"
    with_options = typing.get_overloads(overloaded)[-1]
    mine = {name: p.default for name, p in inspect.signature(with_options).parameters.items() if name != "self"}
    theirs = {name: p.default for name, p in inspect.signature(job).parameters.items() if name != "function"}
    assert mine == theirs


BROKEN = """
from contextlib import asynccontextmanager
from monarq import App

@asynccontextmanager
async def lifespan(worker):
    connect_to_the_database()
    yield {}

def connect_to_the_database():
    raise OSError("no database here")

app = App(lifespan=lifespan)

@app.job
async def never(): ...
"""


BROKEN_CPU = """
from contextlib import contextmanager
from monarq import App, Resource

@contextmanager
def cpu_lifespan():
    connect_to_the_database()
    yield {}

def connect_to_the_database():
    raise OSError("no database here")

app = App(cpu_lifespan=cpu_lifespan)

@app.job
def never(db: object = Resource("db")): ...
"""


@pytest.mark.parametrize("text", [BROKEN, BROKEN_CPU], ids=["io", "cpu"])
async def test_a_lifespan_that_raises_ends_the_command_with_its_traceback(
    redis_url: str, folder: Path, text: str
) -> None:
    write(folder, "broken_lifespan", text)
    process = await start_monarq(
        *("worker", "broken_lifespan", "-w", "2"),
        url=redis_url,
        env={"PYTHONPATH": str(folder)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with in_time(60):
        shown, _ = await process.communicate()
    assert process.returncode == 1, shown.decode()
    assert "in connect_to_the_database" in shown.decode()
    assert "OSError: no database here" in shown.decode()
    assert "/monarq/" not in shown.decode().replace(str(folder), "")


async def _async_generator(worker: object) -> AsyncIterator[None]:
    yield


async def _coroutine(worker: object) -> None: ...


def _generator() -> Iterator[None]:
    yield


@asynccontextmanager
async def _without_worker() -> AsyncIterator[None]:
    yield


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (
            {"lifespan": _async_generator},
            "lifespan is _async_generator, a generator: decorate it with @asynccontextmanager",
        ),
        ({"lifespan": _coroutine}, "lifespan is _coroutine, an async def that does not yield"),
        ({"cpu_lifespan": _generator}, "cpu_lifespan is _generator, a generator: decorate it with @contextmanager"),
        (
            {"lifespan": _without_worker},
            "lifespan is _without_worker.*, but it is called with one argument, a WorkerInfo",
        ),
        ({"cpu_lifespan": lambda worker: worker}, "cpu_lifespan is .*lambda.*, but it is called without arguments"),
    ],
)
def test_a_lifespan_that_is_no_context_manager_is_refused_where_it_is_given(given: Any, told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        App(**given)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"include": [5]}, "include: 5 is neither a module nor an App"),
        ({"listeners": [5]}, "listeners: 5 is not a listener: give instances"),
        ({"listeners": 5}, "listeners is 5: give a list"),
    ],
)
def test_what_is_no_part_of_an_app_is_refused_where_it_is_given(given: Any, told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        App(**given)


CLOSING = """
import os
from contextlib import asynccontextmanager, contextmanager
from monarq import App, Resource

@contextmanager
def cpu_lifespan():
    yield {{"child": 1}}
    {cpu}

@asynccontextmanager
async def lifespan(worker):
    yield {{"db": 1}}
    {io}

def close_the_database():
    raise OSError("no database any more")

app = App(lifespan=lifespan, cpu_lifespan=cpu_lifespan)

@app.job
def in_child(child: int = Resource("child")): ...
"""


@pytest.mark.parametrize("burst", [True, False], ids=["burst", "stopped"])
async def test_a_lifespan_that_raises_at_its_close_ends_the_command_with_its_traceback(
    redis_url: str, folder: Path, burst: bool
) -> None:
    write(folder, "raises_at_close", CLOSING.format(io="close_the_database()", cpu="pass"))
    exit_code, shown = await ended_worker(redis_url, folder, "raises_at_close", burst=burst)
    assert exit_code == 1, shown
    assert "in close_the_database" in shown
    assert "OSError: no database any more" in shown
    assert "a lifespan or a hook raised at shutdown" in shown
    assert "is lost" not in shown
    assert "/monarq/" not in shown.replace(str(folder), "")


@pytest.mark.parametrize("burst", [True, False], ids=["burst", "stopped"])
@pytest.mark.parametrize(
    ("closes", "told"),
    [("close_the_database()", "OSError: no database any more"), ("raise SystemExit(0)", "SystemExit: 0")],
    ids=["raises", "exits"],
)
async def test_a_cpu_lifespan_that_raises_at_its_close_ends_the_command_as_a_lifespan_does(
    redis_url: str, folder: Path, burst: bool, closes: str, told: str
) -> None:
    write(folder, "child_raises_at_close", CLOSING.format(io="pass", cpu=closes))
    exit_code, shown = await ended_worker(redis_url, folder, "child_raises_at_close", burst=burst)
    assert exit_code == 1, shown
    assert "monarq: cpu_lifespan raised an exception when it closed:\nTraceback" in shown
    assert shown.count(told) == 1
    assert "a lifespan or a hook raised at shutdown" in shown
    assert "EOFError" not in shown
    assert "CpuCloseError" not in shown
    assert "is lost" not in shown


async def test_both_lifespans_that_raise_at_their_close_are_told(redis_url: str, folder: Path) -> None:
    write(folder, "both_raise_at_close", CLOSING.format(io="raise KeyError('io')", cpu="close_the_database()"))
    exit_code, shown = await ended_worker(redis_url, folder, "both_raise_at_close", burst=True)
    assert exit_code == 1, shown
    assert "OSError: no database any more" in shown
    assert "KeyError: 'io'" in shown


async def test_a_cpu_lifespan_that_is_killed_at_its_close_is_told(redis_url: str, folder: Path) -> None:
    write(folder, "child_hangs_at_close", CLOSING.format(io="pass", cpu="import time; time.sleep(3600)"))
    _, shown = await ended_worker(redis_url, folder, "child_hangs_at_close", burst=True)
    assert "cpu_lifespan did not close within 1 s, so its process was killed" in shown


async def test_a_worker_that_is_killed_as_its_lifespan_hangs_at_its_close_says_so(redis_url: str, folder: Path) -> None:
    hangs = "import asyncio; await asyncio.sleep(3600)"
    write(folder, "hangs_at_close", CLOSING.format(io=hangs, cpu="pass"))
    _, shown = await ended_worker(redis_url, folder, "hangs_at_close", burst=False, options=["--grace", "0s"])
    assert "is killed: its jobs had ended, but the lifespan or the shutdown hook of its program did not" in shown


async def ended_worker(
    redis_url: str, folder: Path, target: str, *, burst: bool, options: Sequence[str] = ()
) -> tuple[int | None, str]:
    """Runs the command until it ends by itself, or is told to as soon as it is ready; its exit code and output."""
    process = await start_monarq(
        *("worker", target, "-w", "1", *(["--burst"] if burst else []), *options),
        url=redis_url,
        env={"PYTHONPATH": str(folder)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    shown = ""
    async with in_time(60):
        while not burst and "Ctrl-C ends it" not in shown:
            shown += (await process.stdout.readline()).decode()
        if not burst:
            process.terminate()
        shown += (await process.stdout.read()).decode()
        return await process.wait(), shown


def test_check_takes_an_app(redis_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert check_workers(WorkerSpec("tests.app.shop:app", redis_url)) == 1
    assert "no live worker" in capsys.readouterr().err
    assert import_object("tests.app.shop.app") is shop.app
