"""The types that mypy and pyright reveal are those of the values that a program gets."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from monarq.producer import Producer, SyncProducer
from tests.support.formats import current_name
from tests.support.slowness import in_time
from tests.support.workers import make_worker, running
from tests.typing import revealed

PROGRAM = Path(revealed.__file__)
ROOT = PROGRAM.parents[2]


def described(value: Any) -> str:
    """A value's type as the checkers write it."""
    if value is None:
        return "None"
    name = type(value).__name__
    if isinstance(value, dict):
        [(key, item), *_] = value.items()
        return f"dict[{described(key)}, {described(item)}]"
    if isinstance(value, tuple):
        return f"tuple[{', '.join(map(described, value))}]"
    if isinstance(value, (list, set)):
        return f"{name}[{described(next(iter(value)))}]"
    return name


def revealed_by(command: list[str], pattern: str) -> dict[int, str]:
    """What a checker reveals, by line, without the names of modules."""
    ended = subprocess.run([sys.executable, "-m", *command, str(PROGRAM)], cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    found = re.findall(pattern, ended.stdout)
    return {int(line): re.sub(r"\b[\w.]+\.(\w+)", r"\1", kind) for line, kind in found}


@pytest.fixture
async def came(redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> dict[int, str]:
    """The types of the values at run time, by line."""
    at_run_time: dict[int, str] = {}

    def note(value: Any) -> Any:
        at_run_time[sys._getframe(1).f_lineno] = described(value)
        return value

    monkeypatch.setattr(revealed, "reveal_type", note)
    async with running(make_worker(redis_url, revealed.JOBS)), in_time(60):
        async with Producer(redis_url, queue=current_name()) as producer:
            await revealed.run(producer)
        with SyncProducer(redis_url, queue=current_name()) as blocking:
            await asyncio.to_thread(revealed.run_blocking, blocking)
    return at_run_time


@pytest.mark.parametrize(
    ("command", "pattern"),
    [
        (["mypy", "--strict"], r':(\d+): note: Revealed type is "(.+)"'),
        (["pyright"], r':(\d+):\d+ - information: Type of ".+" is "(.+)"'),
    ],
    ids=["mypy", "pyright"],
)
async def test_values_have_the_types_that_are_revealed(came: dict[int, str], command: list[str], pattern: str) -> None:
    said = revealed_by(command, pattern)
    assert sorted(said) == sorted(came)
    assert len(came) > 15
    wrong = {
        line: (said[line], kind) for line, kind in came.items() if kind not in {said[line], *said[line].split(" | ")}
    }
    assert not wrong
