"""Ids, names, queues, messages and errors that hold control signs reach no terminal as such, by no command."""

from __future__ import annotations

import json
from typing import Final

import pytest
from arq.worker import func
from redis.asyncio import Redis

from monarq.shared.formats.arq.keys import QueueKeys
from tests.cli.command import Cli
from tests.cli.dead.letters import bury, letter
from tests.support.queues import arq_queue
from tests.support.workers import put, run_burst

OBEYED: Final = ("\x1b", "\x07", "\r", "\x7f", "\x9b", "\u202e", "\u2066", "\u2028", "\u2029")
SIGNS: Final = "a\n12:00 forged\x1b[31m\x07\r\x7f\x9b\u202e\u2066\u2028\u2029[red]"


async def raise_signs(ctx: object) -> None:
    raise ValueError(SIGNS)


COMMANDS: Final = [
    ("stats",),
    ("stats", "--json"),
    ("queues", "list"),
    ("queues", "list", "--json"),
    ("queues", "pause", SIGNS),
    ("jobs", "list", "-q", SIGNS),
    ("jobs", "list", "-q", SIGNS, "--json"),
    ("jobs", "show", SIGNS, "-q", SIGNS),
    ("jobs", "show", SIGNS, "-q", SIGNS, "--json"),
    ("jobs", "show", SIGNS + "?", "-q", SIGNS),
    ("dead", "list", "-q", SIGNS),
    ("dead", "show", SIGNS, "-q", SIGNS),
    ("dead", "show", SIGNS, "-q", SIGNS, "--json"),
    ("workers", "--jobs"),
    ("worker", SIGNS),
    ("enqueue", SIGNS),
]


@pytest.fixture
async def signs(redis: Redis, redis_url: str) -> None:
    """As arq's settings and clients may have them: monarq's own declarations refuse such names."""
    queue = QueueKeys.of(SIGNS)
    await put(redis, SIGNS, job_id=SIGNS, queue=queue)
    await run_burst(redis_url, [func(raise_signs, name=SIGNS)], queues=(arq_queue(SIGNS),), arq_rules=True)
    await put(redis, SIGNS, job_id=SIGNS + "waits", queue=queue)


@pytest.mark.usefixtures("signs")
async def test_no_command_sends_control_signs_to_a_terminal(redis: Redis, cli_here: Cli) -> None:
    for command in COMMANDS:
        ended = await cli_here(*command)
        said = ended.out + ended.err
        assert said
        assert not any(sign in said for sign in OBEYED), command
        assert not any(line.startswith("12:00 forged") for line in said.splitlines()), command
        if "--json" in command:
            assert SIGNS in _texts(list(map(json.loads, ended.out.splitlines()))), "it decodes as it was"
    await redis.flushall()


def _texts(value: object) -> list[str]:
    if isinstance(value, dict):
        return [text for part in value.values() for text in _texts(part)]
    if isinstance(value, list):
        return [text for part in value for text in _texts(part)]
    return [value] if isinstance(value, str) else []


async def test_a_letter_of_many_lines_keeps_them(redis: Redis, cli_here: Cli) -> None:
    await bury(redis, a=letter(error="ValueError: one\ntwo"))
    lines = (await cli_here("dead", "show", "a")).out.splitlines()
    [at] = [number for number, line in enumerate(lines) if "ValueError: one" in line]
    assert lines[at + 1] == "            two"
