"""``arq.typing``, unchanged."""

from __future__ import annotations

from arq.typing import (
    WEEKDAYS,
    OptionType,
    SecondsTimedelta,
    StartupShutdown,
    WeekdayOptionType,
    WorkerCoroutine,
    WorkerSettingsBase,
    WorkerSettingsType,
)

__all__ = (
    "WEEKDAYS",
    "OptionType",
    "SecondsTimedelta",
    "StartupShutdown",
    "WeekdayOptionType",
    "WorkerCoroutine",
    "WorkerSettingsBase",
    "WorkerSettingsType",
)
