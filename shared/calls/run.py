"""`Run`: one execution of a job, as middleware and listeners see it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, Self

import msgspec

from monarq.shared.clock import moment
from monarq.shared.lane import Lane

NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})
NO_KWARGS: Final[Mapping[str, Any]] = MappingProxyType({})


class Run(msgspec.Struct, frozen=True, eq=False):
    """One execution of a job. It is immutable, and does not change while the job runs.

    Attributes:
        job_id: the job's id.
        job_name: the name that the job is enqueued by.
        job_try: the number of this try, from 1.
        crashes: how often the job's worker or process died while it was running.
        queue: the queue's name.
        lane: the lane that the job runs on.
        headers: the headers that middleware or `.options(headers=)` sent with the job.
        args: the job's positional arguments. Empty, like `kwargs`, if the payload could not be read.
        kwargs: the job's keyword arguments.
        enqueued_ms: when the job was enqueued, in unix ms.
        started_ms: when its function was called, in unix ms by this machine's clock; None if it was not.
        seconds: how long it ran; 0 if it was not started or has not ended.
        worker_id: the worker's name in Redis.
    """

    job_id: str
    job_name: str
    job_try: int = 1
    crashes: int = 0
    queue: str = ""
    lane: Lane = Lane.IO
    headers: Mapping[str, str] = NO_HEADERS
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = NO_KWARGS
    enqueued_ms: int = 0
    started_ms: int | None = None
    seconds: float = 0.0
    worker_id: str = ""

    @property
    def enqueued_at(self) -> datetime:
        """When the job was enqueued, aware, in UTC."""
        return moment(self.enqueued_ms)

    @property
    def started_at(self) -> datetime | None:
        """When its function was called, aware, in UTC; None if it was not."""
        return None if self.started_ms is None else moment(self.started_ms)

    def replace(self, *, args: tuple[Any, ...] | None = None, kwargs: Mapping[str, Any] | None = None) -> Self:
        """The same run with other arguments, for middleware to pass on.

        Args:
            args: all positional arguments. Default: unchanged.
            kwargs: all keyword arguments. Default: unchanged.
        """
        changes: dict[str, Any] = {}
        if args is not None:
            changes["args"] = tuple(args)
        if kwargs is not None:
            changes["kwargs"] = kwargs
        return msgspec.structs.replace(self, **changes)
