"""Errors of wrong calls of a job name what is really wrong."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from monarq import Context, Resource, SyncContext
from monarq.producer import named
from monarq.shared.calls.resource import ResourceRequest
from monarq.shared.errors import ArgumentsError, SettingsError
from monarq.shared.jobs.cron_declaration import cron
from monarq.shared.jobs.decorators import job
from monarq.testing import context


@job(name="hints.unannotated")
async def unannotated(ctx, number: int) -> int:  # type: ignore[no-untyped-def]
    return number


@job(name="hints.in_thread", lane="thread")
def in_thread(self, number: int) -> int:  # type: ignore[no-untyped-def]
    return number


@job(name="hints.first")
async def first(row, number: int) -> int:  # type: ignore[no-untyped-def]
    return number


@job(name="hints.annotated")
async def annotated(ctx: Context, number: int) -> int:
    return number


@job(name="hints.plain", lane="thread")
def plain(ctx: SyncContext, number: int) -> int:
    if number < 0:
        raise TypeError("from the job")
    return number


@job(name="hints.with_pool")
async def with_pool(number: int, *, pool: Any = Resource("pool")) -> Any:
    return pool.execute(number)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (
            unannotated,
            "missing a required argument: 'number'; if 'ctx' is to be the context, annotate it.*ctx: Context",
        ),
        (in_thread, "if 'self' is to be the context, annotate it as SyncContext: self: SyncContext"),
        (first, "missing a required argument: 'number'$"),
        (annotated, r"missing a required argument: 'number'$"),
    ],
)
def test_an_unannotated_context_is_noticed(wrong: Any, hint: str) -> None:
    args = () if wrong is annotated else (3,)
    with pytest.raises(ArgumentsError, match=hint):
        wrong.check_arguments(args, {})


def test_options_among_the_arguments_are_shown_where_they_belong() -> None:
    with pytest.raises(ArgumentsError, match=r"; pass it as an option: first\.options\(queue=\.\.\.\)"):
        first.check_arguments((1, 2), {"queue": "mail"})
    with pytest.raises(ArgumentsError, match=r"; pass it as an option: named\('far'\)\.options\(queue=\.\.\.\)"):
        named("far").check_arguments((), {"_queue_name": "mail"})


async def test_a_context_that_a_direct_call_lacks_is_named() -> None:
    wrong: Any = annotated
    with pytest.raises(
        TypeError, match=r"pass the context as well, as its first argument: monarq\.testing\.context\(\)"
    ):
        await wrong(3)
    wrong = plain
    with pytest.raises(TypeError, match=r"pass the context as well.*monarq\.testing\.sync_context\(\)"):
        wrong(3)
    with pytest.raises(TypeError, match="from the job"):
        wrong(object(), -1)
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'number'"):
        await wrong(context())
    assert await annotated(context(), 3) == 3


async def test_a_resource_that_a_direct_call_lacks_is_named() -> None:
    with pytest.raises(AttributeError, match=r"Resource\('pool'\) has no 'execute'.* pass the resource itself by name"):
        await with_pool(3)


def test_a_request_of_a_resource_can_be_probed_and_copied() -> None:
    request = ResourceRequest("pool", None, cached=True)
    assert not hasattr(request, "__wrapped__")
    assert not hasattr(request, "anything")
    for other in (copy.copy(request), copy.deepcopy(request), pickle.loads(pickle.dumps(request))):
        assert repr(other) == "Resource('pool')"
    empty: Any = ResourceRequest.__new__(ResourceRequest)
    with pytest.raises(AttributeError, match="has no attribute 'factory'"):
        _ = empty.factory


def test_a_cron_without_a_schedule_is_refused() -> None:
    no_args: Any = named("hints.tick")
    with pytest.raises(SettingsError, match=r"cron of hints\.tick has no schedule: give a crontab line"):
        cron(no_args)
    assert cron(no_args, "* * * * *")
    assert cron(no_args, second={0, 30})
