"""`App`: what a program's workers and producers share. It imports little, as the cpu lane's process imports it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, cast
from weakref import WeakSet

from monarq.app.lifespan_checks import check_lifespans
from monarq.app.options import AppOptions
from monarq.app.origin import calling_module
from monarq.app.overrides import Overrides
from monarq.shared.calls.callables import name_of
from monarq.shared.errors import SettingsError
from monarq.shared.jobs.declaration_checks import unwrap_declared
from monarq.shared.jobs.decorators import JobDeclarer, job
from monarq.shared.jobs.job import Job
from monarq.shared.queue import Queue, checked_ref
from monarq.shared.validation import check_name

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from monarq.producer import Producer, SyncProducer
    from monarq.shared.jobs.middleware import AnyMiddleware
    from monarq.shared.settings.defaults import Defaults
    from monarq.workers.config.app_parts import CpuLifespan, Lifespan
    from monarq.workers.events.listener import Listener


class App:
    """An application: its jobs, and what its workers and producers share. `monarq worker module:app` runs it.

    Attributes:
        name: its name, for messages.
        job: the decorator that declares a job of this application; see `monarq.job`. A job without its own queue goes
            to `queue`, whichever producer enqueues it.

    Args:
        name: its name. Default: "app".
        lifespan: an async context manager function that takes a `WorkerInfo` and yields a dict of resources. It is
            entered once in each worker process, before the first job is claimed, and left after the last job has ended.
        cpu_lifespan: the same for the process of the cpu lane: a plain context manager function without arguments.
        middleware: wraps each run in a worker and each enqueue by `producer`; the first is the outermost.
        listeners: receive the events of the workers.
        redis: a URL, or a redis.asyncio client whose connection settings are used. Default: REDIS_URL, else localhost.
        queue: the queue of jobs that `job` declares without one, and of other jobs that `producer` enqueues without
            one. Default: ``default``.
        queues: further queues that its workers serve.
        defaults: the default settings of its jobs and workers.
        include: modules, their dotted names, or other apps. Their jobs are run too; the middleware, listeners,
            resources and queues of included apps come after the app's own.
        prefix: put before the names of the jobs that `job` declares.

    Raises:
        SettingsError: a setting has an invalid value.
    """

    job: JobDeclarer

    def __init__(
        self,
        name: str = "app",
        *,
        lifespan: Lifespan | None = None,
        cpu_lifespan: CpuLifespan | None = None,
        middleware: Iterable[AnyMiddleware] = (),
        listeners: Iterable[Listener] = (),
        redis: str | Redis | None = None,
        queue: str | Queue | None = None,
        queues: Iterable[str | Queue] = (),
        defaults: Defaults | None = None,
        include: Iterable[str | ModuleType | App] = (),
        prefix: str = "",
    ) -> None:
        check_name(name, "an app's name")
        check_lifespans(lifespan=lifespan, cpu_lifespan=cpu_lifespan)
        if isinstance(queues, (str, Queue)):
            raise SettingsError(f"queues is {queues!r}: give a list")
        if isinstance(include, str):
            raise SettingsError(f"include is {include!r}: give a list")
        if redis is not None and not isinstance(redis, str) and not hasattr(redis, "connection_pool"):
            raise SettingsError(f"redis is {redis!r}: give a URL, or a client of redis.asyncio")
        if not isinstance(prefix, str):
            raise SettingsError(f"prefix is {prefix!r}: give text")
        self.name = name
        self.job = cast("JobDeclarer", self._declare)
        self._options = AppOptions(
            lifespan=lifespan,
            cpu_lifespan=cpu_lifespan,
            middleware=_checked_middleware(middleware),
            listeners=_checked_listeners(listeners),
            redis=redis,
            queue=queue,
            queues=tuple(queues),
            defaults=defaults,
            include=tuple(include),
            prefix=prefix,
        )
        for part in self._options.include:
            if not isinstance(part, (str, ModuleType, App)):
                raise SettingsError(f"include: {part!r} is neither a module nor an App")
        self._jobs: list[Job[..., Any]] = []
        self._module = calling_module(self)
        self._overrides = Overrides(name)
        _APPS.add(self)
        checked_ref(queue)
        for each in self._options.queues:
            checked_ref(each)

    def __repr__(self) -> str:
        return f"<App {self.name}>"

    def producer(self, url: str | None = None, **options: Any) -> Producer:
        """A producer with the Redis, the queue and the middleware of this application.

        MONARQ_REDIS in the environment overrides the application's Redis.

        Args:
            url: a Redis to use instead of the application's.
            options: the options of `Producer`; they override the application's. A `queue` applies only to jobs without
                one; jobs declared with the app's `job` already have the app's queue.

        Raises:
            SettingsError: an option has an invalid value.
        """
        from monarq.producer import Producer  # deferred: modules that only declare jobs do not need redis

        made = Producer(**self._producer_settings(url, options))
        self._fall_back(made, url, options)
        return made

    def sync_producer(self, url: str | None = None, **options: Any) -> SyncProducer:
        """A `SyncProducer`, for programs without asyncio; otherwise as `producer`.

        Args:
            url: a Redis to use instead of the application's.
            options: the options of `SyncProducer`; they override the application's.

        Raises:
            SettingsError: an option has an invalid value.
        """
        from monarq.producer import SyncProducer

        made = SyncProducer(**self._producer_settings(url, options))
        self._fall_back(made._producer, url, options)  # noqa: SLF001 - not for its users
        return made

    def _producer_settings(self, url: str | None, options: Mapping[str, Any]) -> dict[str, Any]:
        from monarq.shared.redis.connection import environment_url

        given = {"queue": self._options.queue, "middleware": self._options.middleware, **options, "url": url}
        if self._gives_redis(url, options) and not environment_url():
            given["url"], given["redis"] = self._own_redis()
        return given

    def _gives_redis(self, url: str | None, options: Mapping[str, Any]) -> bool:
        return self._options.redis is not None and url is None and "redis" not in options

    def _own_redis(self) -> tuple[str | None, Redis | None]:
        redis = self._options.redis
        return (redis, None) if isinstance(redis, str) else (None, redis)

    def _fall_back(self, made: Producer, url: str | None, options: Mapping[str, Any]) -> None:
        if self._gives_redis(url, options):
            made._fall_back_on(*self._own_redis())  # noqa: SLF001 - not for its users

    @contextmanager
    def override(self, **resources: object) -> Iterator[None]:
        """Replaces resources by name in the workers of this process, including running ones. For tests.

        Nothing is replaced in the process of the cpu lane. If several overrides are active, the one that began last
        wins, in whatever order they end.

        Raises:
            ResourceError: the app has no resource with this name: no job of this process needs it, and no lifespan
                yields it. What a lifespan yields is known only once it is opened, so the worker may raise this instead.
        """
        self._overrides.check(resources, is_all_known=not any(map(_may_bring_resources, _sharing_workers(self))))
        self._overrides.begin(resources)
        try:
            yield
        finally:
            self._overrides.end(resources)

    def _attach(self, resources: dict[Any, Any], *, is_complete: bool) -> Callable[[], None]:
        """See `Overrides.attach`."""
        return self._overrides.attach(resources, is_complete=is_complete)

    def _declare(self, function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
        if function is not None:
            return self._declare()(function)

        def declare(decorated: Callable[..., Any]) -> Job[..., Any]:
            given, own = dict(options), self._options
            if own.queue is not None and given.get("queue") is None:
                given["queue"] = own.queue
            if own.prefix:
                given["name"] = own.prefix + (options.get("name") or name_of(unwrap_declared(decorated)))
            made: Job[..., Any] = job(**given)(decorated)
            self._jobs.append(made)
            return made

        return declare


_APPS: Final[WeakSet[App]] = WeakSet()


def options_of(app: App) -> AppOptions:
    """The options that an app was made with."""
    return app._options  # noqa: SLF001 - for monarq's own use, and no attribute that programs see


def _sharing_workers(app: App) -> set[App]:
    """The apps whose resources the jobs of this one may get: those that include it, and all that these include."""
    sharing: set[App] = set()
    for outer in all_apps():
        found = _reached_from(outer)
        if app in found:
            sharing |= found
    return sharing


def _reached_from(app: App) -> set[App]:
    found, left = {app}, [app]
    while left:
        for part in options_of(left.pop()).include:
            included = _imported(part)
            inner = vars(included).values() if isinstance(included, ModuleType) else [included]
            more = {each for each in inner if isinstance(each, App)} - found
            found |= more
            left += more
    return found


def _may_bring_resources(app: App) -> bool:
    options = options_of(app)
    is_imported = all(_imported(part) is not None for part in options.include)
    return options.lifespan is not None or options.cpu_lifespan is not None or not is_imported


def _imported(part: object) -> object:
    """What an app includes; None for the name of what is not imported yet."""
    return sys.modules.get(part) if isinstance(part, str) else part


def all_apps() -> list[App]:
    """Every app of this process."""
    return list(_APPS)


def _checked_middleware(given: Iterable[AnyMiddleware]) -> tuple[AnyMiddleware, ...]:
    if given == ():
        return ()
    from monarq.shared.jobs.middleware import check_middleware  # deferred: most apps have none

    return check_middleware(given)


def _checked_listeners(given: Iterable[Listener]) -> tuple[Listener, ...]:
    if given == ():
        return ()
    from monarq.workers.events.listener import Listener  # deferred: most apps have none

    if not isinstance(given, Iterable):
        raise SettingsError(f"listeners is {given!r}: give a list")
    listed = tuple(given)
    for each in listed:
        if not isinstance(each, Listener):
            raise SettingsError(
                f"listeners: {each!r} is not a listener: give instances of subclasses of monarq.Listener"
            )
    return listed
