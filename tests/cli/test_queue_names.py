"""Queues named on a command line: -q names the native queue where there is one, --arq-queue and --arq arq's."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from monarq.monitor.admin import admin
from monarq.shared.formats.arq.keys import QueueKeys
from monarq.shared.protocol.queue_ref import QueueRef
from tests.cli.command import Cli
from tests.support.queues import arq_queue
from tests.support.workers import put

NATIVE = QueueRef("mail", "native")


@pytest.fixture(autouse=True)
async def twins(redis: Redis) -> None:
    """A queue of each format with the same name: a job in the native one, two in arq's."""
    await put(redis, "send", job_id="of-native", queue=NATIVE)
    for job_id in ("of-arq", "of-arq-too"):
        await put(redis, "send", job_id=job_id, queue=QueueKeys.of("mail"))


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        (["-q", "mail"], {"of-native"}),
        (["--arq-queue", "mail"], {"of-arq", "of-arq-too"}),
        (["-q", "mail", "--arq-queue", "mail"], {"of-native", "of-arq", "of-arq-too"}),
    ],
    ids=["by its name", "by its format", "both"],
)
async def test_jobs_of_the_named_queues(cli_here: Cli, options: list[str], ids: set[str]) -> None:
    rows = (await cli_here("jobs", "list", "--json", *options)).results
    assert {row["job_id"] for row in rows} == ids
    assert {(row["queue"], row["format"]) for row in rows} == {
        ("mail", "native" if row["job_id"] == "of-native" else "arq") for row in rows
    }


async def test_tables_mark_arqs_queue(cli_here: Cli) -> None:
    assert "mail (arq)" in (await cli_here("jobs", "list")).out
    assert "mail (arq)" in (await cli_here("queues", "list")).out
    assert "mail (arq)" in (await cli_here("queues", "list", "mail", "--arq")).out, "with or without the other"


@pytest.mark.parametrize(
    ("options", "paused", "other"), [([], NATIVE, arq_queue("mail")), (["--arq"], arq_queue("mail"), NATIVE)]
)
async def test_the_named_queue_is_paused_and_purged(
    redis: Redis, cli_here: Cli, options: list[str], paused: QueueRef, other: QueueRef
) -> None:
    assert (await cli_here("queues", "pause", "mail", *options)).code == 0
    assert await admin.paused_since_ms(redis, paused) is not None
    assert await admin.paused_since_ms(redis, other) is None
    count = 1 if paused == NATIVE else 2
    assert f"{count} job" in (await cli_here("queues", "purge", "mail", "--yes", *options)).err
    assert (await cli_here("queues", "resume", "mail", *options)).err == f"monarq: {paused} is resumed\n"
    [left] = (await cli_here("queues", "list", "mail", "--json", *(["--arq"] if other != NATIVE else []))).results
    assert (left["format"], left["queued"]) == (other.format, 3 - count)


async def test_stats_of_the_named_queue(cli_here: Cli) -> None:
    [document] = (await cli_here("stats", "--json", "--arq-queue", "mail")).results
    assert [(queue["format"], queue["queued"]) for queue in document["queues"]] == [("arq", 2)]
    assert (document["verdict"]["queue"], document["verdict"]["format"]) == ("mail", "arq")
    assert "mail (arq): " in (await cli_here("stats")).out
