"""Names of queues that nobody has used: every command says so, and none shows an empty queue."""

from __future__ import annotations

import json
from typing import Final

import pytest
from redis.asyncio import Redis

from monarq.shared.formats.arq.keys import HEALTH_CHECK_SUFFIX, QueueKeys
from monarq.shared.formats.choice.monitors import monitor_queue
from monarq.shared.formats.native.keys import FLEET_QUEUES
from monarq.shared.formats.native.workers.fleet import register_queues
from monarq.shared.protocol.queue_ref import QueueRef
from tests.cli.command import Cli
from tests.support.queues import arq_queue
from tests.support.workers import put

EMAILS: Final = QueueRef("emails", "native")
WORDS: Final = "unknown queue emials: it has no jobs, and no worker serves it"
COMMANDS: Final = [
    ["stats", "-q"],
    ["stats", "--json", "-q"],
    ["workers", "-q"],
    ["workers", "--json", "-q"],
    ["jobs", "list", "-q"],
    ["jobs", "list", "--json", "-q"],
    ["dead", "list", "-q"],
    ["dead", "show", "a", "-q"],
    ["dead", "retry", "--all", "-q"],
    ["dead", "delete", "a", "-q"],
    ["queues", "list"],
    ["queues", "pause"],
    ["queues", "resume"],
    ["queues", "purge", "--yes"],
    ["queues", "move", "--dry-run"],
]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
async def test_one_sentence_names_the_queue_that_was_meant(redis: Redis, cli_here: Cli, words: list[str]) -> None:
    await put(redis, "send", job_id="a", queue=EMAILS)
    keys = set(await redis.keys())
    ended = await cli_here(*words, "emials", *(["new"] if "move" in words else []))
    assert (ended.code, ended.out, ended.err) == (1, "", f"monarq: {WORDS}; did you mean emails?\n")
    assert set(await redis.keys()) == keys


async def test_others_are_named_and_not_all_of_many(redis: Redis, cli_here: Cli) -> None:
    assert (await cli_here("stats", "-q", "mail")).err.endswith("; known queues: default\n")
    await register_queues(redis, [f"q{at}" for at in range(12)])
    said = (await cli_here("stats", "-q", "mail")).err
    assert said.endswith("known queues: q0, q1, q10, q11, q2, q3, q4, q5, q6, q7 and 2 more\n")


async def test_the_other_queues_are_shown(redis: Redis, cli_here: Cli) -> None:
    await put(redis, "send", job_id="a", queue=EMAILS)
    ended = await cli_here("stats", "--json", "-q", "emials", "-q", "emails")
    assert [queue["queue"] for queue in json.loads(ended.out)["queues"]] == ["emails"]
    assert (ended.code, ended.err) == (1, f"monarq: {WORDS}; did you mean emails?\n")


async def test_the_default_queue_is_there_where_there_is_none(redis: Redis, cli_here: Cli) -> None:
    """As the lists show it then."""
    for words in (["stats", "-q", "default"], ["queues", "list", "default"]):
        assert (await cli_here(*words)).code == 0


async def test_a_queue_that_was_used_once_is_there(redis: Redis, cli_here: Cli) -> None:
    await put(redis, "send", job_id="a", queue=EMAILS)
    assert (await cli_here("queues", "purge", "emails", "--yes")).code == 0
    await redis.delete(FLEET_QUEUES)
    assert not await monitor_queue(EMAILS).is_known(redis)
    for words in (["stats", "-q", "emails"], ["queues", "pause", "emails"], ["queues", "resume", "emails"]):
        assert (await cli_here(*words)).code == 0


@pytest.mark.parametrize("key", [f"mail{HEALTH_CHECK_SUFFIX}", QueueKeys.of("mail").stats])
async def test_an_empty_queue_in_arqs_format_that_is_on_no_list_is_there(redis: Redis, cli_here: Cli, key: str) -> None:
    assert (await cli_here("stats", "--arq-queue", "mail")).err.startswith("monarq: unknown queue mail (arq)")
    assert not await monitor_queue(arq_queue("mail")).was_used(redis)
    if key.endswith(HEALTH_CHECK_SUFFIX):
        await redis.set(key, "Jan-01 00:00:00 j_complete=1 j_failed=0 j_retried=0 j_ongoing=0 queued=0")
    else:
        await redis.hset(key, "succeeded", "1")  # type: ignore[misc]
    await redis.expire(key, 3600)
    assert (await cli_here("stats", "--arq-queue", "mail")).code == 0
