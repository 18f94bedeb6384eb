"""On a cluster a user with the rights that docs/guides/security.md lists, and no other, can do all that is needed."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from chaos.processes.cluster import Cluster
from monarq import Producer, Queue
from monarq.producer import named
from tests.cli.command import monarq, start, stop
from tests.support.slowness import patience_s

DOCS = Path(__file__).parents[2] / "docs" / "guides" / "security.md"


@pytest.fixture
async def user_url(cluster: Cluster) -> AsyncIterator[str]:
    """The URL of that user; at the end nothing may have been denied to them on any node."""
    text = DOCS.read_text()
    words = re.findall(r"^ACL SETUSER monarq (.*)$", text, re.MULTILINE)[0].split()
    words += re.findall(r"On a cluster, add `(.*?)`", text)[0].split()
    version = (await cluster.nodes[0].ask("INFO", "server"))["redis_version"]
    if [int(part) for part in version.split(".")] < [7, 2]:
        words.remove("+client|setinfo")
    for node in cluster.nodes:
        await node.ask("ACL", "LOG", "RESET")
        await node.ask("ACL", "SETUSER", "monarq", *words)
    yield cluster.url.replace("://", "://monarq:PASSWORD@")
    for node in cluster.nodes:
        denied = await node.ask("ACL", "LOG")
        await node.ask("ACL", "DELUSER", "monarq")
        assert [dict(zip(entry[::2], entry[1::2], strict=True)).get("object") for entry in denied] == []


async def test_a_worker_a_producer_and_the_command_line(cluster: Cluster, user_url: str) -> None:
    worker = await start("worker", "tests.cli.target", "-w", "1", "-q", "mail", url=user_url)
    async with Producer(user_url, queue=Queue("mail")) as producer:
        assert await (await producer.enqueue(named("double"), 4)).result(patience_s(30)) == 8
        key = "monarq:n:{mail}:meta"
        await cluster.move_slot(key, await cluster.other_primary(await cluster.holder(key)), keys_a_call=2)
        assert await (await producer.enqueue(named("double"), 5)).result(patience_s(30)) == 10
    for words in (["stats"], ["workers"], ["queues", "pause", "mail"], ["queues", "resume", "mail"], ["jobs", "list"]):
        ended = await monarq(*words, url=user_url)
        assert ended.code == 0, (words, ended.err)
    assert (await stop(worker)).code == 0


async def test_who_may_not_ask_for_the_slots_is_told(cluster: Cluster, user_url: str) -> None:
    for node in cluster.nodes:
        await node.ask("ACL", "SETUSER", "monarq", "-cluster|slots")
    ended = await monarq("stats", url=user_url)
    assert ended.code != 0
    assert "docs/guides/security.md (A user of Redis) lists the rights" in ended.err
    for node in cluster.nodes:
        await node.ask("ACL", "LOG", "RESET")
