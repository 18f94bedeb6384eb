"""The fields of arq's settings: their names and defaults, and which of them a class, dict, object or module sets.

Inherited attributes count, unlike in arq. Attributes that look like misspelled settings cause a warning. Besides arq's
settings, a class may have monarq's own, listed in `EXTRAS`.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, Final

from arq.worker import Worker as StockWorker

from monarq.arq.runs.log import warn_misspelled
from monarq.shared.similar_names import nearest, suggestion

DEFAULTS: Final[Mapping[str, Any]] = {
    name: parameter.default for name, parameter in inspect.signature(StockWorker).parameters.items()
}
"""Every setting of arq 0.28 and its default, taken from arq itself."""

EXTRAS: Final = frozenset(
    {
        "cpu_jobs_per_child",
        "cpu_memory_bytes",
        "keep_dead_s",
        "lease_s",
        "listeners",
        "max_crashes",
        "max_dead",
        "max_error_text",
        "max_payload",
        "max_result",
        "queues",
        "signing_key",
        "threads",
    }
)
"""monarq's own settings, which a class may have too; see `WorkerSettings`, and `find_signer` for the key."""

ARQ_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "allow_pickle": ("job_serializer", "job_deserializer"),
    "concurrency": ("max_jobs",),
    "grace_s": ("job_completion_wait",),
    "keep_result_s": ("keep_result", "keep_result_forever"),
    "poll_s": ("poll_delay",),
    "queues": ("queue_name", "queues"),
    "timeout_s": ("job_timeout",),
}
"""The names here of those attributes of monarq's settings whose names differ."""

_MIN_SIMILARITY: Final = 0.75


def collect_settings(target: object) -> dict[str, Any]:
    """Returns the settings of a class, dict, object or module; warns of attributes that look like misspelled ones."""
    if isinstance(target, Mapping):
        names, where = set(target), "settings"
        given = {name: value for name, value in target.items() if name in DEFAULTS or name in EXTRAS}
    else:
        kind = target if isinstance(target, type) else type(target)
        names = {name for base in kind.__mro__ if base is not object for name in vars(base)}
        names.update(getattr(target, "__dict__", ()))
        where = str(getattr(target, "__qualname__", None) or getattr(target, "__name__", None) or kind.__qualname__)
        given = {name: getattr(target, name) for name in sorted(names) if name in DEFAULTS or name in EXTRAS}
    for name in sorted(str(name) for name in names if name not in given):
        if not name.startswith("_") and (near := nearest(name, _known(), least=_MIN_SIMILARITY)) and near not in given:
            warn_misspelled(where, name, near)
    return given


def suggest(name: str) -> str:
    """Suggests the setting that an unknown name may stand for, as the end of an error's text; '' for none."""
    return suggestion(name, _known(), least=_MIN_SIMILARITY)


def _known() -> list[str]:
    return [*DEFAULTS, *EXTRAS]
