"""The target loader of `monarq worker`, which accepts apps and arq's settings besides modules of jobs.

arq's settings may be a class, dict, object or module. They are recognized without importing arq.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import ModuleType
from typing import Any, Final

from monarq.app.loader import AppTargets
from monarq.shared.errors import TargetError
from monarq.shared.extras import missing_extra
from monarq.shared.jobs.job import Job
from monarq.shared.redis.connection import UrlSource, fallback_url, redis_url
from monarq.workers.config.settings import WorkerSettings
from monarq.workers.process.target_loader import NOTHING, LoadedTarget, override
from monarq.workers.process.target_loader import load_target as load_with


class ArqTargets:
    """Loads arq's settings; see `monarq.workers.process.target_loader.TargetLoader`."""

    def adapt(self, settings: WorkerSettings) -> WorkerSettings:
        """Lets a worker that reads pickles write errors of classes that arq's clients can load."""
        if not settings.codecs.allow_pickle:
            return settings
        try:
            from arq.worker import JobExecutionFailed
        except ModuleNotFoundError:  # without it, a RuntimeError is written, which arq's clients can also load
            return settings
        return dataclasses.replace(settings, codecs=dataclasses.replace(settings.codecs, text_error=JobExecutionFailed))

    def takes(self, found: object) -> bool:
        """Whether it is a class or dict, or an object or a module without @job functions that has arq's attributes."""
        if isinstance(found, (type, dict)):
            return True
        if isinstance(found, ModuleType) and any(isinstance(value, Job) for value in vars(found).values()):
            return False
        return any(isinstance(getattr(found, name, None), (list, tuple)) for name in ("functions", "cron_jobs"))

    def load(
        self,
        found: object,
        target: str,
        url: str | None,
        overrides: Mapping[str, Any],
        project: Mapping[str, Any] = NOTHING,
    ) -> LoadedTarget:
        """Reads arq's settings.

        Raises:
            TargetError: they name no job, or arq is not installed.
            SettingsError: a setting has an invalid value.
        """
        try:
            from monarq.arq.lifecycle.hooks import make_parts
            from monarq.arq.settings.reader import read_arq_settings
        except ModuleNotFoundError as error:
            advice = missing_extra(error, f"{target}, taken for settings written for arq,")
            if advice is None:
                raise
            raise TargetError(advice) from error

        read = read_arq_settings(found)
        if not read.functions:
            # A worker without jobs would fail every job that it claims.
            raise TargetError(f"{target} names no jobs: at least one function or cron_job must be registered")
        if url is None and not read.names_redis:
            url = fallback_url()
        source = None if url is None else UrlSource(redis_url(url))
        parts = make_parts(read, override(read.settings, {**read.leaves_open(project), **overrides}), source)
        return LoadedTarget(
            read.jobs,
            parts.settings,
            source or read.source,
            parts.events,
            parts.background,
            read.ctx,
            own_queues=read.settings.queues,
        )


ARQ: Final = ArqTargets()
APP: Final = AppTargets(ARQ.adapt)


def load_target(
    target: str, url: str | None, overrides: Mapping[str, Any], project: Mapping[str, Any] = NOTHING
) -> LoadedTarget:
    """Loads a target of any kind; see `monarq.workers.process.target_loader.load_target`."""
    return load_with(target, url, overrides, (APP, ARQ), project)
