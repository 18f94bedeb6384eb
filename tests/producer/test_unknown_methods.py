"""Methods and `with` statements that producers do not have: the error says what to write."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from monarq import Producer, SyncProducer


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("enqueue_job", r"enqueue\(job, \.\.\.\)"),
        ("send", r"enqueue\(job, \.\.\.\)"),
        ("delay", r"enqueue\(job, \.\.\.\)"),
        ("enqueue_many_", "enqueue_many"),
    ],
)
async def test_a_method_of_another_name_gets_the_one_that_may_be_meant(name: str, meant: str) -> None:
    async with Producer() as producer:
        with pytest.raises(
            AttributeError, match=rf"'Producer' object has no attribute '{name}'; did you mean {meant}\?"
        ):
            getattr(producer, name)
    with SyncProducer() as blocking:  # noqa: SIM117
        with pytest.raises(AttributeError, match=f"'SyncProducer' object has no attribute '{name}'; did you mean"):
            getattr(blocking, name)


def test_a_method_is_suggested_once() -> None:
    """Python adds a suggestion of its own to an uncaught error that has the object."""
    program = "import monarq; monarq.SyncProducer().enqueu"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ended.stderr.splitlines()[-1] == (
        "AttributeError: 'SyncProducer' object has no attribute 'enqueu'; did you mean enqueue?"
    )


async def test_other_attributes_get_no_advice() -> None:
    async with Producer() as producer:
        with pytest.raises(AttributeError, match=r"has no attribute 'xyzzy'$"):
            producer.xyzzy  # type: ignore[attr-defined]  # noqa: B018
        assert not hasattr(producer, "__fspath__")


async def test_the_other_with_is_named() -> None:
    producer: Any = Producer()
    with pytest.raises(TypeError, match=r"use `async with Producer\(\.\.\.\)`"), producer:
        pass
    await producer.close()
    with SyncProducer() as blocking:
        other: Any = blocking
        with pytest.raises(TypeError, match=r"use `with SyncProducer\(\.\.\.\)`"):
            async with other:
                pass
