"""Makes the worker of an `App`, which `monarq worker` finds in a module or by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, cast

from redis.asyncio import Redis

from monarq.app.app import App, options_of
from monarq.app.contents import Contents, contents_of
from monarq.app.finding import apps_in, module_of
from monarq.shared.errors import SettingsError, TargetError
from monarq.shared.payloads.codec import Codecs
from monarq.shared.payloads.signing import find_signer
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.queue import Queue, to_ref
from monarq.shared.redis.connection import RedisSource, UrlSource, redis_url
from monarq.shared.redis.pool_source import PoolSource
from monarq.shared.settings.defaults import Defaults, given_defaults
from monarq.shared.settings.lookup import chosen
from monarq.workers.config.app_parts import AppParts
from monarq.workers.config.named_settings import by_attribute
from monarq.workers.config.settings import WorkerSettings
from monarq.workers.process.target_loader import NOTHING, LoadedTarget, assemble, override


class AppTargets:
    """Loads apps; see `monarq.workers.process.target_loader.TargetLoader`.

    Args:
        adapt_settings: changes the settings of workers that may also claim jobs of other kinds.
    """

    def __init__(self, adapt_settings: Callable[[WorkerSettings], WorkerSettings]) -> None:
        self._adapt = adapt_settings

    def adapt(self, settings: WorkerSettings) -> WorkerSettings:
        """Changes nothing."""
        return settings

    def takes(self, found: object) -> bool:
        """Whether it is an app, or a module with one."""
        return isinstance(found, App) or (isinstance(found, ModuleType) and bool(apps_in(found)))

    def contents(self, found: object, target: str) -> Contents:
        """Everything that belongs to an app, and to the module that was named.

        Raises:
            TargetError: the module has more than one app, or one that the app includes cannot be imported.
            DeclarationError: two jobs have the same name.
            SettingsError: the app includes something that is neither a module nor an app.
        """
        if isinstance(found, App):
            return contents_of(found, module_of(target))
        return contents_of(_one_app(found, target), cast("ModuleType", found))

    def load(
        self,
        found: object,
        target: str,
        url: str | None,
        overrides: Mapping[str, Any],
        project: Mapping[str, Any] = NOTHING,
    ) -> LoadedTarget:
        """Makes the parts of a worker from an app.

        Raises:
            TargetError: the app has no job, or the module has more than one app.
            SettingsError: a setting has an invalid value.
            DeclarationError: two of its jobs have the same name.
        """
        contents = self.contents(found, target)
        app = contents.apps[0]
        if not contents.jobs:
            raise TargetError(
                f"{target}: the app {app.name!r} has no jobs: declare them with @app.job, or list their modules in"
                " include=[...]"
            )
        settings = self._adapt(override(_settings_of(app, contents, project), overrides))
        own = [to_ref(queue) for queue in _queues_of(contents)] if _names_queues(contents) else []
        return assemble(list(contents.jobs.values()), contents.crons, settings, _source_of(app, url), own_queues=own)


def _one_app(found: object, target: str) -> App:
    assert isinstance(found, ModuleType)
    apps = apps_in(found)
    if len(apps) > 1:
        names = [name for name, value in vars(found).items() if any(value is app for app in apps)]
        raise TargetError(f"{target} has more than one App: name one, such as {target}:{names[0]}")
    return apps[0]


def _settings_of(app: App, contents: Contents, project: Mapping[str, Any]) -> WorkerSettings:
    """The settings of the app's worker; those of the app override those of pyproject.toml."""
    settings = WorkerSettings(
        queues=cast("Any", _queues_of(contents)),  # names and instances of Queue are accepted too
        codecs=Codecs(signer=find_signer()),
        listeners=tuple(contents.listeners),
        app=AppParts(
            queue=to_ref(_queue_of(app)),
            lifespans=tuple(contents.lifespans),
            cpu_lifespans=tuple(contents.cpu_lifespans),
            middleware=tuple(contents.middleware),
            attach=contents.attach,
        ),
    )
    left_open = {name: value for name, value in project.items() if name != "queues" or not _names_queues(contents)}
    return override(override(settings, left_open), _overrides_of(options_of(app).defaults))


def _names_queues(contents: Contents) -> bool:
    return any(options.queue or options.queues for options in map(options_of, contents.apps))


def _queues_of(contents: Contents) -> tuple[str | Queue, ...]:
    """The queues that its workers serve: the app's and those of included apps, without duplicates."""
    app, *included = contents.apps
    named = [queue for each in map(options_of, included) for queue in (each.queue, *each.queues) if queue is not None]
    found: dict[QueueRef, str | Queue] = {}
    for queue in (_queue_of(app), *options_of(app).queues, *named):
        found.setdefault(to_ref(queue), queue)
    return tuple(found.values())


def _queue_of(app: App) -> str | Queue:
    return options_of(app).queue or chosen("", "queue")


def _overrides_of(defaults: Defaults | None) -> dict[str, Any]:
    if defaults is None:
        return {}
    if not isinstance(defaults, Defaults):
        raise SettingsError(f"defaults is {defaults!r}: give a monarq.Defaults")
    return by_attribute(given_defaults(defaults))


def _source_of(app: App, url: str | None) -> RedisSource:
    given = options_of(app).redis
    if url is None and isinstance(given, Redis):
        return PoolSource(given.connection_pool)
    if given is not None and not isinstance(given, (str, Redis)):
        raise SettingsError(f"the app's redis is {given!r}: give a URL, or a client of redis.asyncio")
    return UrlSource(redis_url(url or (given if isinstance(given, str) else None)))
