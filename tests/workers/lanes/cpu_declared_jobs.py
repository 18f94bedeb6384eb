"""Cpu jobs that stand under no name, or under that of another function: see test_cpu_declared.py."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Final

from monarq.shared.jobs.decorators import job
from monarq.shared.jobs.job import Job
from tests.workers.lanes.cpu_values import shrink


def audited(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*args: Any) -> Any:
        return "audited", function(*args)

    return call


def resize(size: int) -> int:
    return size


@job
@audited
def crop_audited(size: int) -> int:
    return size


@job(name="renamed")
def plain(size: int) -> int:
    return size


resize_audited = job(name="resize_audited")(audited(resize))
BY_NAME: Final[dict[str, Job[Any, Any]]] = {"kept": job(name="kept_in_a_dict")(audited(resize))}
OF_ANOTHER_MODULE: Final = job(name="shrink_audited")(audited(shrink))

ALL: Final[list[Job[Any, Any]]] = [crop_audited, plain, resize_audited, BY_NAME["kept"], OF_ANOTHER_MODULE]
