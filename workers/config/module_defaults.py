"""What a module of jobs says about its workers, besides its jobs: for modules that are made from other settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ModuleDefaults:
    """The Redis and the queues of a module's workers, where the command line and the environment name no others.

    Attributes:
        redis: returns the URL of the Redis, or None for that of the environment; may raise a SettingsError.
        queues: the names of the queues; empty for those of the settings.
    """

    redis: Callable[[], str | None]
    queues: Sequence[str] = ()
