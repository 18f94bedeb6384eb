"""Settings of workers by their public names, as attributes of `WorkerSettings`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from monarq.shared.protocol.queue_ref import DEFAULT_FORMAT, QueueRef
from monarq.shared.settings.project import find_project
from monarq.shared.settings.table import find_setting

ATTRIBUTES: Final[Mapping[str, str]] = {
    "cpu_memory": "cpu_memory_bytes",
    "grace": "grace_s",
    "keep_dead": "keep_dead_s",
    "keep_result": "keep_result_s",
    "keep_unknown": "keep_unknown_s",
    "lease": "lease_s",
    "max_jobs_per_child": "cpu_jobs_per_child",
    "poll": "poll_s",
    "redis_wait": "redis_wait_s",
    "timeout": "timeout_s",
}
"""The attributes whose names differ from the settings' public names."""

OF_ALL: Final = frozenset({"allow_pickle", "max_payload"})
"""Settings that workers share with other parts, such as producers."""


def project_settings() -> dict[str, Any]:
    """The settings of worker processes in pyproject.toml, by attribute.

    Raises:
        SettingsError: it has an unknown setting, or an invalid value.
    """
    given = find_project().values
    named = {setting.name: value for setting, value in given.items() if setting.in_defaults or setting.name in OF_ALL}
    queues = [
        QueueRef(name, its_format)
        for setting_name, its_format in (("queues", DEFAULT_FORMAT), ("arq_queues", "arq"))
        for name in find_project().read("worker", setting_name) or ()
    ]
    return by_attribute(named) | ({"queues": queues} if queues else {})


def by_attribute(values: Mapping[str, Any]) -> dict[str, Any]:
    """The checked values of settings, by the names that `override` takes: attributes, and "allow_pickle".

    Args:
        values: by the public names of the settings, as in pyproject.toml or `Defaults`.

    Raises:
        SettingsError: a value is invalid.
    """
    return {ATTRIBUTES.get(name, name): _read(name, value) for name, value in values.items()}


def _read(name: str, value: Any) -> Any:
    if name == "queues":  # `override` checks their names and formats
        return value
    return find_setting("" if name in OF_ALL else "worker", name).read(value)
